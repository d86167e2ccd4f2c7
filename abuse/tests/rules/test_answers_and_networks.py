"""The variables and actions of EmailReply and CDNRequest rules, and the way of a question to a content network."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from abuse.controllers import cdn
from abuse.controllers.workflow import run_due
from abuse.models import (
    BusinessRulesHistory,
    CdnRequest,
    Deadline,
    Defendant,
    DirectoryCustomer,
    DirectoryResource,
    DirectoryService,
    OutgoingMessage,
    Proof,
    ReceivedMessage,
    Report,
    Service,
    Ticket,
    User,
)
from abuse.parsers.values import ItemKind, MailKind, ParsedEmail, ParsedItem
from abuse.rules.actions.emailreply.default import DefaultEmailReplyActions
from abuse.rules.apply import RulesRun
from abuse.rules.catalogues import catalogue
from abuse.rules.engine.document import parse_config
from abuse.rules.engine.errors import DocumentError
from abuse.rules.engine.facts import Facts
from abuse.rules.engine.run import run_actions
from abuse.rules.networks import NetworksError, owner_of, read_networks
from abuse.rules.variables.emailreply.default import DefaultEmailReplyVariables

from .conftest import make_defendant, make_report, make_ticket

pytestmark = pytest.mark.django_db

CLOUDFLARE = "abuseteam@cloudflare.com"
AT_CLOUDFLARE = ip_address("104.16.1.1")


@pytest.fixture
def ticket(defendant: Defendant, service: Service) -> Ticket:
    return make_ticket(make_report(defendant=defendant, service=service))


def answer(**values: Any) -> ParsedEmail:
    return ParsedEmail(**{"provider": "c1@customer.example", "subject": "Re: case", "body": "It is fixed.", **values})


def ask(name: str, ticket: Ticket, mail: ParsedEmail, category: str = "Defendant", **params: object) -> object:
    variables = catalogue("EmailReply").build_variables(ticket, mail, "x@example.net", category, sender_is_known=True)
    return Facts(variables).value(name, params)


# --- what an EmailReply rule may ask ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "mail", "expected"),
    [
        ("category", answer(), "defendant"),
        ("email_sender", answer(provider="C1@Customer.example"), "c1@customer.example"),
        ("email_body", answer(), "It is fixed."),
        ("email_subject", answer(), "Re: case"),
        ("mail_kind", answer(kind=MailKind.BOUNCE), "bounce"),
        ("sender_is_known", answer(), True),
        ("ticket_status", answer(), "open"),
    ],
)
def test_what_is_known_of_an_answer(ticket: Ticket, name: str, mail: ParsedEmail, expected: object) -> None:
    assert ask(name, ticket, mail) == expected


def test_a_ticket_that_asks_a_network(ticket: Ticket) -> None:
    assert ask("ticket_in_cdn_cache", ticket, answer(), provider="cloudflare") is False
    now = timezone.now()
    row = CdnRequest.create(
        provider="cloudflare", domain="x.example", ticket=ticket, asked_at=now, expires_at=now + timedelta(days=1)
    )
    assert ask("ticket_in_cdn_cache", ticket, answer(), provider="Cloudflare") is True
    row.expires_at = now - timedelta(seconds=1)
    row.save()
    assert ask("ticket_in_cdn_cache", ticket, answer(), provider="cloudflare") is False


def test_the_catalogue_of_answers() -> None:
    variables = {variable.name for variable in DefaultEmailReplyVariables.get_all_variables()}
    assert variables == {
        "category", "email_sender", "email_body", "email_subject", "ticket_in_cdn_cache", "sender_is_known",
        "mail_kind", "ticket_status",
    }  # fmt: skip
    assert {action.name for action in DefaultEmailReplyActions.get_all_actions()} == {
        "attach_external_answer", "cancel_pending_jobs", "set_ticket_status", "close_ticket", "send_email",
        "enqueue_ticket_task", "try_resend", "cdn_response_update",
    }  # fmt: skip
    assert set(catalogue("CDNRequest").variables) == {"provider_ips_owner"}
    assert set(catalogue("CDNRequest").actions) == {"do_cdn_request"}


# --- what an EmailReply rule may do -----------------------------------------------------------------------------------

Do = Callable[..., Any]


@pytest.fixture
def do(ticket: Ticket, actor: User) -> Do:
    """Run one action on an answer to the ticket, as a rule does; what it returned."""

    def run(name: str, mail: ParsedEmail | None = None, **params: Any) -> Any:
        known = catalogue("EmailReply")
        conditions = {"all": [{"name": "category", "operator": "non_empty"}]}
        rule = parse_config({"conditions": conditions, "actions": [{"name": name, "params": params}]}, known)
        email_id = make_mail_row()
        actions = known.build_actions(
            Ticket.get(pk=ticket.pk), mail or answer(), "x@example.net", "Defendant", email_id=email_id, actor=actor
        )
        (trace,) = run_actions(rule, actions)
        ticket.refresh_from_db()
        return trace.result

    return run


def make_mail_row() -> int:
    from abuse.models import Email

    now = timezone.now()
    row = Email.create(
        sha256=f"{Email.count():064}",
        size=1,
        source="test",
        received_at=now,
        last_delivered_at=now,
        next_attempt_at=now,
    )
    return row.pk


def test_attach_external_answer(do: Do, ticket: Ticket) -> None:
    assert do("attach_external_answer") is True
    assert do("attach_external_answer", answer(provider="stranger@evil.test")) is False
    assert list(ReceivedMessage.filter(ticket=ticket).order_by("pk").values_list("authentic", flat=True)) == [
        True,
        False,
    ]


def test_cancel_pending_jobs(do: Do, ticket: Ticket) -> None:
    now = timezone.now()
    Deadline.create(kind="reminder", ticket=ticket, due_at=now, created_at=now)
    assert do("cancel_pending_jobs") == 1
    assert Deadline.get(kind="reminder").state == "cancelled"


def test_set_ticket_status_reopens_nothing(do: Do, ticket: Ticket) -> None:
    do("set_ticket_status", status="Answered")
    assert ticket.status == "Answered"
    do("close_ticket", resolution="fixed")
    assert (ticket.status, str(ticket.resolution)) == ("Closed", "fixed")
    do("set_ticket_status", status="Answered")
    do("close_ticket", resolution="invalid")
    assert (ticket.status, str(ticket.resolution)) == ("Closed", "fixed")


def test_send_email_and_task(do: Do, ticket: Ticket) -> None:
    do("send_email", template_codename="fixed", email="a@b.example")
    assert OutgoingMessage.get(ticket=ticket).recipient == "a@b.example"
    do("enqueue_ticket_task", task_name="rules.ticket_timeout", seconds=1)
    assert Deadline.get(ticket=ticket, kind="task").payload["params"] == {"ticket_id": ticket.pk}


def sent(ticket: Ticket, body: str, to: str = "c1@customer.example") -> OutgoingMessage:
    from abuse.services.email import EmailService

    EmailService.send_email(ticket, to, "Your service", body, "Defendant", template_codename="customer_notification")
    mail = OutgoingMessage.filter(ticket=ticket).order_by("-pk").first()
    assert mail is not None
    return mail


LONG = "We received a complaint about your service.\n" + "It sends spam to everybody, every day. " * 20


def bounce(of: str) -> ParsedEmail:
    quoted = "\n> ".join(of[:400].splitlines())
    return answer(provider="mailer-daemon@mx.example", kind=MailKind.BOUNCE, body=f"Undeliverable:\n> {quoted}")


def test_try_resend_to_the_other_address_once(do: Do, ticket: Ticket) -> None:
    assert ticket.defendant is not None
    assert ticket.defendant.details is not None
    type(ticket.defendant.details).filter(pk=ticket.defendant.details.pk).update(spare_email="spare@customer.example")
    sent(ticket, "Something else entirely.")
    lost = sent(ticket, LONG)
    assert do("try_resend", bounce(LONG)) == "spare@customer.example"
    again = OutgoingMessage.get(recipient="spare@customer.example")
    assert (again.subject, again.body, again.sender) == (lost.subject, lost.body, lost.sender)
    assert ticket.status == "Open"
    assert do("try_resend", bounce(LONG)) is None
    assert ticket.status == "Alarm"
    assert OutgoingMessage.filter(recipient="spare@customer.example").count() == 1


def test_try_resend_without_another_address_or_of_nothing_of_ours(do: Do, ticket: Ticket) -> None:
    sent(ticket, LONG)
    assert do("try_resend", bounce(LONG)) is None
    assert ticket.status == "Alarm"
    type(ticket.defendant.details).all().update(spare_email="spare@customer.example")  # type: ignore[union-attr]
    assert do("try_resend", bounce("Nothing that we ever wrote to anybody, at all.")) is None
    assert not OutgoingMessage.filter(recipient="spare@customer.example").exists()


# --- content networks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "owner"),
    [("104.16.1.1", "cloudflare"), ("2606:4700::1", "cloudflare"), ("203.0.113.1", None), ("2001:db8::1", None)],
)
def test_whose_an_address_is(address: str, owner: str | None) -> None:
    assert owner_of(ip_address(address)) == owner


def test_who_serves_a_domain() -> None:
    def owned(*addresses: str) -> object:
        variables = catalogue("CDNRequest").build_variables("x.example", [ip_address(one) for one in addresses])
        return Facts(variables).value("provider_ips_owner", {"provider": "cloudflare"})

    assert (owned("203.0.113.1", "104.16.1.1"), owned("203.0.113.1"), owned()) == (True, False, False)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[1]", "expected {name"),
        ("x: {address: a@b.example}", "x: expected address and networks"),
        ("x: {address: nobody, networks: []}", "x.address: 'nobody'; expected an e-mail address"),
        ("x: {address: a@b.example, networks: [300.0.0.0/8]}", "x.networks: "),
        ("x: {address: a@b.example, networks: 10.0.0.0/8}", "expected a list of networks"),
        ("x: [", "not a YAML text"),
    ],
)
def test_a_file_of_networks_that_cannot_be_used(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "cdn-networks.yml"
    path.write_text(text)
    with pytest.raises(NetworksError, match=fault):
        read_networks(path)


def test_an_unknown_network_is_refused_when_the_rule_is_written(do: Do) -> None:
    with pytest.raises(DocumentError, match="'akamai' is not a content network; expected one of cloudflare"):
        do("cdn_response_update", provider="akamai")


@pytest.fixture
def vps(defendant: Defendant) -> None:
    """The directory knows 203.0.113.7 as C7's."""
    customer = DirectoryCustomer.create(
        customer_id="C7",
        data={"email": "c7@customer.example", "creation_date": "2020-01-01T00:00:00+00:00", "lang": "EN"},
        updated_at=timezone.now(),
    )
    rented = DirectoryService.create(customer=customer, service_id="s7", data={"name": "vps-7"})
    DirectoryResource.create(service=rented, network="203.0.113.7/32")


