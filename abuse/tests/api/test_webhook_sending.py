"""Events are sent to those who subscribed: signed, in order, at least once, and nowhere they must not go."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dns.resolver
import pytest
from django.db import transaction
from django.utils import timezone

from abuse.config import current
from abuse.controllers import history, moves, tickets, webhook_sending, webhooks
from abuse.controllers.editing import Refused
from abuse.controllers.event_rows import CHANNEL
from abuse.controllers.events import tell_of_parked, tell_of_reports
from abuse.controllers.together import written_together
from abuse.controllers.webhooks import Wanted
from abuse.models import Email, Event, History, Notification, Ticket, User, Webhook, WebhookDelivery
from abuse.services.phishing.connecting import Reach
from abuse.services.phishing.resolving import NoSuchName
from abuse.services.signed_webhook import SignatureError, read_secret, verify
from abuse.services.webhook_post import Sender
from abuse.tests.api.rows import a_defendant, a_report, a_service, a_ticket
from abuse.tests.services.crm.servers import Asked, JsonServer, Said, json_server

pytestmark = pytest.mark.django_db
KINDS = ["ticket.created", "ticket.status_changed", "ticket.closed"]
State = WebhookDelivery.State


class Receiver:
    """A program that takes events; `answers` says what it says next, 204 when there is nothing left."""

    def __init__(self, server: JsonServer) -> None:
        self.server = server
        self.answers: list[Said] = []

    @property
    def url(self) -> str:
        return self.server.url("/hook")

    def events(self) -> list[dict[str, Any]]:
        return [asked.json for asked in self.server.asked]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events()]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    def answering(asked: Asked) -> Said:
        return found.answers.pop(0) if found.answers else Said(status=204)

    with json_server(answering) as server:
        found = Receiver(server)
        yield found


@pytest.fixture
def robot() -> User:
    return history.robot()


def subscribe(receiver: Receiver, robot: User, kinds: list[str] | None = None, **more: Any) -> tuple[Webhook, str]:
    return webhooks.create(Wanted(receiver.url, kinds or KINDS, **more), actor=robot)


def open_one(robot: User, **fields: Any) -> Ticket:
    return tickets.create_ticket(a_report(defendant=a_defendant(), service=a_service(), **fields), actor=robot)


def make_due() -> None:
    Webhook.all().update(next_attempt_at=timezone.now())


def test_what_happens_is_sent_signed_and_in_order(receiver: Receiver, robot: User) -> None:
    _, secret = subscribe(receiver, robot)
    ticket = open_one(robot)
    moves.close_ticket(ticket, "invalid", actor=robot)
    assert webhook_sending.send_due() == 3
    assert receiver.types() == ["ticket.created", "ticket.status_changed", "ticket.closed"]
    for asked in receiver.server.asked:
        assert asked.path == "/hook"
        assert asked.headers["content-type"] == "application/json"
        assert verify([read_secret(secret)], asked.headers, asked.body) == asked.json["id"]
        with pytest.raises(SignatureError):
            verify([read_secret(secret)], asked.headers, asked.body + b" ")
    created, changed, closed = receiver.events()
    assert created["data"] == {
        "ticket": {
            "id": ticket.pk, "publicId": ticket.public_id, "category": "Phishing", "status": "Open",
            "priority": ticket.priority,
        }
    }  # fmt: skip
    assert (changed["data"]["old"], changed["data"]["new"]) == ("Open", "Closed")
    assert closed["data"]["resolution"] == "invalid"
    assert abs(closed["date"] - timezone.now().timestamp()) < 60
    assert set(WebhookDelivery.all().values_list("state", flat=True)) == {State.DELIVERED}


def test_no_customer_reporter_or_text_is_in_what_is_sent(receiver: Receiver, robot: User) -> None:
    subscribe(receiver, robot, list(webhooks.KINDS))
    report = a_report(defendant=a_defendant(email="secret@customer.example"), service=a_service(), subject="Secret")
    ticket = tickets.create_ticket(report, actor=robot)
    tell_of_reports([report])
    tickets.add_tag(ticket, "seen", actor=robot)
    history.record(
        History.Type.APPLY_ACTION, actor=robot, ticket=ticket, old="Suspend", new="ok", job=7, comment="secret remark",
        ip="192.0.2.7",
    )  # fmt: skip
    assert webhook_sending.send_due() >= 4
    text = json.dumps(receiver.events())
    assert {"report.created", "ticket.created", "ticket.changed", "action.done"} <= set(receiver.types())
    for word in ("secret", "Secret", "reporter@example.com", "192.0.2.7", report.body, "vps.example.net"):
        assert word not in text


@pytest.mark.parametrize(
    ("state", "kinds"),
    [("ok", ["action.done"]), ("actionError", ["action.failed"]), ("unknown", ["action.failed"]), ("doing", [])],
)
def test_measures_are_told_of_when_they_have_ended(
    receiver: Receiver, robot: User, state: str, kinds: list[str]
) -> None:
    subscribe(receiver, robot, ["action.done", "action.failed"])
    history.record(History.Type.APPLY_ACTION, actor=robot, ticket=a_ticket(), old="Suspend", new=state, job=7)
    webhook_sending.send_due()
    assert receiver.types() == kinds


def test_parked_mails_and_reports_are_written_down_only_for_who_wants_them(receiver: Receiver, robot: User) -> None:
    report, email = a_report(), Email(pk=11)
    tell_of_reports([report])
    tell_of_parked([email])
    assert not Event.filter(kind__in=["report.created", "mail.parked"]).exists()
    subscribe(receiver, robot, ["report.created", "mail.parked"])
    tell_of_reports([report])
    tell_of_parked([email])
    webhook_sending.send_due()
    first, second = receiver.events()
    assert first["data"] == {"report": {"id": report.pk, "category": "Phishing", "status": "New"}, "ticket": None}
    assert (second["type"], second["data"]) == ("mail.parked", {"email": {"id": 11}})


def test_only_wanted_kinds_and_categories_are_sent_and_confidential_tickets_to_who_may(
    receiver: Receiver, robot: User
) -> None:
    subscribe(receiver, robot, ["ticket.created"], categories=["Malware"])
    hidden, shown = a_ticket("Malware", confidential=True), a_ticket("Malware")
    for ticket in (a_ticket("Phishing"), hidden, shown):
        history.record(History.Type.CREATE_TICKET, actor=robot, ticket=ticket)
        history.record(History.Type.ADD_TAG, actor=robot, ticket=ticket, new="seen")
    webhook_sending.send_due()
    assert [event["data"]["ticket"]["id"] for event in receiver.events()] == [shown.pk]
    subscribe(receiver, robot, ["ticket.created"], confidential=True)
    history.record(History.Type.CREATE_TICKET, actor=robot, ticket=hidden)
    webhook_sending.send_due()
    assert [event["data"]["ticket"]["id"] for event in receiver.events()] == [shown.pk, hidden.pk]


def test_what_is_rolled_back_is_not_sent(receiver: Receiver, robot: User) -> None:
    subscribe(receiver, robot)
    with transaction.atomic():
        open_one(robot)
        transaction.set_rollback(True)
    assert webhook_sending.send_due() == 0
    assert receiver.server.asked == []


def test_a_failing_receiver_is_tried_again_and_nothing_overtakes(receiver: Receiver, robot: User) -> None:
    webhook, _ = subscribe(receiver, robot, ["ticket.created"])
    first, second = open_one(robot), open_one(robot)
    receiver.answers = [Said(status=500), Said(status=503, headers={"Retry-After": "1800"})]
    assert webhook_sending.send_due() == 0
    assert len(receiver.server.asked) == 1
    assert not webhook_sending.is_due()
    webhook.refresh_from_db()
    assert webhook.failures == 1
    assert timedelta(seconds=20) < webhook.next_attempt_at - timezone.now() < timedelta(seconds=40)
    make_due()
    assert webhook_sending.send_due() == 0
    webhook.refresh_from_db()
    assert timedelta(seconds=1700) < webhook.next_attempt_at - timezone.now() < timedelta(seconds=1900)
    make_due()
    assert webhook_sending.send_due() == 2
    ids = [event["id"] for event in receiver.events()]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert [event["data"]["ticket"]["id"] for event in receiver.events()] == [first.pk] * 3 + [second.pk]
    webhook.refresh_from_db()
    assert (webhook.failures, webhook.failing_since) == (0, None)


def test_without_a_name_server_an_event_waits_until_there_is_one(
    receiver: Receiver, robot: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(receiver, robot, ["ticket.created"])
    open_one(robot)
    with monkeypatch.context() as patch:
        read = dns.resolver.Resolver.read_resolv_conf
        patch.setattr(dns.resolver.Resolver, "read_resolv_conf", lambda self, _: read(self, io.StringIO("")))
        webhooks._sender.cache_clear()
        assert webhook_sending.send_due() == 0
    delivery = WebhookDelivery.get()
    assert (delivery.state, delivery.attempts) == (State.PENDING, 1)
    assert delivery.error.startswith("not asked: EVENTS.webhooks.dns_servers: nameservers: this machine names none")
    make_due()
    assert webhook_sending.send_due() == 1
    assert receiver.types() == ["ticket.created"]


def test_an_event_that_is_refused_is_given_up_and_the_next_one_sent(receiver: Receiver, robot: User) -> None:
    subscribe(receiver, robot, ["ticket.created"])
    first, second = open_one(robot), open_one(robot)
    receiver.answers = [Said(status=400)] * webhook_sending.MAX_REFUSALS
    for _ in range(webhook_sending.MAX_REFUSALS):
        make_due()
        assert webhook_sending.send_due() == 0
    make_due()
    assert webhook_sending.send_due() == 1
    asked = [event["data"]["ticket"]["id"] for event in receiver.events()]
    assert asked == [first.pk] * webhook_sending.MAX_REFUSALS + [second.pk]
    failed = WebhookDelivery.get(state=State.FAILED)
    assert (failed.status, failed.error) == (400, "status 400; expected 200 to 299")


def test_a_redirect_is_not_followed(receiver: Receiver, robot: User) -> None:
    subscribe(receiver, robot, ["ticket.created"])
    open_one(robot)
    receiver.answers = [Said(status=302, headers={"Location": receiver.server.url("/elsewhere")})]
    assert webhook_sending.send_due() == 0
    assert [asked.path for asked in receiver.server.asked] == ["/hook"]


@pytest.mark.parametrize(("status", "days", "is_active"), [(500, 4, True), (500, 6, False), (410, 0, False)])
def test_a_receiver_that_stays_away_is_switched_off_and_its_owner_told(
    receiver: Receiver, robot: User, status: int, days: int, is_active: bool
) -> None:
    owner = User.objects.create(username="alice")
    webhook, _ = subscribe(receiver, owner, ["ticket.created"])
    open_one(robot)
    Webhook.all().update(failing_since=timezone.now() - timedelta(days=days))
    receiver.answers = [Said(status=status)]
    webhook_sending.send_due()
    webhook.refresh_from_db()
    assert webhook.is_active is is_active
    told = list(Notification.filter(user=owner))
    if is_active:
        assert told == []
        return
    assert [(one.kind, one.ticket) for one in told] == [("webhook", None)]
    assert receiver.url in told[0].message
    assert webhook.disabled_reason
    # What happens meanwhile waits, and is sent when the webhook is switched on again.
    later = open_one(robot)
    make_due()
    assert webhook_sending.send_due() == 0
    webhooks.change(webhook, Wanted(receiver.url, ["ticket.created"]), is_active=True)
    assert webhook_sending.send_due() == 2
    assert receiver.events()[-1]["data"]["ticket"]["id"] == later.pk


def test_a_delivery_can_be_had_again_under_the_same_id(receiver: Receiver, robot: User) -> None:
    subscribe(receiver, robot, ["ticket.created"])
    open_one(robot)
    webhook_sending.send_due()
    webhooks.send_again(WebhookDelivery.get())
    assert webhook_sending.send_due() == 1
    first, second = receiver.server.asked
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_a_new_secret_signs_from_now_on(receiver: Receiver, robot: User) -> None:
    webhook, old = subscribe(receiver, robot, ["ticket.created"])
    new = webhooks.renew_secret(webhook)
    assert old not in webhook.secret and new not in webhook.secret
    webhooks.try_out(webhook)
    assert webhook_sending.send_due() == 1
    (asked,) = receiver.server.asked
    assert asked.json["type"] == "webhook.test"
    assert verify([read_secret(new)], asked.headers, asked.body)
    with pytest.raises(SignatureError):
        verify([read_secret(old)], asked.headers, asked.body)


def test_who_subscribes_later_is_not_sent_what_was_before(receiver: Receiver, robot: User) -> None:
    open_one(robot)
    subscribe(receiver, robot)
    assert webhook_sending.send_due() == 0


def test_changes_that_many_reports_make_in_one_batch_are_told_once(robot: User) -> None:
    ticket = a_ticket()
    with written_together():
        for _ in range(5):
            history.record(History.Type.ATTACH_REPORT, actor=robot, ticket=ticket)
        history.record(History.Type.ADD_TAG, actor=robot, ticket=ticket)
    assert [event.data["what"] for event in Event.filter(ticket=ticket).order_by("pk")] == ["AttachReport", "AddTag"]
    assert CHANNEL == "cerberus_events"


def test_old_events_are_forgotten_with_their_deliveries(receiver: Receiver, robot: User) -> None:
    subscribe(receiver, robot, ["ticket.created"])
    open_one(robot)
    webhook_sending.dispatch()
    old = timezone.now() - timedelta(days=current().EVENTS.keep_days + 1)
    Event.filter(kind="ticket.created").update(date=old)
    kept = Event.exclude(kind="ticket.created").count()
    assert webhooks.forget_old_events() == 1
    assert (Event.count(), WebhookDelivery.count()) == (kept, 0)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://hooks.example.net/", "expected http or https"),
        ("https://10.0.0.1/", "private"),
        ("https://169.254.169.254/latest", "link-local"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://0x0a000001/", "private"),
        ("https://user:pass@hooks.example.net/", "user name"),
        ("https://localhost/", "full name"),
    ],
)
def test_urls_that_nothing_is_sent_to_are_refused_at_once(robot: User, url: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        webhooks.create(Wanted(url, KINDS), actor=robot)
    assert Webhook.count() == 0


class _Names:
    """Name servers that change their mind: the answers for a name, one after the other."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    def addresses(self, name: str, *, until: float) -> list[Any]:
        from ipaddress import ip_address

        if not self.answers:
            raise NoSuchName(name)
        return [ip_address(self.answers.pop(0))]


