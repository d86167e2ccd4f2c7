"""Writing to the customers behind many addresses."""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Iterator, Sequence

import pytest
from django.db import connections
from django.utils import timezone

from abuse.controllers import campaigns, workflow
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

    assert work_off() == 3

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
    assert History.filter(action_type="CreateMasscontact", user=ann).count() == 2
    assert work_off() == 0
    assert OutgoingMessage.count() == 2


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

    def find(self, queries: Sequence[Query]) -> Sequence[Match | None]:
        if self.is_down:
            raise CRMServiceException("out of order")
        return [
            dataclasses.replace(match, defendant=dataclasses.replace(match.defendant, email="nobody"))
            if match is not None and match.defendant.customer_id == "c1"
            else match
            for match in super().find(queries)
        ]


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
    for _ in range(campaigns.MAX_ATTEMPTS):
        work_off()
    result = MassContactResult.get()
    counts = (result.state, result.matching_count, result.not_matching_count, result.failed_count)
    assert counts == ("Done", 1, 1, 1)
    target = MassContactTarget.get(state="failed")
    assert (target.ip, target.attempts) == ("203.0.113.1", campaigns.MAX_ATTEMPTS)
    assert "'nobody': expected an e-mail address" in target.error
    assert (Ticket.count(), OutgoingMessage.count()) == (1, 1)


def test_a_crm_that_is_down_loses_nothing(ann: User, broken_crm: BrokenCRM) -> None:
    launch(ann)
    broken_crm.is_down = True
    with pytest.raises(CRMServiceException):
        work_off()
    assert (MassContactResult.get().state, MassContactTarget.filter(state="pending").count()) == ("Pending", 3)
    broken_crm.is_down = False
    work_off()
    assert MassContactTarget.filter(state="pending").count() == 1  # the one that failed once is tried again


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
