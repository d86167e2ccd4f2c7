"""The rows of lists of reports, read by their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from django.utils import timezone
from pydantic import TypeAdapter

from abuse.models import Report
from abuse.models.moments import EpochSecondsOf
from abuse.models.prepared import Prepared
from abuse.models.questions import BODY_START, Sight, with_body_start

from .access import current_sight
from .parties_schemas import DEFENDANT_COLUMNS, SERVICE_COLUMNS, defendant_of, service_of, tags_column, tags_from
from .reports_schemas import ReportRow

BODY_SHOWN = 300
"""Characters of a report's text in an answer to a search."""
_COLUMNS: Mapping[str, str | EpochSecondsOf] = {
    "received_date": EpochSecondsOf("received_date"),
    "creation_date": EpochSecondsOf("created_at"),
    "status": "status",
    "category": "category_id",
    "subject": "subject",
    "ticket": "ticket_id",
    "reporter_reference": "reporter_reference",
    "missing_data": "missing_data",
    "treated_mode": "treated_mode",
}
_PROVIDER = ("email", "name", "trusted", "priority")
_BODY_AT = 1 + len(_COLUMNS)
_PROVIDER_AT = _BODY_AT + 1
_SERVICE_AT = _PROVIDER_AT + len(_PROVIDER)
_DEFENDANT_AT = _SERVICE_AT + len(SERVICE_COLUMNS)
_TAGS_AT = _DEFENDANT_AT + len(DEFENDANT_COLUMNS)
_TICKET = ("category_id", "confidential")


def _read(shown: int) -> Prepared:
    return Prepared(
        lambda ids: (
            with_body_start(Report.filter(pk__any_of=ids), shown)
            .annotate(row_tags=tags_column(Report.tags.through, "report"))
            .values_list(
                "pk",
                *_COLUMNS.values(),
                "body_start",
                *(f"provider__{name}" for name in _PROVIDER),
                *SERVICE_COLUMNS,
                *DEFENDANT_COLUMNS,
                "row_tags",
                *(f"ticket__{name}" for name in _TICKET),
            )
        ),
        ids=list[int],
    )


_READ: Mapping[int, Prepared] = {shown: _read(shown) for shown in (BODY_START, BODY_SHOWN)}
_ROWS = TypeAdapter(list[ReportRow])


def report_rows(ids: Sequence[int], shown: int = BODY_START) -> list[ReportRow]:
    """The rows of some reports in their order; those that are gone are left out.

    `shown`: characters of the text, `BODY_START` or `BODY_SHOWN`. A ticket that the caller may not see is not named.
    """
    sight, zone = current_sight(), timezone.get_current_timezone()
    found = {row[0]: row for row in _READ[shown].rows(ids=list(ids))} if ids else {}
    return _ROWS.validate_python([_fields(found[one], shown, sight, zone) for one in ids if one in found])


def _fields(row: tuple[Any, ...], shown: int, sight: Sight, zone: tzinfo) -> dict[str, Any]:
    start = row[_BODY_AT]
    columns = dict(zip(_COLUMNS, row[1:_BODY_AT], strict=True))
    category, confidential = row[-len(_TICKET) :]
    if columns["ticket"] is not None and not sight.may_see_ticket_of(category, confidential=confidential):
        columns["ticket"] = None
    return {
        "id": row[0],
        **columns,
        "body": start[:shown],
        "body_is_cut": len(start) > shown,
        "provider": dict(zip(_PROVIDER, row[_PROVIDER_AT:_SERVICE_AT], strict=True)),
        "service": service_of(row[_SERVICE_AT:_DEFENDANT_AT]),
        "defendant": defendant_of(row[_DEFENDANT_AT:_TAGS_AT], zone),
        "tags": tags_from(row[_TAGS_AT]),
    }
