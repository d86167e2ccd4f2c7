"""What the search service finds, asked once in a request that lists both reports and tickets."""

from __future__ import annotations

from collections.abc import Sequence

from flask import g

from abuse.services.search import SearchService


def reports_with(words: str) -> Sequence[int]:
    """The ids of the reports that match."""
    found: dict[str, Sequence[int]] = g.setdefault("reports_found", {})
    if words not in found:
        found[words] = SearchService.search_reports(words)
    return found[words]


def tickets_with(words: str) -> Sequence[int]:
    """The ids of the tickets that match."""
    return SearchService.search_tickets(words, reports_with(words))
