"""Full-text search over reports, and over tickets through their reports."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Sequence
from typing import ClassVar

from abuse.models import Report, ReportItem
from abuse.models.fields import as_array
from abuse.parsers.values import ItemKind, ParsedEmail, ParsedItem

from ..facade import ServiceBase, ServiceError

MAX_FOUND = 1000
"""Ids that a search gives at most: the first of them in the service's order."""
MAX_QUERY = 500
"""Characters of a query that are read."""
MAX_ITEMS = 200
"""Items of one report that are told with it."""


class SearchServiceException(ServiceError):
    """The search system could not answer."""


class Found(list[int]):
    """Ids, with what a service knows of others that match too."""

    def __init__(self, ids: Iterable[int] = (), *, is_complete: bool = True) -> None:
        super().__init__(ids)
        self.is_complete = is_complete

    @staticmethod
    def is_all(ids: Sequence[int]) -> bool:
        """Whether the ids are all that match. A service that does not say has more where it gave `MAX_FOUND`."""
        return ids.is_complete if isinstance(ids, Found) else len(ids) < MAX_FOUND


class SearchServiceBase(ServiceBase, abc.ABC):
    """The search system. Ids come best or newest first, at most `MAX_FOUND`; what it finds that is gone does no harm.

    A service that knows whether there are others gives them as `Found`.
    """

    is_transactional: ClassVar[bool] = False
    """Whether indexing is done by the desk's own database connection, and belongs into the transaction of what changed.
    Else reports are noted there, and indexed afterwards by a job that tries again until it succeeds."""

    @abc.abstractmethod
    def index_email(self, parsed_email: ParsedEmail, filename: str, reports_id: Sequence[int]) -> None:
        """Make a mail and its reports findable; again, when it was indexed before."""

    @abc.abstractmethod
    def search_reports(self, query: str) -> Sequence[int]:
        """The ids of the reports that match. Any text is a query; an address or a network finds what it contains."""

    def search_all_reports(self, query: str) -> Sequence[int]:
        """The same without a limit, for exports. This one has to do with what `search_reports` gives."""
        return self.search_reports(query)

    def search_tickets(self, query: str, reports: Sequence[int] | None = None) -> Sequence[int]:
        """The ids of the tickets that match: those of the reports found, in their order.

        `reports`: what `search_reports` gave for the same query, so that it is not asked again.
        """
        reports = self.search_reports(query) if reports is None else reports
        return Found(tickets_of(reports), is_complete=Found.is_all(reports))

    def index_reports(self, ids: Sequence[int]) -> None:
        """Make reports findable from their rows, with some of their items."""
        for report in Report.filter(pk__in=ids).order_by("pk"):
            items = ReportItem.filter(report=report).order_by("pk")[:MAX_ITEMS]
            mail = ParsedEmail(
                provider=report.provider_id,
                subject=report.subject or "",
                body=report.body,
                reporter_reference=report.reporter_reference,
                items=tuple(ParsedItem(ItemKind(item.item_type), item.raw_item, item.original) for item in items),
            )
            self.index_email(mail, report.filename, [report.pk])


def tickets_of(report_ids: Sequence[int]) -> list[int]:
    """The tickets that reports belong to, each once, in the order of the reports."""
    rows = Report.filter(pk__any_of=as_array(list(report_ids)), ticket__isnull=False).values_list("pk", "ticket_id")
    tickets = dict(rows)
    found = dict.fromkeys(tickets[one] for one in report_ids if one in tickets)
    return [ticket for ticket in found if ticket is not None]


def readable(query: str) -> str:
    """A query without what PostgreSQL and JSON cannot carry, cut to a length that is worth reading."""
    text = query[: MAX_QUERY * 4].replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
    return " ".join(text.split())[:MAX_QUERY]
