"""The stored texts, read again only when one of them was written: most mails of a day are made of the same few."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from abuse.models import MailTemplate
from abuse.models.prepared import Statement

# Whoever changes a row, by whatever way, leaves another version of it in another place: xmin is the transaction that
# wrote it, ctid the place.
_STATE = Statement(
    "SELECT count(*), max(id), sum(hashtextextended(xmin::text || ctid::text, id)) FROM abuse_mailtemplate"
)


_MOST = 1000
"""Codenames that are kept in mind, those of which there is no text included."""


@dataclass(slots=True)
class _Known:
    state: tuple[Any, ...] | None = None
    rows: dict[str, list[MailTemplate]] = field(default_factory=dict)


_known = _Known()
_looked: ContextVar[list[tuple[Any, ...]] | None] = ContextVar("looked", default=None)


@contextmanager
def texts_looked_at_once() -> Iterator[None]:
    """Let the block take all texts as they are when it needs the first. To be used inside one transaction."""
    token = _looked.set([])
    try:
        yield
    finally:
        _looked.reset(token)


def stored_texts(codenames: Collection[str]) -> list[MailTemplate]:
    """All texts of these codenames, those that were made last first. They are shared: nobody may change them."""
    if not codenames:
        return []
    state = _state()
    global _known
    known = _known if _known.state == state and len(_known.rows) < _MOST else _Known(state)
    missing = [codename for codename in codenames if codename not in known.rows]
    if missing:
        rows: dict[str, list[MailTemplate]] = {codename: [] for codename in missing}
        for row in MailTemplate.filter(codename__in=missing).order_by("-pk"):
            rows[row.codename].append(row)
        known.rows.update(rows)
    _known = known
    found = [row for codename in set(codenames) for row in known.rows[codename]]
    return sorted(found, key=lambda row: row.pk, reverse=True)


def _state() -> tuple[Any, ...]:
    """What is another one whenever a text was written."""
    looked = _looked.get()
    if looked:
        return looked[0]
    with connection.cursor() as cursor:
        _STATE.execute(cursor)
        state: tuple[Any, ...] = cursor.fetchone()
    if looked is not None:
        looked.append(state)
    return state
