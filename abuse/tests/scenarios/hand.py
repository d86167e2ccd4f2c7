"""The warm process that starts the desk's commands, and does what people do at the desk: in their name."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from abuse.tests.resilience import hand

if TYPE_CHECKING:
    from abuse.models import User

OPERATOR = "olga"


def create_operator() -> int:
    from abuse.controllers.accounts import create_user

    created = create_user(OPERATOR, "a-long-password-for-olga", email="olga@desk.example", superuser=True)
    return created.pk


def validate(report_id: int) -> str:
    """The operator vouches for a report; which rule acted."""
    from abuse.pipeline import review

    return review.validate(report_id, actor=_operator())


def name_customer(report_id: int, ip: str) -> str:
    """The operator found out which address is meant, and so whose the report is; the customer."""
    from django.utils import timezone

    from abuse.controllers import validation
    from abuse.controllers.defendants import ensure_defendants, ensure_services, service_key
    from abuse.models import Report
    from abuse.services.crm import CRMService, Query

    match = CRMService.find([Query(at=timezone.now(), address=ip_address(ip))])[0]
    if match is None:
        raise LookupError(f"{ip}: no customer has it")
    defendant = ensure_defendants([match.defendant])[match.defendant.customer_id]
    service = ensure_services([match.service])[service_key(match.service)]
    validation.set_customer(Report.get(pk=report_id), defendant, service, actor=_operator())
    return defendant.customer_id


def review_phishing(report_id: int, verdicts: Sequence[tuple[int, bool]]) -> str:
    """The operator looked at the pages; what the report is now."""
    from abuse.controllers.phishing import Verdict
    from abuse.pipeline import review

    looked = [Verdict(item_id, is_phishing) for item_id, is_phishing in verdicts]
    return str(review.review_phishing(report_id, looked, actor=_operator()))


def ask_network(report_id: int, domain: str, addresses: Sequence[str]) -> str:
    """The operator has the network asked that serves a domain; which rule acted."""
    from abuse.pipeline import review

    resolved = [ip_address(one) for one in addresses]
    return review.ask_content_network(report_id, domain, resolved, actor=_operator())


def launch(name: str, category: str, ips: Sequence[str], subject: str, body: str) -> str:
    """The operator launches a campaign; its name, or why it was refused."""
    from abuse.controllers import campaigns
    from abuse.controllers.editing import Refused

    try:
        return campaigns.launch(name, category, ips, subject, body, actor=_operator()).campaign_name
    except Refused as error:
        return f"refused: {error}"


def close(ticket_id: int, resolution: str) -> str:
    """The operator closes a ticket; its status."""
    from abuse.controllers import moves
    from abuse.models import Ticket

    ticket = Ticket.get(pk=ticket_id)
    moves.close_ticket(ticket, resolution, actor=_operator())
    return str(ticket.status)


def reopen(ticket_id: int) -> str:
    """The operator takes a ticket up again; its status."""
    from abuse.controllers import moves
    from abuse.models import Ticket

    ticket = Ticket.get(pk=ticket_id)
    moves.reopen(ticket, actor=_operator())
    return str(ticket.status)


def write_to_reporter(ticket_id: int, recipient: str) -> str:
    """The operator writes to a reporter in words of his own; the Message-ID."""
    from abuse.models import Ticket
    from abuse.services.email import EmailService

    ticket = Ticket.get(pk=ticket_id)
    return str(EmailService.send_email(ticket, recipient, "Your report", "We found it.", "Plaintiff"))


def _operator() -> User:
    from abuse.models import User

    return User.objects.get(username=OPERATOR)


if __name__ == "__main__":
    hand.FUNCTIONS.update(
        (function.__name__, function)
        for function in (
            create_operator,
            validate,
            name_customer,
            review_phishing,
            ask_network,
            launch,
            close,
            reopen,
            write_to_reporter,
        )
    )
    hand.main()
