"""Reports about addresses of others: their reporters are told whom to write to, or the report is sent on.

A ticket is opened for the record and closed at once, so that the mails are part of a case that people can find.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from abuse.config import current
from abuse.models import OutgoingMessage, Report, ReportStatus, User
from abuse.parsers.robots import is_robot_mailbox
from abuse.services.email.addresses import is_address
from abuse.services.email.base import KeptFile

from . import correspondence, moves, tickets
from . import reports as report_moves
from .answering import may_answer
from .reporters import ReporterMail, may_be_told
from .validation import INVALID, cancel_timeout, lock

TOLD = "misrouted_report"
FORWARDED = "forwarded_report"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Forwarding:
    """To whom a report is sent on, with the files that hold it."""

    contact: str
    files: tuple[KeptFile, ...]


def why_not_forwarded(report: Report, contacts: Collection[str]) -> str:
    """Why a report is not sent on to those whom the registry names, in words; empty when it is.

    Only where MAIL.forward_misrouted says so, to the one contact of all its addresses, never to a machine, to ourselves
    or back to the reporter, and never for somebody who may not be who he says.
    """
    settings = current().MAIL
    if not settings.forward_misrouted:
        return "MAIL.forward_misrouted is off"
    if not is_known(report):
        return "its reporter is neither authenticated nor trusted"
    if len(contacts) != 1:
        return f"{len(contacts)} contacts are named; expected one"
    (contact,) = contacts
    if not is_address(contact) or is_robot_mailbox(contact):
        return f"nobody reads {contact[:100]}"
    if contact.rpartition("@")[2].lower() == settings.ticket_domain.lower():
        return f"{contact} is ours"
    if contact.lower() == report.provider_id.lower():
        return "its reporter is the contact himself"
    since = timezone.now() - _DAY
    sent = OutgoingMessage.filter(template_codename=FORWARDED, recipient=contact, created_at__gte=since).count()
    return f"{contact} was sent {sent} within a day" if sent >= settings.forward_misrouted_per_day else ""


@transaction.atomic
def settle(report: Report, contacts: Collection[str], forwarding: Forwarding | None, *, actor: User) -> str:
    """Be done with a report that names addresses of others only; what was done, in words.

    The reporter is told once a MAIL.answer_period_seconds for the same contacts, where he wants it and is who he says.

    :param contacts: the addresses that the registry names; none when it knows nobody.
    """
    lock(report)
    if report.status != ReportStatus.NEW or report.ticket_id is not None or report.defendant_id is not None:
        return "the report had moved on"
    is_told = _may_be_told(report, contacts)
    cancel_timeout(report, reason="it is about others' addresses")
    if not is_told and forwarding is None:
        report_moves.set_status(report, ReportStatus.ARCHIVED, actor=actor, reason="it is about others' addresses")
        return "archived"
    ticket = tickets.create_ticket(report, actor=actor, joinable=False)
    cause = f"misrouted:{report.pk}"
    if is_told:
        correspondence.send_template(
            ticket, TOLD, report.provider_id, cause=cause, actor=actor, report=report, auto_submitted="auto-replied"
        )
    if forwarding is not None:
        correspondence.send_template(
            ticket, FORWARDED, forwarding.contact, cause=cause, actor=actor, report=report, acknowledges=False,
            attachments=forwarding.files,
        )  # fmt: skip
    moves.close_ticket(ticket, INVALID, actor=actor, told=[report.provider_id])
    done = ["the reporter was told"] if is_told else []
    return ", ".join(done + ([f"sent on to {forwarding.contact}"] if forwarding else []))


def is_known(report: Report) -> bool:
    """Whether the sender is who he says, as far as one can know. Else somebody would get a mail who never wrote."""
    return report.authentication == "pass" or (report.provider.trusted and report.authentication != "fail")


def _may_be_told(report: Report, contacts: Collection[str]) -> bool:
    if not is_known(report) or not may_be_told(report, ReporterMail.MISROUTED):
        return False
    about = f"misrouted: {', '.join(sorted(contacts)) or 'to nobody known'}"
    return may_answer(report.provider_id, about, period_seconds=current().MAIL.answer_period_seconds) is not None
