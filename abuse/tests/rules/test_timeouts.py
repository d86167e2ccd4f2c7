"""What becomes of a ticket whose customer let the time pass."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from abuse.models import (
    Defendant,
    OutgoingMessage,
    Report,
    Service,
    ServiceAction,
    ServiceActionJob,
    Ticket,
    TicketComment,
    UrlStatus,
    User,
)
from abuse.pipeline.timeouts import ticket_timeout
from abuse.services.action import ActionResult, ActionServiceBase

from .conftest import make_report, make_ticket
from .services import Pages, serving

pytestmark = pytest.mark.django_db

PAGE = "http://c1.example/x"


class Measures(ActionServiceBase):
    """Offers the first measure there is, and takes none."""

    def close_service(self, ticket: Ticket, user: User | None = None) -> None: ...

    def close_all_services(self, ticket: Ticket, user: User | None = None) -> None: ...

    def close_defendant(self, ticket: Ticket, user: User | None = None) -> None: ...

    def apply_action_on_service(
        self, ticket_id: int, action_id: int, ip_addr: str | None, user_id: int
    ) -> ActionResult:
        return ActionResult("1", "ok")

    def list_actions_for_ticket(self, ticket: Ticket) -> Sequence[ServiceAction]:
        return list(ServiceAction.all().order_by("pk")[:1])


@pytest.fixture
def report(defendant: Defendant, service: Service) -> Report:
    return make_report(
        defendant=defendant, service=service, category_id="Phishing", items=(("URL", PAGE), ("IP", "203.0.113.1"))
    )


@pytest.fixture
def ticket(report: Report) -> Ticket:
    return make_ticket(report)


def test_pages_that_are_down_close_the_ticket(ticket: Ticket, report: Report) -> None:
    from abuse.controllers.correspondence import acknowledge
    from abuse.controllers.history import robot

    acknowledge(report, ticket, codename="ack_report_received", lang="EN", actor=robot())
    with serving("PhishingServiceBase", Pages({PAGE: 90})) as pages:
        assert ticket_timeout(ticket.pk) == "closed: every page is down"
    assert pages.asked == [(PAGE, "fr")]
    ticket.refresh_from_db()
    assert (ticket.status, str(ticket.resolution)) == ("Closed", "fixed_by_customer")
    assert list(ticket.tags.values_list("codename", flat=True)) == ["phishing:autoclosed"]
    mails = set(OutgoingMessage.all().values_list("template_codename", "recipient"))
    assert {("case_closed", "jo@reporter.example"), ("ticket_closed", "c1@customer.example")} < mails
    assert UrlStatus.get().score == 90


@pytest.mark.parametrize("score", [74, None])
def test_a_page_that_is_up_or_was_not_seen_leads_to_a_measure(ticket: Ticket, score: int | None) -> None:
    known = {} if score is None else {PAGE: score}
    with serving("PhishingServiceBase", Pages(known)), serving("ActionServiceBase", Measures()):
        assert ticket_timeout(ticket.pk).startswith("ordered: ")
        assert ticket_timeout(ticket.pk) == "a measure was ordered already"
    job = ServiceActionJob.get(tickets=ticket)
    assert (job.ip, job.status) == ("203.0.113.1", "pending")


def test_the_measure_may_be_named(ticket: Ticket) -> None:
    wanted = ServiceAction.create(name="throttle", module="NET", level="2")
    ticket_timeout(ticket.pk, module="NET", level="2")
    assert ServiceActionJob.get(tickets=ticket).action == wanted


@pytest.mark.parametrize("level", ["none", None])
def test_without_a_measure_a_person_is_told(ticket: Ticket, level: str | None) -> None:
    ticket_timeout(ticket.pk, **({"module": "NET", "level": level} if level else {}))
    ticket.refresh_from_db()
    assert ticket.status == "ActionError"
    assert "no measure is known" in TicketComment.get(ticket=ticket).comment.comment


def test_without_one_address_a_person_is_told(defendant: Defendant, service: Service) -> None:
    for items, said in (
        ((("URL", PAGE),), "name no address of ours"),
        ((("IP", "203.0.113.1"), ("IP", "203.0.113.2")), "could not be ordered"),
    ):
        report = make_report(defendant=defendant, service=service, category_id="Copyright", items=items)
        ticket = make_ticket(report)
        ticket_timeout(ticket.pk, module="VPS")
        ticket.refresh_from_db()
        assert ticket.status == "ActionError"
        assert said in TicketComment.get(ticket=ticket).comment.comment
        assert not ServiceActionJob.filter(tickets=ticket, status="pending").exists()
        Ticket.filter(pk=ticket.pk).update(update=False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"status": "Answered"}, "the ticket was Answered"), ({"status": "Closed"}, "the ticket was Closed")],
)
def test_what_is_settled_is_left_alone(ticket: Ticket, changes: dict[str, str], said: str) -> None:
    Ticket.filter(pk=ticket.pk).update(**changes)
    assert ticket_timeout(ticket.pk, module="VPS") == said
    assert OutgoingMessage.count() == 0


def test_an_operators_ticket_is_left_alone(ticket: Ticket, actor: User) -> None:
    Ticket.filter(pk=ticket.pk).update(treated_by=actor)
    assert ticket_timeout(ticket.pk, module="VPS") == "an operator is at it"
