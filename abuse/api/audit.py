"""The record of who did and who read what."""

from __future__ import annotations

from apiflask import APIBlueprint
from pydantic import Field

from abuse.models import AuditEntry
from abuse.policies import Right

from .access import needs
from .answers import Answer, EpochSeconds, Paged
from .conditions import Condition, Kind
from .filters import Filters, FiltersParameter, read_filters
from .listing import Listing

blueprint = APIBlueprint("audit", __name__, url_prefix="/api/audit", tag="Audit")


class AuditAnswer(Answer):
    """One call that wrote, or that read evidence."""

    id: int
    date: EpochSeconds
    user: str | None = Field(description="Null: nobody was logged in, as when a login is refused.")
    token: int | None = Field(description="The id of the token of the call.")
    address: str | None
    method: str
    endpoint: str
    about: str = Field(description="The ids in the path, such as `ticket_id=42`.")
    status: int = Field(description="The HTTP status of the answer.")

    @classmethod
    def of(cls, row: AuditEntry) -> AuditAnswer:
        return cls(
            id=row.pk, date=row.date, user=row.user.username if row.user else None, token=row.token,
            address=row.address, method=row.method, endpoint=row.endpoint, about=row.about, status=row.status,
        )  # fmt: skip


class AuditAnswers(Paged):
    entries: list[AuditAnswer]
    entries_count: int = Field(
        description="How many fulfil the conditions, on this page or not; 10000 stands for more."
    )


MAX_COUNT = 10_000
AUDIT: Listing[AuditEntry] = Listing(
    fields=frozenset(AuditAnswer.json_names()),
    always=frozenset({"id"}),
    sorts={"id": "pk", "date": "date"},
    default_sort=("-date", "-pk"),
    conditions={
        "user": [Condition("user__username", nullable=True)],
        "token": [Condition("token", Kind.ID, nullable=True)],
        "address": [Condition("address", Kind.ADDRESS, nullable=True)],
        "method": [Condition("method")],
        "endpoint": [Condition("endpoint")],
        "about": [Condition("about")],
        "status": [Condition("status", Kind.ID)],
    },
)
_EXAMPLE = {
    "id": 1, "date": 1767225600, "user": "alice", "token": 9, "address": "192.0.2.1", "method": "PUT",
    "endpoint": "tickets.change_ticket", "about": "ticket_id=42", "status": 200,
}  # fmt: skip


class AuditParameters(FiltersParameter):
    since: int | None = Field(default=None, ge=0, le=253402300799, description="Not before: seconds since 1970.")
    until: int | None = Field(default=None, ge=0, le=253402300799, description="Before: seconds since 1970.")


@blueprint.get("")
@needs(Right.SEE_RECORD)
@blueprint.input(AuditParameters, location="query")
@blueprint.output(AuditAnswers, example={"entries": [_EXAMPLE], "entriesCount": 1})
@blueprint.doc(description=AUDIT.description("Newest first. `where.in` and `where.like` as in other lists."))
def list_entries(query_data: AuditParameters) -> AuditAnswers:
    """Ask who did and who read what"""
    filters: Filters = read_filters(query_data.filters)
    AUDIT.selected(filters)
    entries = AUDIT.chosen(AuditEntry.between(query_data.since, query_data.until), filters)
    page = AUDIT.page(entries.select_related("user"), filters)
    return AuditAnswers(
        entries=[AuditAnswer.of(row) for row in page],
        entries_count=entries.order_by()[:MAX_COUNT].count(),
        next=page.next,
    )
