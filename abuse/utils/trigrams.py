"""What a text is cut into by PostgreSQL's index for parts of texts (pg_trgm), and what of it tells texts apart.

Letters and digits form words; each word has two blanks before it and one behind, and every three characters that follow
one another are a trigram. A part of a text has no blanks where it may go on. The index intersects the lists of all
trigrams of a part, though those of `www`, `http` or `.example` have most rows in them: it is slow where few would do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

_WORD = re.compile(r"[^\W_]+")
_LONGEST = 400
"""Characters of a part of which trigrams are chosen."""
_FEW = 1 / 5000
"""The share of texts that is worth no further trigram."""
_DENSE = 0.25
"""The share of texts from which on a trigram is not worth its cost beside others, whatever it spares."""
_ROW = 75
"""How many rows of a list of one trigram are looked through in the time in which one row is read and left out again."""
_MOST_ENTRIES = 100_000
"""Entries of the shortest list, times the lists, that are looked through: 0.05 µs each."""
_MANY = 0.05
"""The share of texts from which on the index gives too many that do not hold the part."""


class Frequencies:
    """In what share of some texts each trigram is, counted in the first `most` of them."""

    def __init__(self, texts: Iterable[str], most: int | None = None) -> None:
        self.texts = [text.lower() for text in texts]
        counted = self.texts[:most]
        self._found: Counter[str] = Counter()
        self._texts = len(counted)
        for text in counted:
            self._found.update({word[place : place + 3] for word in _words(text) for place in range(len(word) - 2)})

    def of(self, trigram: str) -> float:
        """The share of texts; half of one where it is in none."""
        return max(self._found[trigram.lower()], 0.5) / max(self._texts, 1)

    def of_part(self, part: str) -> float:
        """The share of texts that hold a part."""
        wanted = part.lower()
        return sum(wanted in text for text in self.texts) / max(len(self.texts), 1)


def rarest(part: str, known: Frequencies, rows: int = 0) -> str | None:
    """A pattern for LIKE that every text matches that holds the part, of its rarest trigrams: of as few as will do.

    None where all of them are in many texts, or where it has none: then no index helps.

    :param rows: how many texts the index is of.
    """
    part = part[:_LONGEST]
    places = sorted(_places(part, known))
    pieces: list[tuple[int, int]] = []
    chosen: set[tuple[int, ...]] = set()
    matching: Sequence[str] = known.texts
    share, wanted = 1.0, known.of_part(part)
    for may_overlap in (False, True):
        for _, own, start, end in places:
            over = [(first, last) for first, last in pieces if start < last and first < end]
            if bool(over) != may_overlap or (start, end) in over:
                continue
            # Trigrams of one word come together: only texts tell how many rows another one would spare.
            if pieces and (share < _FEW or own > min(_DENSE, (share - wanted) * _ROW)):
                continue
            pieces = [one for one in pieces if one not in over]
            pieces.append((min([start, *(first for first, _ in over)]), max([end, *(last for _, last in over)])))
            chosen.add((start, end))
            trigram = part[start:end].lower()
            matching = [text for text in matching if trigram in text]
            share = len(matching) / len(known.texts) if matching else share * own
    entries = min((own for _, own, *place in places if tuple(place) in chosen), default=1.0) * rows * len(chosen)
    if share > _MANY or entries > _MOST_ENTRIES:
        return None
    return f"%{'%'.join(_escaped(part[start:end]) for start, end in sorted(pieces))}%"


def holding(part: str) -> str:
    """The pattern for LIKE of texts that hold a part."""
    return f"%{_escaped(part)}%"


def _places(part: str, known: Frequencies) -> Iterator[tuple[float, float, int, int]]:
    """The trigrams of a part of a text: how costly, in which share of texts, and the characters that tell of it."""
    for match in _WORD.finditer(part):
        word, start = match[0] + (" " if match.end() < len(part) else ""), match.start()
        for place in range(len(word) - 2):
            share = known.of(word[place : place + 3])
            yield share, share, start + place, start + place + 3
        if start:
            # The place of ` ab` tells of `  a` too, which is in more texts.
            share = known.of(f" {word[:2]}") if len(word) > 1 else 1.0
            yield known.of(f"  {word[0]}"), min(share, known.of(f"  {word[0]}")), start - 1, start + min(len(word), 2)


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text.lower()):
        yield f"  {match[0]} "


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
