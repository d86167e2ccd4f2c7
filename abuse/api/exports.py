"""Whole lists as files: CSV for spreadsheets, JSON lines for programs, row by row, however many there are.

The rows are those of the lists, under the same conditions and for the same eyes. They are read by a cursor of the
database, so that neither the server nor the client has to hold them.
"""

from __future__ import annotations

import csv
import io
import json
import types
from collections.abc import Callable, Collection, Iterator, Sequence
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import Any, Union, get_args, get_origin

from apiflask import APIBlueprint, HTTPError
from django.db.models import Exists, Model, OuterRef, QuerySet
from flask import Response, g, stream_with_context
from pydantic import Field

from abuse.config import current
from abuse.controllers import rates
from abuse.models import ItemScreenshotFeedback, ReportItem
from abuse.policies import Right

from .access import current_sight, current_user, needs
from .answers import Answer
from .conditions import Condition, Kind
from .filters import Filters, FiltersParameter, read_filters
from .item_lists import ITEMS, item_answer
from .listing import Listing
from .report_rows import report_rows
from .reports import REPORTS, reports_seen
from .reports_schemas import ItemAnswer, ReportRow
from .ticket_rows import ticket_rows
from .tickets import TICKETS, tickets_seen
from .tickets_schemas import TicketRow

blueprint = APIBlueprint("exports", __name__, url_prefix="/api", tag="Exports")

