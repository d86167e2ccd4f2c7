"""The rows of lists of tickets, read by their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from django.utils import timezone
from pydantic import TypeAdapter

from abuse.models import Ticket
from abuse.models.moments import EpochSecondsOf
from abuse.models.prepared import Prepared
from abuse.models.questions import with_ticket_counts

from .parties_schemas import DEFENDANT_COLUMNS, SERVICE_COLUMNS, defendant_of, service_of, tags_column, tags_from
from .tickets_schemas import TICKET_FIELDS, TicketRow

_ACTION = ("id", "name", "module", "level")
_DATES = ("creation_date", "modification_date", "snooze_start", "pause_start")
_COLUMNS: Mapping[str, str | EpochSecondsOf] = {
    **{name: EpochSecondsOf(name) if name in _DATES else name for name in TICKET_FIELDS},
    "category": "category_id",
    "treated_by": "treated_by__username",
    "resolution": "resolution__codename",
}
_ACTION_AT = 1 + len(_COLUMNS)
_SERVICE_AT = _ACTION_AT + len(_ACTION)
_DEFENDANT_AT = _SERVICE_AT + len(SERVICE_COLUMNS)
_TAGS_AT = _DEFENDANT_AT + len(DEFENDANT_COLUMNS)
_READ = Prepared(
    lambda ids, user: (
        with_ticket_counts(Ticket.filter(pk__any_of=ids), user=user)
        .annotate(row_tags=tags_column(Ticket.tags.through, "ticket"))
        .values_list(
            "pk",
            *_COLUMNS.values(),
            *(f"action__{name}" for name in _ACTION),
            *SERVICE_COLUMNS,
            *DEFENDANT_COLUMNS,
            "row_tags",
        )
    ),
    ids=list[int],
    user=int,
)
_ROWS = TypeAdapter(list[TicketRow])


def ticket_rows(ids: Sequence[int], *, user: int) -> list[TicketRow]:
    """The rows of some tickets in their order, as a user sees them; those that are gone are left out."""
    zone = timezone.get_current_timezone()
    found = {row[0]: row for row in _READ.rows(ids=list(ids), user=user)} if ids else {}
    return _ROWS.validate_python([_fields(found[one], zone) for one in ids if one in found])


def _fields(row: tuple[Any, ...], zone: tzinfo) -> dict[str, Any]:
    action = row[_ACTION_AT:_SERVICE_AT]
    return {
        "id": row[0],
        **dict(zip(_COLUMNS, row[1:_ACTION_AT], strict=True)),
        "action": None if action[0] is None else dict(zip(_ACTION, action, strict=True)),
        "service": service_of(row[_SERVICE_AT:_DEFENDANT_AT]),
        "defendant": defendant_of(row[_DEFENDANT_AT:_TAGS_AT], zone),
        "tags": tags_from(row[_TAGS_AT]),
    }
