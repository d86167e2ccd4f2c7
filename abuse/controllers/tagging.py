"""Tags on reports, customers and reporters, put there by people."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from abuse.models import Defendant, History, Provider, Report, Tag, Ticket, TicketStatus, User

from .editing import Refused
from .history import record


@transaction.atomic
def tag_report(report: Report, tag: Tag, *, actor: User) -> bool:
    """Put a tag on a report; False when it was there.

    :raises Refused: for a tag of another kind.
    """
    _check(tag, Tag.Type.REPORT)
    if report.tags.filter(pk=tag.pk).exists():
        return False
    report.tags.add(tag)
    record(History.Type.ADD_TAG, actor=actor, report=report, ticket=report.ticket, new=tag.name)
    return True


@transaction.atomic
def untag_report(report: Report, tag: Tag, *, actor: User) -> bool:
    """Take a tag off a report; False when it was not there."""
    if not report.tags.filter(pk=tag.pk).exists():
        return False
    report.tags.remove(tag)
    record(History.Type.REMOVE_TAG, actor=actor, report=report, ticket=report.ticket, old=tag.name)
    return True


@transaction.atomic
def tag_defendant(defendant: Defendant, tag: Tag, *, actor: User) -> bool:
    """Put a tag on a customer; False when it was there. His open tickets say so.

    :raises Refused: for a tag of another kind.
    """
    _check(tag, Tag.Type.DEFENDANT)
    if defendant.tags.filter(pk=tag.pk).exists():
        return False
    defendant.tags.add(tag)
    _tell_tickets(defendant, History.Type.ADD_TAG, actor=actor, new=tag.name)
    return True


@transaction.atomic
def untag_defendant(defendant: Defendant, tag: Tag, *, actor: User) -> bool:
    """Take a tag off a customer; False when it was not there."""
    if not defendant.tags.filter(pk=tag.pk).exists():
        return False
    defendant.tags.remove(tag)
    _tell_tickets(defendant, History.Type.REMOVE_TAG, actor=actor, old=tag.name)
    return True


@transaction.atomic
def tag_provider(provider: Provider, tag: Tag) -> None:
    """Put a tag on a reporter. Putting it there twice does nothing.

    :raises Refused: for a tag of another kind.
    """
    _check(tag, Tag.Type.PROVIDER)
    provider.tags.add(tag)


@transaction.atomic
def untag_provider(provider: Provider, tag: Tag) -> None:
    """Take a tag off a reporter."""
    provider.tags.remove(tag)


def _check(tag: Tag, wanted: Tag.Type) -> None:
    if tag.tag_type != wanted:
        raise Refused(f"tag {tag} is for {tag.tag_type}; expected one for {wanted}")


def _tell_tickets(
    defendant: Defendant, action_type: History.Type, *, actor: User, old: str | None = None, new: str | None = None
) -> None:
    now = timezone.now()
    tickets = Ticket.filter(defendant=defendant).exclude(status=TicketStatus.CLOSED).only("pk", "status")
    History.objects.bulk_create(
        [
            History(
                ticket=ticket, user=actor, action_type=action_type, field="defendant", old=old, new=new,
                refs={"defendant": defendant.customer_id}, ticket_status=ticket.status, date=now,
            )
            for ticket in tickets
        ],
        batch_size=1000,
    )  # fmt: skip
