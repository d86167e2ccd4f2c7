"""What the words of a template become: RE2 patterns over UTF-8, bounded when they are compiled.

Every pattern ignores case and lets "^" and "$" stand at line ends, because that is how reporters' texts are read.
RE2 takes time linear in the text; the bound on the compiled size bounds the factor.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import re2

MAX_PATTERN = 500  # characters
MAX_PROGRAM = 3_000  # RE2 instructions: what one character of a text may cost at worst
_SET_MEMORY = 64 << 20  # bytes for the automaton of all marks together; RE2's own bound is made for one pattern

_HINTS = (
    ("invalid perl operator: (?<", "RE2 has no look-behind: capture the value in one group instead"),
    ("invalid perl operator: (?", "RE2 has no look-ahead, atomic group or conditional: capture the value in one group"),
    ("invalid escape sequence: \\", "RE2 has no back-reference and only the usual escapes"),
    ("bad repetition operator", "RE2 has no possessive repetition"),
    ("invalid repetition size", "a repetition counts at most 1000"),
)


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options


_OPTIONS = _options()


@lru_cache(maxsize=10_000)  # asked for when a file is checked and again when it is compiled; templates share words
def _compiled(pattern: str) -> re2._Regexp:
    return re2._Regexp(f"(?im){pattern}".encode(), _OPTIONS)


def check(pattern: str) -> re2._Regexp:
    """`pattern` compiled as it is used: ignoring case, line by line.

    :raises ValueError: in words, when RE2 refuses it, it is too long or too costly.
    """
    if not pattern.strip():
        raise ValueError("expected a pattern that is not empty")
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"expected at most {MAX_PATTERN} characters")
    try:
        compiled = _compiled(pattern)
    except re2.error as error:
        raise ValueError(f"expected a pattern that RE2 takes: {_reason(error)}") from None
    if compiled.programsize > MAX_PROGRAM:
        raise ValueError(
            f"expected a smaller pattern: it compiles to {compiled.programsize} instructions, allowed are {MAX_PROGRAM}"
        )
    return compiled


def _reason(error: re2.error) -> str:
    reason = error.args[0] if error.args else b""
    words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    for start, hint in _HINTS:
        if words.startswith(start):
            return f"{words} ({hint})"
    return words


def literal(text: str) -> str:
    """RE2 for words that may be wrapped, quoted and spaced in any way."""
    return r"[\s>|*_]+".join(str(re2.escape(word)) for word in text.split())


def any_literal(texts: Iterable[str]) -> re2._Regexp:
    """Any of some texts: wherever they stand or, after a "^", as whole words at the start of a line."""
    return check_long("|".join(_placed(text) for text in texts))


def _placed(text: str) -> str:
    if not text.startswith("^"):
        return literal(text)
    # RE2's \b knows ASCII only: after another letter it would ask for one more
    last = text.rstrip()[-1]
    end = r"\b" if last.isascii() and last.isalnum() else ""
    return rf"^[ \t>|*_•·#\"'({{\[-]*{literal(text[1:])}{end}"


def labelled_line(labels: Iterable[str]) -> re2._Regexp:
    """A line "label: value". Group 1 is what stands between (a lone blank is weak), group 2 the rest of the line.

    Before the label only bullets, quotes and quotation marks may stand, so that "IP" is not found in "Destination IP".
    Longer labels go first, so that "IP Address: …" is not read as "IP" with the value "Address: …".
    """
    words = "|".join(literal(label) for label in sorted((one.rstrip(" :=") for one in labels), key=len, reverse=True))
    return check_long(
        rf"^[ \t>|*_•·#\"'({{\[-]*(?:{words})(?:\(e?s\))?[\"'*_]*"
        r"([ \t]*(?:\.{2,}|-{1,2}>|=>|[:=：|\t])[ \t]*(?:[.:=|>*_]+[ \t]+)?|[ \t]+-[ \t]+|[ \t]{2,}|[ \t]|$)"
        r"([^\n]*)"
    )


def check_long(pattern: str) -> re2._Regexp:
    """A pattern that was built here from checked words, so that only its cost is in question."""
    compiled = _compiled(pattern)
    if compiled.programsize > 4 * MAX_PROGRAM:
        raise ValueError("expected fewer or shorter texts")
    return compiled


class MarkSet:
    """Many patterns looked for in one pass over a text."""

    def __init__(self) -> None:
        options = _options()
        options.max_mem = _SET_MEMORY
        self._set = re2.Set.SearchSet(options)
        self._owners: list[int] = []

    def add(self, pattern: re2._Regexp, owner: int) -> None:
        """Add a pattern that `check` gave; `owner` is what `owners` says when it is found."""
        self._set.Add(pattern.pattern)
        self._owners.append(owner)

    def compile(self) -> None:
        """After the last `add`."""
        if self._owners:
            self._set.Compile()

    def __bool__(self) -> bool:
        return bool(self._owners)

    def owners(self, text: bytes) -> set[int]:
        """The owners of the patterns that occur in `text`."""
        if not self._owners:
            return set()
        return {self._owners[number] for number in self._set.Match(text) or ()}  # None stands for no match
