"""Is a text well? Its syntax, every variable it uses, and how it comes out with sample values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from abuse.models import MailTemplate

from .engine import _HTML, _PLAIN
from .formats import LANGUAGES
from .language import Parsed, TextError, Use, parse
from .variables import CATALOGUE, Kind, sample
from .writing import ABOUT_CATEGORY, HOW_TO_FIX, Parts, fill

Type = MailTemplate.RecipientType
Partials = Mapping[str, Parts]

MAX_SUBJECT = 1023
_LINE = re.compile(r"^line (\d+): ")
_UNFILLED = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
_ACTIVE = re.compile(r"(?i)<\s*(?:script|iframe|object|embed|form)\b|\bon[a-z]+\s*=|javascript:")
_REMOTE = re.compile(r"(?i)<\s*(?:img|link)\b")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a text: in which field (`subject`, `body` or `body_html`), where, and about what."""

    field: str
    message: str
    line: int | None = None
    variable: str | None = None

    def __str__(self) -> str:
        place = f"{self.field}, line {self.line}" if self.line else self.field
        return f"{place}: {self.message}"


def check(parts: Parts, recipient_type: str, lang: str, partials: Partials, *, codename: str = "") -> list[Fault]:
    """Everything that is wrong with a text; `partials`: those there are in its language, by codename."""
    faults: list[Fault] = []
    if recipient_type == Type.PARTIAL and ("{{" in parts.subject or "{%" in parts.subject):
        faults.append(Fault("subject", "a partial's subject is a plain text; expected no {{ and no {%"))
    if not parts.subject.strip() and recipient_type != Type.PARTIAL:
        faults.append(Fault("subject", "empty; expected a text"))
    if "\n" in parts.subject or len(parts.subject) > MAX_SUBJECT:
        faults.append(Fault("subject", f"expected one line of {MAX_SUBJECT} characters at most"))
    if not parts.body.strip():
        faults.append(Fault("body", "empty; expected a text"))
    for field, engine in (("subject", _PLAIN), ("body", _PLAIN), ("body_html", _HTML)):
        try:
            parsed = parse(engine, getattr(parts, field))
        except TextError as error:
            found = _LINE.match(str(error))
            faults.append(Fault(field, str(error)[found.end() :] if found else str(error), _line(found)))
            continue
        faults += _unknown(field, parsed, recipient_type)
        faults += _not_included(field, parsed, recipient_type, partials)
        if codename.startswith(HOW_TO_FIX):
            itself = sorted(parsed.names & ABOUT_CATEGORY)
            faults += [Fault(field, f"{name} within a text that {name} is made of", variable=name) for name in itself]
    return faults or list(dict.fromkeys(_rendered(parts, recipient_type, lang, partials)))


def warnings(parts: Parts, rendered: tuple[str, str, str]) -> list[str]:
    """What may be right, but seldom is."""
    subject, body, html = rendered
    found = []
    if len(subject) > 200:
        found.append(f"subject: {len(subject)} characters; many programs show 60")
    if "{{" not in parts.subject:
        found.append("subject: it does not name the case; {{ publicId }} does")
    long = max((len(line) for line in body.splitlines()), default=0)
    if long > 998:
        found.append(f"body: a line of {long} characters")
    if html and _REMOTE.search(html):
        found.append("body_html: pictures and style sheets from elsewhere are not shown by many programs")
    return found


def _line(found: re.Match[str] | None) -> int | None:
    return int(found.group(1)) if found else None


def _unknown(field: str, parsed: Parsed, recipient_type: str) -> Iterator[Fault]:
    known = CATALOGUE[recipient_type]
    reported: set[tuple[str, str | None]] = set()
    for use in parsed.uses:
        if (use.name, use.attribute) in reported:
            continue
        reported.add((use.name, use.attribute))
        if use.rows_of is not None:
            yield from _unknown_field(field, use, recipient_type)
        elif use.name not in known:
            message = f"unknown variable {use.name!r}{_nearest(use.name, known)}"
            elsewhere = [kind for kind, names in CATALOGUE.items() if use.name in names and kind != Type.PARTIAL]
            if elsewhere:
                message += f"; it exists for {', '.join(elsewhere)} only"
            yield Fault(field, message, use.line, use.name)


def _unknown_field(field: str, use: Use, recipient_type: str) -> Iterator[Fault]:
    rows = CATALOGUE[recipient_type].get(use.rows_of or "")
    if rows is None and use.rows_of:
        return  # the list itself is unknown, and reported
    if rows is None or rows.kind != Kind.ROWS:
        yield Fault(field, f"{use.name}.{use.attribute}: {use.name} has no fields", use.line, use.name)
    elif use.attribute not in rows.fields:
        name = f"{use.name}.{use.attribute}"
        hint = _nearest(use.attribute or "", rows.fields)
        yield Fault(field, f"unknown field {name!r}{hint}", use.line, name)


def _nearest(name: str, known: Mapping[str, object]) -> str:
    folded = {one.lower().replace("_", ""): one for one in known}
    near = get_close_matches(name.lower().replace("_", ""), list(folded), n=1, cutoff=0.5)
    return f"; did you mean {folded[near[0]]!r}?" if near else f"; expected one of {', '.join(sorted(known))}"


def _not_included(field: str, parsed: Parsed, recipient_type: str, partials: Partials) -> Iterator[Fault]:
    for name in sorted(parsed.includes):
        if recipient_type == Type.PARTIAL:
            yield Fault(field, f"include {name!r}; a partial includes no other")
        elif field == "subject":
            yield Fault(field, f"include {name!r}; a subject includes nothing")
        elif name not in partials:
            yield Fault(field, f"include {name!r}: no such partial{_nearest(name, partials)}", variable=name)


def _rendered(parts: Parts, recipient_type: str, lang: str, partials: Partials) -> Iterator[Fault]:
    for result in _samples(parts, recipient_type, lang, partials):
        if isinstance(result, Fault):
            yield result
            return
        for field, text in zip(("subject", "body", "body_html"), result, strict=True):
            if _UNFILLED.search(text):
                yield Fault(field, "braces are left when it is filled in; expected {{ name }} and {% … %} in pairs")
            if field == "body_html" and _ACTIVE.search(text):
                yield Fault(field, "a script, form or frame; expected text and layout only")


def _samples(
    parts: Parts, recipient_type: str, lang: str, partials: Partials
) -> Iterator[Fault | tuple[str, str, str]]:
    for languages in [LANGUAGES] if recipient_type == Type.MASS_CONTACT else [(lang,)]:
        for language in languages:
            for bare in (False, True):
                try:
                    yield sample_of(parts, recipient_type, language, partials, bare=bare)
                except TextError as error:
                    yield Fault("body", str(error))


def sample_of(
    parts: Parts, recipient_type: str, lang: str, partials: Partials, *, bare: bool = False
) -> tuple[str, str, str]:
    """Subject, body and HTML body with sample values; `bare`: as where there is little to say.

    :raises TextError: when it cannot be filled in.
    """
    values = sample(recipient_type, lang, bare=bare)
    about = partials.get(f"{HOW_TO_FIX}phishing")
    if about is not None and "category_name" in values:
        values["category_name"] = about.subject
    names = _includes(parts)
    included = {key: one for key, one in partials.items() if key in names}
    return fill(parts, values, included, lang, "sample")


def _includes(parts: Parts) -> frozenset[str]:
    read: Callable[[str], frozenset[str]] = lambda source: parse(_PLAIN, source).includes  # noqa: E731
    return read(parts.body) | read(parts.body_html)