def ask_cloudflare(report: Report, actor: User) -> Ticket:
    run = RulesRun(actor)
    assert run.decide_cdn_request(report, "Shop.example", [AT_CLOUDFLARE]) == "cdn_request_cloudflare"
    run.write()
    report.refresh_from_db()
    assert report.ticket is not None
    return report.ticket


def test_a_network_is_asked_once_about_a_domain(actor: User) -> None:
    first, second = make_report(), make_report()
    ticket = ask_cloudflare(first, actor)
    mail = OutgoingMessage.get()
    assert (mail.recipient, mail.template_codename) == (CLOUDFLARE, "cloudflare_ip_request")
    assert "shop.example" in mail.body
    assert Proof.get(ticket=ticket).content == "shop.example"
    assert (ticket.treated_by, ticket.defendant, ticket.update) == (actor, None, False)
    request = CdnRequest.get(domain="shop.example")
    assert timedelta(days=14) < request.expires_at - timezone.now() <= timedelta(days=15)
    assert ask_cloudflare(second, actor) == ticket
    assert OutgoingMessage.count() == 1
    CdnRequest.all().update(expires_at=timezone.now())
    assert ask_cloudflare(make_report(), actor) != ticket
    assert CdnRequest.get(domain="shop.example").ticket != ticket


