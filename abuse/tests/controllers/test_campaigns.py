"""Writing to the customers behind many addresses."""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Iterator, Sequence

import pytest
from django.db import connections
from django.utils import timezone

from abuse.controllers import campaign_work, campaigns, workflow
from abuse.controllers.editing import Refused
from abuse.models import (
    DirectoryCustomer,
    DirectoryResource,
    DirectoryService,
    History,
    MassContact,
    MassContactResult,
    MassContactTarget,
    OutgoingMessage,
    Report,
    ReportItem,
    Ticket,
    User,
)
from abuse.services.crm import CRMServiceException, Match, Query
from abuse.services.crm.default import DirectoryCRM
from abuse.services.facade import facade
from abuse.services.storage import StorageService
from abuse.tasks.masscontact import work_off

from ..counted import are_counted
from .people import make_user

pytestmark = pytest.mark.django_db

SUBJECT = "{{ publicId }} {{ service }} {% if lang == 'FR' %}Bonjour{% else %}Hello{% endif %}"
BODY = "{% if lang == 'FR' %}Votre{% else %}Your{% endif %} {{ service }} in case {{ publicId }}"
IPS = ["203.0.113.1", "203.0.113.2", "198.51.100.9"]


@pytest.fixture
def ann() -> User:
    return make_user("ann")


@pytest.fixture(autouse=True)
def isp() -> None:
    for number, lang in ((1, "EN"), (2, "FR")):
        data = {"email": f"c{number}@customer.example", "creation_date": "2020-01-01T00:00:00+00:00", "lang": lang}
        customer = DirectoryCustomer.create(customer_id=f"c{number}", data=data, updated_at=timezone.now())
        name = f"vps{number}.example.org"
        service = DirectoryService.create(customer=customer, service_id=f"s{number}", data={"name": name})
        DirectoryResource.create(service=service, network=f"203.0.113.{number}/32")


def launch(actor: User, name: str = "March of bots", **changes: object) -> MassContact:
    values = {"category": "spam", "ips": IPS, "subject": SUBJECT, "body": BODY, **changes}
    return campaigns.launch(name, actor=actor, **values)  # type: ignore[arg-type]


def test_a_campaign_writes_to_each_customer_once_and_counts(ann: User) -> None:
    campaign = launch(ann, ips=[*IPS, " 203.0.113.1 "])
    assert campaign.campaign_name == f"mass_contact_march_of_bots_{timezone.now():%m/%d/%y}"
    assert (campaign.ips_count, MassContactTarget.count()) == (3, 3)

    assert work_off() == 3  # each address got further: two to their end, one is nobody's

    result = MassContactResult.get()
    counts = (result.state, result.matching_count, result.not_matching_count, result.failed_count)
    assert counts == ("Done", 2, 1, 0)
    messages = {message.recipient: message for message in OutgoingMessage.all().select_related("ticket")}
    english, french = messages["c1@customer.example"], messages["c2@customer.example"]
    assert english.ticket is not None
    assert english.subject == f"{english.ticket.public_id} vps1[.]example[.]org Hello"
    assert french.body.startswith("Votre vps2[.]example[.]org in case ")
    assert english.category == "Masscontact"
    for ticket in Ticket.all():
        assert (ticket.status, ticket.resolution and ticket.resolution.codename) == ("Closed", "fixed_by_customer")
        assert [tag.name for tag in ticket.tags.all()] == [campaign.campaign_name]
    assert set(Report.all().values_list("status", "provider")) == {("Archived", "mass_contact")}
    assert StorageService.read(Report.all()[0].filename) == BODY.encode()
    assert ReportItem.count() == 2
    are_counted(1, 1)
    assert History.filter(action_type="CreateMasscontact", user=ann).count() == 2
    assert work_off() == 0
    assert OutgoingMessage.count() == 2


def own(customer: int, *networks: str, name: str = "more.example.org", service: str = "s9") -> None:
    """Give a customer another service, or the same one more addresses."""
    owner = DirectoryCustomer.get(customer_id=f"c{customer}")
    row, _ = DirectoryService.get_or_create(customer=owner, service_id=service, defaults={"data": {"name": name}})
    for network in networks:
        DirectoryResource.create(service=row, network=network)


