"""Noticing that a reporter changed his mails: he is known, and suddenly gives nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from abuse.models import DriftAlarm, Email, EmailState, ReporterReading

BASELINE_DAYS = 30
RECENT_DAYS = 2
BASELINE_MAILS = 10
"""Fewer mails than that in the days before are no habit."""
RECENT_MAILS = 3
USUALLY_EMPTY = 0.2
SUDDENLY_EMPTY = 0.8

_UPSERT = """
INSERT INTO abuse_reporterreading AS reading (provider_id, template, day, mails, empty, items)
SELECT * FROM unnest(%s::text[], %s::text[], %s::date[], %s::int[], %s::int[], %s::int[])
ON CONFLICT (provider_id, template, day) DO UPDATE
SET mails = reading.mails + excluded.mails, empty = reading.empty + excluded.empty,
    items = reading.items + excluded.items
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one mail of a reporter gave."""

    provider: str
    template: str
    items: int


@dataclass(slots=True)
class _Sum:
    mails: int = 0
    empty: int = 0
    items: int = 0


@dataclass(frozen=True, slots=True)
class DriftChecked:
    """What a look at all reporters came to: alarms raised, alarms settled because the reporter gives items again."""

    raised: tuple[str, ...] = field(default=())
    settled: int = 0


def record_readings(readings: Iterable[Reading], *, day: date | None = None) -> None:
    """Count what mails gave, in one statement; part of the transaction that settles them.

    In the order of the keys, and last in that transaction: two batches with mails of one reporter wait for each other
    only for the moment of the commit.
    """
    sums: dict[tuple[str, str], _Sum] = {}
    for reading in readings:
        one = sums.setdefault((reading.provider, reading.template), _Sum())
        one.mails += 1
        one.empty += reading.items == 0
        one.items += reading.items
    if not sums:
        return
    keys = sorted(sums)
    today = day or timezone.now().date()
    with connection.cursor() as cursor:
        cursor.execute(
            _UPSERT,
            [
                [provider for provider, _ in keys],
                [template for _, template in keys],
                [today] * len(keys),
                [sums[key].mails for key in keys],
                [sums[key].empty for key in keys],
                [sums[key].items for key in keys],
            ],
        )


def raise_alarm(
    kind: DriftAlarm.Kind, provider: str, template: str, message: str, *, email_id: int | None, **details: object
) -> bool:
    """Raise an alarm, unless the same one is raised already; whether it is new."""
    _, is_new = DriftAlarm.get_or_create(
        kind=kind,
        provider_id=provider,
        template=template,
        settled_at=None,
        defaults={"message": message, "email_id": email_id, "details": details, "raised_at": timezone.now()},
    )
    return is_new


def note_columns(provider: str, template: str, unknown: Sequence[str], *, email_id: int) -> None:
    """Raise an alarm for a feed with columns that nobody knows; settle it when the feed has none any more."""
    if unknown:
        message = f"{provider}: {template} has columns that nobody knows: {', '.join(unknown[:10])}. What do they say?"
        raise_alarm(
            DriftAlarm.Kind.UNKNOWN_COLUMNS, provider, template, message, email_id=email_id, columns=list(unknown[:50])
        )
        return
    DriftAlarm.filter(
        kind=DriftAlarm.Kind.UNKNOWN_COLUMNS, provider_id=provider, template=template, settled_at__isnull=True
    ).update(settled_at=timezone.now())


def look_for_drift(*, now: datetime | None = None) -> DriftChecked:
    """Compare each reporter's last days with the month before; raise what broke, settle what works again."""
    today = (now or timezone.now()).date()
    recent_from = today - timedelta(days=RECENT_DAYS - 1)
    before = _sums(recent_from - timedelta(days=BASELINE_DAYS), recent_from)
    recent = _sums(recent_from, today + timedelta(days=1))
    raised = []
    for provider, usual in before.items():
        late = recent.get(provider, _Sum())
        was_good = usual.mails >= BASELINE_MAILS and usual.empty <= USUALLY_EMPTY * usual.mails
        if was_good and late.mails >= RECENT_MAILS and late.empty >= SUDDENLY_EMPTY * late.mails:
            message = (
                f"{provider}: {late.empty} of {late.mails} mails since {recent_from} gave nothing; "
                f"in the {BASELINE_DAYS} days before it was {usual.empty} of {usual.mails}. Did the format change?"
            )
            if _raise_with_a_mail(provider, message):
                raised.append(message)
    return DriftChecked(tuple(raised), _settle(recent))


def _raise_with_a_mail(provider: str, message: str) -> bool:
    with transaction.atomic():
        mail = (
            Email.filter(provider=provider, state=EmailState.PROCESSED, reports__items__isnull=True)
            .order_by("-received_at")
            .first()
        )
        return raise_alarm(DriftAlarm.Kind.NO_ITEMS, provider, "", message, email_id=mail.pk if mail else None)


def _settle(recent: dict[str, _Sum]) -> int:
    working = [name for name, late in recent.items() if late.mails and late.empty < SUDDENLY_EMPTY * late.mails]
    open_alarms = DriftAlarm.filter(kind=DriftAlarm.Kind.NO_ITEMS, settled_at__isnull=True, provider_id__in=working)
    return open_alarms.update(settled_at=timezone.now())


def _sums(first: date, end: date) -> dict[str, _Sum]:
    """What each reporter's readings come to, whatever template read them: one that matches no more is drift too."""
    rows = (
        ReporterReading.filter(day__gte=first, day__lt=end)
        .values_list("provider_id")
        .annotate(mails=Sum("mails"), empty=Sum("empty"), items=Sum("items"))
        .order_by()
    )
    return {provider: _Sum(mails, empty, items) for provider, mails, empty, items in rows}
