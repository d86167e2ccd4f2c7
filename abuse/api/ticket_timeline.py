"""What happened to a ticket, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apiflask import APIBlueprint
from pydantic import Field, RootModel

from abuse.models import Comment, History
from abuse.models.questions import history_of_ticket
from abuse.policies import Right

from .access import needs
from .answers import Answer, EpochSeconds
from .filters import FiltersParameter, read_filters
from .objects import FORBIDDEN, the_ticket
from .sentences import sentence

blueprint = APIBlueprint("ticket_timeline", __name__, url_prefix="/api/tickets/<int:ticket_id>", tag="Tickets")


class Event(Answer):
    """One thing that happened. `metadata` says what it is about, when that was asked for."""

    username: str
    date: EpochSeconds
    log: str
    action_type: str
    metadata: dict[str, Any] | None = Field(
        description="`field`, `old` and `new` value, `comment` (its text), and what else is on record."
    )


class Timeline(RootModel[list[Event]]):
    """Events, the newest first."""


@blueprint.get("/timeline")
@needs(Right.SEE_TICKET)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(
    Timeline,
    example=[
        {
            "username": "alice",
            "date": 1767229200,
            "log": "changed the status from Open to WaitingAnswer",
            "actionType": "ChangeStatus",
            "metadata": {"field": "status", "old": "Open", "new": "WaitingAnswer"},
        }
    ],
)
@blueprint.doc(
    description="Of `filters`, `paginate`, `withMetadata` and `reverse` (the oldest first) count here.",
    responses=FORBIDDEN,
)
def show_timeline(ticket_id: int, query_data: FiltersParameter) -> Timeline:
    """Show what happened to a ticket"""
    filters = read_filters(query_data.filters)
    rows = history_of_ticket(the_ticket(ticket_id))
    ordered = rows.order_by("date", "pk") if filters.reverse else rows
    page = list(ordered[filters.paginate.start : filters.paginate.start + filters.paginate.size])
    texts = _comments(page) if filters.with_metadata else {}
    return Timeline(
        [
            Event(
                username=row.user.username,
                date=row.date,
                log=sentence(row),
                action_type=row.action_type,
                metadata=_metadata(row, texts) if filters.with_metadata else None,
            )
            for row in page
        ]
    )


def _comments(rows: Sequence[History]) -> dict[int, str]:
    """The texts of the remarks that are spoken of and still there."""
    ids = [row.refs["comment"] for row in rows if isinstance(row.refs.get("comment"), int)]
    return dict(Comment.filter(pk__in=ids).values_list("pk", "comment")) if ids else {}


def _metadata(row: History, texts: dict[int, str]) -> dict[str, Any]:
    known: dict[str, Any] = {**row.refs}
    if "comment" in known:
        known["comment"] = texts.get(known["comment"])
    for name in ("field", "old", "new"):
        if getattr(row, name):
            known[name] = getattr(row, name)
    return known
