"""How many reports are in tickets: as the desk keeps it, and as they are counted."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Count, F

from abuse.models import Ticket


def kept_counts() -> dict[int, int]:
    """The kept number by the ticket's id."""
    return dict(Ticket.all().values_list("pk", "attached_reports_count"))


def true_counts() -> dict[int, int]:
    """The counted number by the ticket's id."""
    return dict(Ticket.all().annotate(reports_in_it=Count("reports")).values_list("pk", "reports_in_it"))


def are_counted(*expected: int) -> Mapping[int, int]:
    """See that each ticket's kept number is true, and that these are the numbers, of the oldest ticket first."""
    kept = kept_counts()
    assert kept == true_counts()
    assert tuple(kept[pk] for pk in sorted(kept)) == expected
    return kept


def join(ticket: Ticket | None) -> None:
    """A report was put into a ticket without the desk's doing."""
    if ticket is not None:
        Ticket.filter(pk=ticket.pk).update(attached_reports_count=F("attached_reports_count") + 1)
