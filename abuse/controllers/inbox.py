"""The one way a mail comes in: its bytes on disk, then its row, then, after the commit, the doorbell.

A caller that got a `Receipt` may tell the source that the mail is ours now; a caller that got an exception may not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DEFAULT_DB_ALIAS, DataError, IntegrityError, connections, transaction
from django.db import Error as DatabaseFault
from django.utils import timezone

from abuse import queues
from abuse.models import Email
from abuse.services.storage import StorageService

_MAX_TEXT = 512
"""Characters kept of a source or an address: the width of their columns."""

_WRITERS = 8
"""Threads that write the bytes of a batch."""


class InboxUnavailable(Exception):
    """The database is in a state in which no mail would go in: wait and try again."""


@dataclass(frozen=True)
class Delivery:
    """A mail as a source hands it over. `envelope_sender` is None when the source knows none, "" for a bounce."""

    raw: bytes
    source: str
    envelope_sender: str | None = None
    envelope_recipients: tuple[str, ...] = ()
    submitter: str = ""
    """The address of a user who handed it in, whatever its From says."""


@dataclass(frozen=True)
class Receipt:
    """The mail is stored and its row committed. `new` is False when the same bytes had come in before."""

    email_id: int
    sha256: str
    new: bool


def receive(
    raw: bytes,
    *,
    source: str,
    envelope_sender: str | None = None,
    envelope_recipients: Sequence[str] = (),
    submitter: str = "",
    ring: bool = True,
) -> Receipt:
    """Take one mail in; see `receive_many`."""
    delivery = Delivery(raw, source, envelope_sender, tuple(envelope_recipients), submitter)
    return receive_many([delivery], ring=ring)[0]


def receive_many(deliveries: Iterable[Delivery], *, ring: bool = True) -> list[Receipt]:
    """Take mails in with one commit: all of them or, on an error, none. The receipts come in the order of the mails.

    Bytes that came in before change nothing but the count and the time of their deliveries. A mail of any size is
    taken: what is too big to parse is for the parser to say.

    :raises StorageServiceException: when the bytes could not be stored; no row was written.
    :raises InboxUnavailable: when the database cannot commit; the stored bytes stay and do no harm.
    :raises django.db.DataError, django.db.IntegrityError: when it will not have one of these rows.
    :raises RuntimeError: inside a transaction of the caller, where "committed" would not be true.
    """
    keyed = [(hashlib.sha256(delivery.raw).hexdigest(), delivery) for delivery in deliveries]
    # Before any row, and outside of the transaction: a row must never point at bytes that a power cut could take.
    _write_all({sha256: delivery.raw for sha256, delivery in keyed})

    try:
        return _commit(keyed, ring=ring)
    except (DataError, IntegrityError):
        raise
    except DatabaseFault as error:
        raise InboxUnavailable(f"the database takes no mail: {str(error).strip().partition(chr(10))[0]}") from error


def _write_all(objects: dict[str, bytes]) -> None:
    """Several at once: a write mostly waits for the disk, and the syncs of several can share one journal commit."""
    if len(objects) <= 1:
        for sha256, raw in objects.items():
            StorageService.write(sha256, raw)
        return
    with ThreadPoolExecutor(max_workers=_WRITERS) as pool:
        for _ in pool.map(StorageService.write, objects.keys(), objects.values()):
            pass


def _commit(keyed: Sequence[tuple[str, Delivery]], *, ring: bool) -> list[Receipt]:
    receipts: dict[int, Receipt] = {}
    now = timezone.now()
    with transaction.atomic(durable=True):
        # In the order of the keys: two batches that share mails wait for one another instead of locking up.
        for position in sorted(range(len(keyed)), key=lambda index: keyed[index][0]):
            sha256, delivery = keyed[position]
            # A microsecond apart: they are worked off in the order in which the source gave them.
            receipts[position] = _insert_or_count(sha256, delivery, now + timedelta(microseconds=position))
        if ring and any(receipt.new for receipt in receipts.values()):
            queues.ring_on_commit()
    return [receipts[position] for position in range(len(keyed))]


def _insert_or_count(sha256: str, delivery: Delivery, now: datetime) -> Receipt:
    """One statement, so that two deliveries of the same bytes at the same moment cannot both be the first."""
    row = Email(
        sha256=sha256,
        size=len(delivery.raw),
        source=_column_text(delivery.source),
        envelope_sender=None if delivery.envelope_sender is None else _column_text(delivery.envelope_sender),
        envelope_recipients=[_column_text(recipient) for recipient in delivery.envelope_recipients],
        submitter=_column_text(delivery.submitter)[:255],
        received_at=now,
        last_delivered_at=now,
        next_attempt_at=now,
    )
    connection = connections[DEFAULT_DB_ALIAS]
    fields = [field for field in Email._meta.local_concrete_fields if not field.primary_key]
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    table = connection.ops.quote_name(Email._meta.db_table)
    names = [connection.ops.quote_name(str(field.column)) for field in fields]
    # All names are the model's own; every value is a parameter.
    statement = (
        f"INSERT INTO {table} AS kept ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"  # noqa: S608
        " ON CONFLICT (sha256) DO UPDATE SET deliveries = kept.deliveries + 1,"
        " last_delivered_at = GREATEST(kept.last_delivered_at, excluded.last_delivered_at)"
        " RETURNING id, deliveries"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        email_id, count = cursor.fetchone()
    return Receipt(email_id=email_id, sha256=sha256, new=count == 1)


def _column_text(text: str) -> str:
    """What PostgreSQL can keep of a sender's text: no NUL, and bytes that were no UTF-8 spelled out."""
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode("utf-8")[:_MAX_TEXT]
