"""The record of who did and read what through the API."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from abuse.models import AuditEntry

PURGE_BATCH = 50_000


def put_on_record(
    *,
    user_id: int | None,
    token_id: int | None,
    address: str | None,
    method: str,
    endpoint: str,
    about: str,
    status: int,
) -> None:
    """One row for one call. `about`: ids, never texts of bodies."""
    AuditEntry.create(
        date=timezone.now(),
        user_id=user_id,
        token=token_id,
        address=address,
        method=method,
        endpoint=endpoint[:128],
        about=_printable(about)[:255],
        status=status,
    )


def forget_old_entries(days: int) -> int:
    """Throw away what is older than so many days, at most 50000 rows at a time; how many went."""
    old = AuditEntry.filter(date__lt=timezone.now() - timedelta(days=days)).order_by("date").values("pk")
    return AuditEntry.filter(pk__in=old[:PURGE_BATCH]).delete()[0]


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
