"""What the desk itself knows of an address: the complaints about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from django.db.models import Count, Max, Q
from django.utils import timezone

from abuse.models import ReportItem, TicketStatus

from .base import Reputation


def own_history(address: IPv4Address | IPv6Address, *, days: float, now: datetime | None = None) -> list[Reputation]:
    """The categories of complaints that named the address lately, the last one first.

    `blacklisted`: whether a ticket about it is open; `last_event`: when the last complaint was written.
    """
    since = (now or timezone.now()) - timedelta(days=days)
    rows = (
        ReportItem.filter(raw_item=str(address), item_type=ReportItem.Type.IP, report__received_date__gte=since)
        .values("report__category__name", "report__category__label")
        .annotate(
            reports=Count("report", distinct=True),
            newest=Max("report__received_date"),
            open=Count(
                "report__ticket", distinct=True,
                filter=Q(report__ticket__isnull=False) & ~Q(report__ticket__status=TicketStatus.CLOSED),
            ),
        )
        .order_by("-newest", "report__category__name")
    )  # fmt: skip
    return [
        Reputation(
            short_name=row["report__category__name"],
            full_name=(
                f"{row['report__category__label']}: {_count(row['reports'], 'report')} in {days:g} days, "
                f"{_count(row['open'], 'open ticket')}"
            ),
            result=True,
            blacklisted=row["open"] > 0,
            last_event=row["newest"],
        )
        for row in rows
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