def test_a_name_that_leads_to_a_private_address_is_not_asked(receiver: Receiver) -> None:
    body = b"{}"
    url = f"http://hooks.example.net:{receiver.server.port}/hook"
    refusing = Sender(Reach(resolver=_Names("127.0.0.1")), 2, plaintext=True)
    said = refusing.post(url, "whsec_" + "A" * 44, "evt_1", body)
    assert said.status is None and "loopback" in said.error
    assert receiver.server.asked == []
    # Asked once, and that address is used: a second answer of the name servers changes nothing.
    names = _Names("127.0.0.1", "10.0.0.1")
    allowed = Reach(resolver=names, allowed=current().EVENTS.webhooks.allowed_networks)
    said = Sender(allowed, 2, plaintext=True).post(url, "whsec_" + "A" * 44, "evt_1", body)
    assert said.was_taken
    assert names.answers == ["10.0.0.1"]
    assert receiver.server.asked[0].headers["host"] == f"hooks.example.net:{receiver.server.port}"


def test_a_receiver_that_never_answers_costs_its_time_limit_and_no_more(robot: User) -> None:
    hold = threading.Event()

    def answering(asked: Asked) -> Said:
        hold.wait(20)
        return Said(status=204)

    with json_server(answering) as server:
        try:
            sender = Sender(Reach(allowed=current().EVENTS.webhooks.allowed_networks), 0.3, plaintext=True)
            said = sender.post(server.url("/"), "whsec_" + "A" * 44, "evt_1", b"{}")
        finally:
            hold.set()
    assert (said.status, said.may_pass) == (None, True)
    assert "no answer within 0.3 seconds" in said.error


def test_two_workers_do_not_send_to_one_receiver_at_once(receiver: Receiver, robot: User) -> None:
    subscribe(receiver, robot, ["ticket.created"])
    open_one(robot)
    webhook_sending.dispatch()
    Webhook.all().update(busy_until=timezone.now() + timedelta(seconds=30))
    assert webhook_sending.send_due() == 0
    # One that died while it sent: after its lease another one goes on.
    Webhook.all().update(busy_until=timezone.now() - timedelta(seconds=1))
    assert webhook_sending.send_due() == 1