def test_a_domain_that_no_network_serves_is_asked_of_nobody(actor: User) -> None:
    run = RulesRun(actor)
    assert run.decide_cdn_request(make_report(), "shop.example", [ip_address("203.0.113.1")]) is None
    run.write()
    decision = BusinessRulesHistory.get()
    assert (decision.rules_type, decision.business_rules) == ("CDNRequest", None)


def reply(*addresses: str) -> ParsedEmail:
    items = tuple(ParsedItem(ItemKind.IP, address) for address in addresses)
    return ParsedEmail(provider=CLOUDFLARE, subject="Re", body="The origin is " + " ".join(addresses), items=items)


def take(ticket: Ticket, mail: ParsedEmail, actor: User, *, known: bool = True) -> str | None:
    run = RulesRun(actor)
    fired = run.decide_answer(
        Ticket.get(pk=ticket.pk), mail, "x@example.net", "Other", email_id=make_mail_row(), known_sender=known
    )
    run.write()
    ticket.refresh_from_db()
    return fired


@pytest.mark.usefixtures("vps")
def test_the_answer_names_a_customer_of_ours(actor: User) -> None:
    report = make_report(category_id="Spam")
    ticket = ask_cloudflare(report, actor)
    assert take(ticket, reply("203.0.113.7"), actor) == "cdn_response_cloudflare"
    assert ticket.defendant is not None
    assert (ticket.defendant.customer_id, ticket.treated_by, ticket.status) == ("C7", None, "Open")
    assert ticket.update is True
    report.refresh_from_db()
    assert report.defendant == ticket.defendant
    assert report.items.get().raw_item == "203.0.113.7"
    assert ReceivedMessage.get(ticket=ticket).sender == CLOUDFLARE
    assert CdnRequest.get().answered_at is not None
    run_due(now=timezone.now() + timedelta(seconds=11))  # the rules decide once more, now that they know the customer
    report.refresh_from_db()
    decided = BusinessRulesHistory.filter(report=report, rules_type="Report").get()
    assert decided.business_rules is not None
    assert decided.business_rules.name == "default_defendant_trusted"
    assert (report.ticket, report.status) == (ticket, "Attached")


