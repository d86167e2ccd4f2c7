"""Building the large desk, and seeing that its rows are such as the desk writes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, models

from abuse.app import create_app, sync_routes
from abuse.controllers.items import read_item
from abuse.models import (
    AuditEntry,
    BusinessRulesHistory,
    Comment,
    Deadline,
    DefendantRevision,
    Email,
    History,
    OutgoingMessage,
    Provider,
    ReceivedMessage,
    Report,
    ReportItem,
    SearchEntry,
    Service,
    Tag,
    Ticket,
    UrlCheck,
)

from .cases import fill_items, fill_mails, fill_reports, fill_tickets
from .filling import all_models, quick_loading
from .parties import Size, add_operators, fill_parties
from .traces import fill_traces, index_words

_SAMPLE = 20
_SAMPLED: Sequence[type[models.Model]] = (
    AuditEntry, BusinessRulesHistory, Comment, Deadline, DefendantRevision, Email, History, OutgoingMessage, Provider,
    ReceivedMessage, Report, ReportItem, Service, Tag, Ticket, UrlCheck,
)  # fmt: skip
_STEPS: Sequence[Callable[[Size], None]] = (
    fill_parties, fill_tickets, fill_reports, fill_mails, fill_items, fill_traces,
)  # fmt: skip


def build(reports: int, tickets: int) -> None:
    """Fill the empty desk of this process.

    :raises RuntimeError: when rows are not such as the desk writes: a figure of a wrong desk would be worth nothing.
    """
    size = Size(reports, tickets)
    sync_routes(create_app())
    add_operators()
    words = [SearchEntry]
    rest = [model for model in all_models() if model not in words]
    for tables, steps in ((rest, _STEPS), (words, (index_words,))):
        with quick_loading(tables):
            for step in steps:
                with _timed(step.__name__):
                    step(size)
            started = time.perf_counter()
        _say("indexes", started)
    check_keys()
    check_sample()


@contextmanager
def _timed(name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    _say(name, started)


def _say(name: str, started: float) -> None:
    print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


def check_keys() -> None:
    """Nothing refers to a row that is not there."""
    for model in all_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, models.ForeignKey):
                _check_key(model, field)


def _check_key(model: type[models.Model], field: models.ForeignKey[object, object]) -> None:
    target = field.related_model._meta
    own, column = model._meta.db_table, field.column
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT count(*) FROM "{own}" AS own LEFT JOIN "{target.db_table}" AS other '
            f'ON other."{field.target_field.column}" = own."{column}" '
            f'WHERE own."{column}" IS NOT NULL AND other."{field.target_field.column}" IS NULL'
        )
        lost = cursor.fetchone()[0]
    if lost:
        raise RuntimeError(f"{own}.{column}: {lost} values are no key of {target.db_table}")


def check_sample() -> None:
    """Some rows of each table are valid for the models, and items are what the parsers make of their text."""
    for model in _SAMPLED:
        total = model._default_manager.count()
        for row in model._default_manager.order_by("pk")[:: max(1, total // _SAMPLE)][:_SAMPLE] if total else ():
            row.full_clean(validate_unique=False, validate_constraints=False)
    by_hand = ReportItem.exclude(item_type__in=[ReportItem.Type.EMAIL, ReportItem.Type.HASH]).order_by("pk")
    for item in by_hand[: 10 * _SAMPLE]:
        read = read_item(item.raw_item)
        name = read.host if item.item_type in {ReportItem.Type.URL, ReportItem.Type.FQDN} else None
        ours, theirs = (item.item_type, item.raw_item, item.fqdn), (read.kind.value, read.value, name)
        if ours != theirs:
            raise RuntimeError(f"item {item.pk} is {ours}; expected {theirs}, as it is read")