def test_many_addresses_of_one_service_are_one_ticket_and_one_mail(ann: User) -> None:
    own(1, "203.0.113.16/28", service="s1")
    ips = ["203.0.113.1", *(f"203.0.113.{last}" for last in range(16, 32)), "203.0.113.2"]
    body = BODY + "{% for ip in ips %} {{ ip }}{% endfor %}"
    launch(ann, ips=ips, body=body)
    work_off()
    result = MassContactResult.get()
    assert (result.state, result.matching_count, Ticket.count(), OutgoingMessage.count()) == ("Done", 18, 2, 2)
    mail = OutgoingMessage.get(recipient="c1@customer.example")
    assert mail.body.split()[-17:] == ips[:-1]
    report = Report.get(ticket=mail.ticket)
    assert report.subject == f"Campaign {MassContact.get().campaign_name} for 17 addresses"
    assert set(report.items.values_list("raw_item", flat=True)) == set(ips[:-1])
    tickets_of = MassContactTarget.filter(defendant__customer_id="c1").order_by("pk")
    assert list(tickets_of.values_list("tickets_count", flat=True)) == [1] + [0] * 16


def test_each_service_of_a_customer_has_a_mail_that_names_it(ann: User) -> None:
    own(1, "198.51.100.9/32")
    launch(ann)
    work_off()
    subjects = OutgoingMessage.filter(recipient="c1@customer.example").values_list("subject", flat=True)
    assert sorted(subject.split()[1] for subject in subjects) == ["more[.]example[.]org", "vps1[.]example[.]org"]


def test_nobody_is_written_to_before_all_customers_are_known(ann: User) -> None:
    """The addresses of one customer may lie far apart."""
    own(1, "203.0.113.64/26", service="s1")
    ips = ["203.0.113.1", *(f"198.51.100.{last}" for last in range(20)), "203.0.113.70", "203.0.113.71"]
    launch(ann, ips=ips)
    moved = []
    while done := campaign_work.work_off(limit=5):
        moved.append((done, OutgoingMessage.count()))
    assert [mails for _, mails in moved] == [0, 0, 0, 0, 1]
    assert MassContactResult.get().matching_count == 3
    assert Ticket.count() == 1


def test_another_campaign_goes_on_while_one_is_still_looking(ann: User) -> None:
    launch(ann, ips=[f"198.51.100.{last}" for last in range(10)])
    launch(ann, "Second", ips=["203.0.113.1"])
    MassContactTarget.filter(campaign__campaign_name__contains="march").update(attempts=1)
    campaign_work.work_off(limit=5)
    assert [result.state for result in MassContactResult.all().order_by("pk")] == ["Pending", "Done"]