CHUNK = 500
"""Rows that are in memory at a time."""
HOUR = 3600
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection)."""
EXPORTED_ITEMS: Listing[ReportItem] = Listing(
    fields=ITEMS.fields,
    always=ITEMS.always,
    sorts=ITEMS.sorts,
    default_sort=ITEMS.default_sort,
    conditions={
        **ITEMS.conditions,
        "report": [Condition("report_id", Kind.ID)],
        "ticket": [Condition("report__ticket_id", Kind.ID, nullable=True, of_ticket="report__ticket_id")],
        "category": [Condition("report__category__name")],
        "providerEmail": [Condition("report__provider__email")],
        "defendantCustomerId": [Condition("report__defendant__customer_id", nullable=True)],
    },
)


class ExportForm(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


class ExportParameters(FiltersParameter):
    """What to export, and how."""

    form: ExportForm = Field(default=ExportForm.CSV, description="csv for spreadsheets, jsonl for programs.")


_TYPES = {ExportForm.CSV: "text/csv", ExportForm.JSONL: "application/jsonl"}
_EXAMPLES = {ExportForm.CSV: "id,status\r\n42,Open\r\n", ExportForm.JSONL: '{"id":42,"status":"Open"}\n'}
_ANSWERS: dict[int, Any] = {
    200: {
        "description": "The file.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}, "example": _EXAMPLES[form]}
            for form, kind in _TYPES.items()
        },
    },
    429: "Too many exports within the hour; wait as long as Retry-After says.",
}


@blueprint.get("/tickets/export")
@needs(Right.LOOK, recorded=True)
@blueprint.input(ExportParameters, location="query")
@blueprint.doc(
    responses=_ANSWERS, description=TICKETS.description("`paginate` does not count. Closed ones are left out.")
)
def export_tickets(query_data: ExportParameters) -> Response:
    """Export the tickets that one may see"""
    filters = read_filters(query_data.filters)
    read = partial(ticket_rows, user=current_user().pk)
    return _file("tickets", TICKETS, tickets_seen(filters, whole=True), TicketRow, read, filters, query_data.form)


@blueprint.get("/reports/export")
@needs(Right.LOOK, recorded=True)
@blueprint.input(ExportParameters, location="query")
@blueprint.doc(
    responses=_ANSWERS, description=REPORTS.description("`paginate` does not count. Archived ones are left out.")
)
def export_reports(query_data: ExportParameters) -> Response:
    """Export the reports that one may see"""
    filters = read_filters(query_data.filters)
    return _file(
        "reports", REPORTS, reports_seen(filters, whole=True), ReportRow, report_rows, filters, query_data.form
    )


@blueprint.get("/items/export")
@needs(Right.LOOK, recorded=True)
@blueprint.input(ExportParameters, location="query")
@blueprint.doc(responses=_ANSWERS, description=EXPORTED_ITEMS.description("`paginate` does not count."))
def export_items(query_data: ExportParameters) -> Response:
    """Export the items of all reports that one may see"""
    filters = read_filters(query_data.filters)
    rows = EXPORTED_ITEMS.chosen(ReportItem.filter(report__in=current_sight().reports()), filters)
    return _file("items", EXPORTED_ITEMS, rows, ItemAnswer, _items, filters, query_data.form)


def _items(ids: Sequence[int]) -> list[ItemAnswer]:
    seen = ItemScreenshotFeedback.filter(item=OuterRef("pk"), is_viewed=True)
    found = ReportItem.objects.annotate(viewed=Exists(seen)).in_bulk(ids)
    return [item_answer(found[one]) for one in ids if one in found]


def _file(
    name: str,
    listing: Listing[Any],
    rows: QuerySet[Any],
    model: type[Answer],
    read: Callable[[Sequence[int]], Sequence[Answer]],
    filters: Filters,
    form: ExportForm,
) -> Response:
    names, order = listing.selected(filters), listing.order(filters)[0]
    wait = rates.seconds_to_wait("exports", current_user().pk, limit=current().API.exports_per_hour, period=HOUR)
    if wait:
        raise HTTPError(429, f"Too many exports within the hour; wait {wait} s", headers={"Retry-After": str(wait)})
    g.about = f"form={form}"
    write = _csv(_columns(model, names)) if form is ExportForm.CSV else _json_lines(names)
    response = Response(
        stream_with_context(write(_dumped(rows.order_by(*order), read))),
        content_type=f"{_TYPES[form]}; charset=utf-8",
    )
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.{form}")
    return response


def _dumped(rows: QuerySet[Model], read: Callable[[Sequence[int]], Sequence[Answer]]) -> Iterator[dict[str, Any]]:
    ids = rows.values_list("pk", flat=True).iterator(chunk_size=CHUNK)
    while chunk := list(islice(ids, CHUNK)):
        for row in read(chunk):
            yield row.model_dump(mode="json", by_alias=True)


_Writer = Callable[[Iterator[dict[str, Any]]], Iterator[str]]
_Path = tuple[str, ...]


def _json_lines(names: Collection[str] | None) -> _Writer:
    def write(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
        for row in rows:
            kept = row if names is None else {name: value for name, value in row.items() if name in names}
            yield json.dumps(kept, ensure_ascii=False, separators=(",", ":")) + "\n"

    return write


def _csv(columns: Sequence[_Path]) -> _Writer:
    def write(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
        line = io.StringIO()
        writer = csv.writer(line)
        writer.writerow([".".join(path) for path in columns])
        for row in rows:
            yield line.getvalue()
            line.seek(0)
            line.truncate()
            writer.writerow([_cell(_at(row, path)) for path in columns])
        yield line.getvalue()

    return write


def _columns(model: type[Answer], names: Collection[str] | None = None) -> list[_Path]:
    """The fields of a row; those of what is in it by their path."""
    found: list[_Path] = []
    for name, field in model.model_fields.items():
        shown = field.alias or name
        if names is not None and shown not in names:
            continue
        inner = _inner(field.annotation)
        found.extend([(shown, *path) for path in _columns(inner)] if inner else [(shown,)])
    return found


def _inner(annotation: Any) -> type[Answer] | None:
    options = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    return next((one for one in options if isinstance(one, type) and issubclass(one, Answer)), None)


def _at(row: Any, path: _Path) -> Any:
    for name in path:
        row = None if row is None else row[name]
    return row


def _cell(value: Any) -> Any:
    """What stands in a cell: text that a spreadsheet would take for a formula begins with an apostrophe."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return _cell("; ".join(_listed(one) for one in value))
        case str() if value.lstrip(" \0").startswith(_FORMULA):
            return f"'{value}"
        case _:
            return value


def _listed(value: Any) -> str:
    if isinstance(value, dict) and "name" in value:
        return str(value["name"])
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