@pytest.mark.usefixtures("vps")
def test_a_later_report_gets_what_is_known(actor: User) -> None:
    ticket = ask_cloudflare(make_report(), actor)
    take(ticket, reply("203.0.113.7"), actor)
    later = make_report()
    assert ask_cloudflare(later, actor) == ticket
    later.refresh_from_db()
    assert later.defendant == ticket.defendant
    assert later.items.get().raw_item == "203.0.113.7"
    assert Deadline.filter(report=later, kind="task").count() == 1


@pytest.mark.usefixtures("vps")
@pytest.mark.parametrize("addresses", [(), ("198.51.100.1",)])
def test_an_answer_that_names_nobody_of_ours_is_an_alarm(actor: User, addresses: tuple[str, ...]) -> None:
    ticket = ask_cloudflare(make_report(), actor)
    take(ticket, reply(*addresses), actor)
    assert (ticket.status, ticket.defendant, ticket.treated_by) == ("Alarm", None, None)


@pytest.mark.usefixtures("vps")
def test_somebody_else_cannot_answer_for_the_network(actor: User) -> None:
    ticket = ask_cloudflare(make_report(), actor)
    assert take(ticket, reply("203.0.113.7"), actor, known=False) == "stranger_answer"
    forged = ParsedEmail(provider="abuse@evil.test", items=(ParsedItem(ItemKind.IP, "203.0.113.7"),))
    assert take(ticket, forged, actor) == "default_answer"
    assert ticket.defendant is None


def test_two_reports_of_one_mail_keep_apart(actor: User) -> None:
    """Taking over the customer must not make two reports of one mail about the same service."""
    owner, email_id = make_defendant("C9"), make_mail_row()
    from .conftest import make_service

    service = make_service()
    twin = make_report(defendant=owner, service=service, email_id=email_id)
    report = make_report(email_id=email_id)
    ticket = ask_cloudflare(report, actor)
    assert cdn.take_origin(
        ticket, network="cloudflare", owners=[(owner, service)], addresses=["203.0.113.9"], actor=actor
    )
    report.refresh_from_db()
    assert (report.defendant, twin.defendant) == (None, owner)