WRONG = [
    ({"category": "Nope"}, "category: 'Nope'"),
    ({"subject": "no variables"}, r"email.subject: expected \{\{ service \}\} in it"),
    ({"body": "{{ service }} {{ publicId }}"}, "email.body: expected {% if lang =="),
    ({"body": BODY + "{{ password }}"}, "'password' is undefined"),
    ({"body": BODY + "{% endif %}"}, "email.body"),
    ({"ips": ["1.2.3"]}, "ips: '1.2.3'; expected an address"),
    ({"ips": []}, "ips: 0 addresses; expected 1 to 65536"),
    ({"subject": SUBJECT + "x" * 1000}, "expected 1023 at most"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_what_is_wrong_is_said(ann: User, changes: dict[str, object], message: str) -> None:
    with pytest.raises(Refused, match=message):
        launch(ann, **changes)  # type: ignore[arg-type]
    assert MassContact.count() == 0


@pytest.mark.parametrize("name", ["", " !!! ", "__", "x" * 201])
def test_a_campaign_needs_a_name(ann: User, name: str) -> None:
    with pytest.raises(Refused, match="campaignName"):
        launch(ann, name)


def test_a_name_is_used_once_a_day(ann: User) -> None:
    launch(ann)
    with pytest.raises(Refused, match="was launched already"):
        launch(ann, "  MARCH of\tbots! ")


@pytest.mark.parametrize("profile", [None, "Read-only"])
def test_who_may_only_read_writes_to_nobody(profile: str | None) -> None:
    with pytest.raises(Refused, match="no profile in Spam that writes to customers"):
        launch(make_user("reader", profile))


class BrokenCRM(DirectoryCRM):
    """Knows no e-mail address of one customer, and nothing at all while it is down."""

    is_down = False
    nul: str | None = None
    """A customer whose service has a name that no database takes."""

    def find(self, queries: Sequence[Query]) -> Sequence[Match | None]:
        if self.is_down:
            raise CRMServiceException("out of order")
        return [self._broken(match) if match is not None else None for match in super().find(queries)]

    def _broken(self, match: Match) -> Match:
        if match.defendant.customer_id == self.nul:
            return dataclasses.replace(match, service=dataclasses.replace(match.service, name="a\0b"))
        if match.defendant.customer_id == "c1":
            return dataclasses.replace(match, defendant=dataclasses.replace(match.defendant, email="nobody"))
        return match


@pytest.fixture
def broken_crm() -> Iterator[BrokenCRM]:
    here = facade("CRMServiceBase")
    before = here._implementation
    crm = BrokenCRM()
    here.set_up(crm)
    yield crm
    here.set_up(before)


def test_one_address_that_fails_stops_no_other_and_is_counted(ann: User, broken_crm: BrokenCRM) -> None:
    launch(ann)
    for _ in range(campaign_work.MAX_ATTEMPTS):
        work_off()
    result = MassContactResult.get()
    counts = (result.state, result.matching_count, result.not_matching_count, result.failed_count)
    assert counts == ("Done", 1, 1, 1)
    target = MassContactTarget.get(state="failed")
    assert (target.ip, target.attempts) == ("203.0.113.1", campaign_work.MAX_ATTEMPTS)
    assert "'nobody': expected an e-mail address" in target.error
    assert (Ticket.count(), OutgoingMessage.count()) == (1, 1)


def test_an_answer_of_the_crm_that_cannot_be_kept_stops_no_other(ann: User, broken_crm: BrokenCRM) -> None:
    broken_crm.nul = "c1"
    launch(ann)
    for _ in range(campaign_work.MAX_ATTEMPTS + 1):
        work_off()
    target = MassContactTarget.get(state="failed")
    assert (target.ip, target.attempts) == ("203.0.113.1", campaign_work.MAX_ATTEMPTS)
    assert r"name of a Service: 'a\x00b'; expected text without NUL" in target.error
    result = MassContactResult.get()
    assert (result.state, result.matching_count, result.failed_count) == ("Done", 1, 1)


def test_a_crm_that_is_down_loses_nothing(ann: User, broken_crm: BrokenCRM) -> None:
    launch(ann)
    broken_crm.is_down = True
    with pytest.raises(CRMServiceException):
        work_off()
    assert (MassContactResult.get().state, MassContactTarget.filter(state="pending").count()) == ("Pending", 3)
    broken_crm.is_down = False
    work_off()
    assert MassContactTarget.filter(state="found").count() == 1  # the one that failed once is tried again


@pytest.mark.usefixtures("queue_server")
def test_the_sweeper_rings_again_while_addresses_wait(ann: User, django_capture_on_commit_callbacks: object) -> None:
    from abuse.queues import queue

    capture = django_capture_on_commit_callbacks
    launch(ann)
    assert queue("default").count == 0
    with capture(execute=True):  # type: ignore[operator]
        workflow.run_due()
    assert queue("default").count == 1
    work_off()
    with capture(execute=True):  # type: ignore[operator]
        workflow.run_due()
    assert queue("default").count == 1


def _work() -> None:
    work_off()


@pytest.mark.django_db(transaction=True)
def test_several_processes_write_to_each_customer_once(ann: User) -> None:
    launch(ann)
    connections.close_all()
    children = [multiprocessing.get_context("fork").Process(target=_work) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert (OutgoingMessage.count(), Ticket.count(), MassContactResult.get().matching_count) == (2, 2, 2)
