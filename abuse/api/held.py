"""Rows in which a part of a text is held, or words are: asked once in a request, for reports, tickets and both counts.

A part that is in many reports is found among the newest. Where a list has other conditions too, or its reader sees some
categories only, the newest rows of those are looked through as well: what is frequent elsewhere hides nothing there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from flask import g

from abuse.controllers.tickets import could_be_public_id
from abuse.models import Defendant, Report, Ticket
from abuse.models.parts import BODIES, ITEMS, SUBJECTS, Column, Held, bodies_holding, newest_holding, reports_holding
from abuse.services.facade import ServiceError
from abuse.services.search import Found, SearchService, readable, tickets_of

from .access import current_sight

log = logging.getLogger(__name__)

MAX_CUSTOMERS = 1000
"""Customers that are found first and named one by one; of more, the exact condition is asked."""
LOOKED_THROUGH, BODIES_LOOKED_THROUGH = 600, 200
"""Reports, the newest of a list with other conditions, that are looked through: about 4 µs each, and 15 with bodies."""
CANDIDATES = 150
"""Reports in which the search service finds the words, of which the bodies are looked through."""
HELD_SAYS = (
    "`like` finds up to 1000 reports with an `item` or `subject`; of a part that is in more, the newest 200 to 400, or "
    "those among the newest rows. For a `body` it looks through the newest 200 reports, and through 150 in which the "
    "search service finds its words. Exports and `/api/tickets/todo` look everywhere, which may take long."
)
T = TypeVar("T")
_WORD = re.compile(r"[^\W_]+")
Finder = Callable[[str, QuerySet[Any]], Found | None]
"""Gives the keys of the rows of a list that hold a part; None where the exact condition is to be asked."""


def found_by_words(words: str) -> Sequence[int]:
    """The ids of the reports in which the search service finds words."""
    return _once(("words", words), lambda: SearchService.search_reports(words))


def reports_with(words: str, *, whole: bool) -> Sequence[int]:
    """The ids of the reports that match. `whole`: of all, where the service can.

    The service knows no callers: by the public id of a ticket it finds the reports in it for everybody.
    """
    found = SearchService.search_all_reports(words) if whole else found_by_words(words)
    text = readable(words)
    if current_sight().sees_all or not found or not could_be_public_id(text):
        return found
    hidden = set(_reports_of_hidden(text))
    return Found([one for one in found if one not in hidden], is_complete=Found.is_all(found)) if hidden else found


def _reports_of_hidden(public_id: str) -> QuerySet[Report, int]:
    """The ids of the reports in a ticket that the caller may not see."""
    names = {public_id.upper(), public_id.lower().upper()}  # a service may compare either
    reports = Report.filter(ticket__public_id__in=names).exclude(ticket__in=current_sight().tickets())
    return reports.values_list("pk", flat=True)


def tickets_with(words: str, *, whole: bool) -> Sequence[int]:
    """The ids of the tickets that match. `whole`: those of all reports that do."""
    if whole:
        return Found([*SearchService.search_tickets(words, []), *tickets_of(reports_with(words, whole=True))])
    return SearchService.search_tickets(words, found_by_words(words))


class PartFinder:
    """Finds the reports, or tickets, of which a text holds a part.

    :param newest: how many, the newest of a list with other conditions, are looked through.
    """

    def __init__(self, column: Column, newest: int) -> None:
        self._column, self._newest = column, newest

    def reports(self, part: str, rows: QuerySet[Report]) -> Found:
        """The ids of reports, some of `rows` and maybe others."""
        held = self._of_all(part, is_restricted=bool(rows.query.where))
        if not held.is_complete and rows.query.where:
            held = _joined(held, self._of_newest(part, rows))
        return Found([report for report, _ in held.reports], is_complete=held.is_complete)

    def tickets(self, part: str, rows: QuerySet[Ticket]) -> Found:
        """The ids of tickets, some of `rows` and maybe others."""
        held = self._of_all(part, is_restricted=bool(rows.query.where))
        if not held.is_complete and rows.query.where:
            # In a search, those of the reports were looked through before: they are in the same tickets.
            seen: Held | None = g.get("newest", {}).get((self._column, part))
            newest = self._of_newest(part, Report.filter(ticket__in=rows)) if seen is None else seen
            held = _joined(held, newest._replace(is_complete=newest.is_complete and seen is None))
        ids = dict.fromkeys(ticket for _, ticket in held.reports if ticket is not None)
        return Found(ids, is_complete=held.is_complete)

    def _of_all(self, part: str, *, is_restricted: bool) -> Held:
        return _once((self._column.text, part), lambda: reports_holding(self._column, part))

    def _of_newest(self, part: str, rows: QuerySet[Report]) -> Held:
        held = newest_holding(self._column, part, rows, self._newest, self._candidates(part))
        g.setdefault("newest", {})[self._column, part] = held
        return held

    def _candidates(self, part: str) -> Sequence[int]:
        return ()


class BodyFinder(PartFinder):
    """Finds bodies, of which there is no index: new ones, and those in which the search service finds the words."""

    def _of_all(self, part: str, *, is_restricted: bool) -> Held:
        if is_restricted:
            return Held([], is_complete=False)
        return _once((self._column.text, part), lambda: bodies_holding(part, self._candidates(part)))

    def _candidates(self, part: str) -> Sequence[int]:
        words = _WORD.findall(part)
        if not words:
            return ()
        # The last of several may be the beginning of a word; one alone is tried as that by the service.
        phrase = words[0] if len(words) == 1 else f'"{" ".join(words[:-1] if len(words) > 2 else words)}"'
        try:
            return found_by_words(phrase)[:CANDIDATES]
        except ServiceError as error:
            log.warning("the newest reports alone are looked through for %r: %s", part[:100], error)
            return ()


def _joined(held: Held, newest: Held) -> Held:
    """What was found among all, with what was found among the newest of a list; that alone, if that is all of it."""
    return newest if newest.is_complete else Held([*newest.reports, *held.reports], is_complete=False)


def _once(key: tuple[str, str], find: Callable[[], T]) -> T:
    """What is found, asked once in a request."""
    found: dict[tuple[str, str], T] = g.setdefault("found", {})
    if key not in found:
        found[key] = find()
    return found[key]


IN_ITEMS = PartFinder(ITEMS, LOOKED_THROUGH)
IN_SUBJECT = PartFinder(SUBJECTS, LOOKED_THROUGH)
IN_BODY = BodyFinder(BODIES, BODIES_LOOKED_THROUGH)


def customers_by(path: str) -> Finder:
    """Finds the customers whose column holds a part."""

    def find(part: str, rows: QuerySet[Any]) -> Found | None:
        some = Defendant.filter(**{f"{path}__holds": part}).values_list("pk", flat=True)[: MAX_CUSTOMERS + 1]
        ids: list[int] = _once((path, part), lambda: list(some))
        return Found(ids) if len(ids) <= MAX_CUSTOMERS else None

    return find


def note_incomplete(model: type[Model], ids: Sequence[int]) -> None:
    """Remember for this request that a list leaves out rows that match, if it does."""
    if not Found.is_all(ids):
        g.setdefault("incomplete", set()).add(model)


def is_complete(model: type[Model]) -> bool:
    """Whether no list of this request leaves out rows of a kind that match."""
    return model not in g.get("incomplete", ())
