"""Reports of nobody known: they are asked about again, and go the way they would have gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from django.utils import timezone

from abuse.commands.import_customers import import_customers_command
from abuse.commands.resolve_again import command
from abuse.config import current
from abuse.controllers import reports
from abuse.controllers.late import FIRST, LONGEST, claim_due, is_due
from abuse.models import (
    BusinessRulesHistory,
    Deadline,
    DirectoryResource,
    DirectoryService,
    Email,
    History,
    OutgoingMessage,
    Provider,
    Report,
    Ticket,
    User,
)
from abuse.pipeline.late import resolve_due
from abuse.services.crm import CRMServiceException, Match, Query
from abuse.services.crm.default import DirectoryCRM
from abuse.services.facade import facade
from abuse.services.storage import StorageService
from abuse.sweeper import sweep

from .conftest import Deliver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isp")]

CSV = (
    "customer_id,email,creation_date,service_id,service_name,network\n"
    "c7,c7@customer.example,2020-01-01,s-c7,vps-c7,203.0.113.77/32\n"
)


def give(customer: str, network: str) -> None:
    """The customer has a network after all."""
    DirectoryResource.create(service=DirectoryService.get(service_id=f"s-{customer}"), network=network)


def due() -> None:
    Report.filter(ask_again_at__isnull=False).update(ask_again_at=timezone.now())


def customers() -> list[str | None]:
    rows = Report.all().order_by("pk").values_list("defendant__customer_id", flat=True)
    return list(rows)


def everything() -> tuple[int, ...]:
    return tuple(
        model.count() for model in (Report, Ticket, OutgoingMessage, BusinessRulesHistory, History, Deadline)
    )  # fmt: skip


def test_a_report_goes_the_way_it_would_have_gone(deliver: Deliver, trusted: Provider) -> None:
    deliver("Spam from 203.0.113.77", sender=trusted.email)
    deliver("Spam from 203.0.113.1", sender=trusted.email, subject="the same, known at once")
    late, known = Report.all().order_by("pk")
    assert (late.status, late.defendant, known.status) == ("ToValidate", None, "Attached")
    give("c1", "203.0.113.77/32")
    due()
    assert resolve_due(current()).reports == (late.pk,)
    late.refresh_from_db()
    assert (late.status, late.ticket_id, late.defendant_id, late.service_id) == (
        "Attached", known.ticket_id, known.defendant_id, known.service_id,
    )  # fmt: skip
    assert late.ask_again_at is None
    assert Ticket.count() == 1
    fired = BusinessRulesHistory.filter(report=late).order_by("pk").values_list("business_rules__name", flat=True)
    assert fired[0] == "to_validate"
    assert len(fired) == 2
    changed = History.get(report=late, action_type="UpdateProperty", field="defendant")
    assert (changed.old, changed.new) == (None, "c1")


def test_asking_again_and_again_changes_nothing_more(deliver: Deliver, trusted: Provider) -> None:
    deliver("Spam from 203.0.113.77", sender=trusted.email)
    give("c1", "203.0.113.77/32")
    due()
    assert resolve_due(current()).found == 1
    before = everything()
    due()
    assert resolve_due(current()).asked == 0
    assert CliRunner().invoke(command).output == "0 reports without a customer were asked about: 0 got one.\n"
    assert everything() == before


def test_a_report_that_waits_no_longer_runs_into_its_time_out(deliver: Deliver) -> None:
    deliver("Spam from 203.0.113.77")
    deadline = Deadline.get(kind="report_timeout")
    give("c1", "203.0.113.77/32")
    due()
    resolve_due(current())
    deadline.refresh_from_db()
    assert (deadline.state, deadline.result) == ("cancelled", "its customer became known")
    report = Report.get()
    assert (report.status, report.defendant and report.defendant.customer_id) == ("New", "c1")


def test_archived_by_the_desk_it_is_asked_about_by_a_person_it_is_not(deliver: Deliver, robot: User) -> None:
    deliver("Spam from 203.0.113.77")
    deliver("Spam from 203.0.113.78")
    by_desk, by_person = Report.all().order_by("pk")
    person = User.objects.create(username="ann")
    reports.set_status(by_desk, "Archived", actor=robot)  # type: ignore[arg-type]
    reports.set_status(by_person, "Archived", actor=person)  # type: ignore[arg-type]
    give("c1", "203.0.113.77/32")
    give("c1", "203.0.113.78/32")
    due()
    assert resolve_due(current()).reports == (by_desk.pk,)
    assert customers() == ["c1", None]
    assert [report.status for report in Report.all().order_by("pk")] == ["New", "Archived"]


def test_several_customers_get_a_report_each_and_nobody_is_told_of_others(deliver: Deliver, trusted: Provider) -> None:
    deliver("Spam from 203.0.113.77, 203.0.113.78 and 198.51.100.9", sender=trusted.email)
    give("c1", "203.0.113.77/32")
    give("c2", "203.0.113.78/32")
    due()
    resolve_due(current())
    found = {
        (report.defendant.customer_id if report.defendant else None): [item.raw_item for item in report.items.all()]
        for report in Report.all()
    }
    assert found == {"c1": ["203.0.113.77"], "c2": ["203.0.113.78"]}
    assert Ticket.count() == 2
    taken = History.get(action_type="DeleteItem")
    assert (taken.old, taken.refs["count"]) == ("203.0.113.78, 198.51.100.9", 2)


def test_customers_who_have_reports_of_the_mail_already_get_no_second(deliver: Deliver, trusted: Provider) -> None:
    mail = deliver("Spam from 203.0.113.1", sender=trusted.email)
    known = Report.get()
    unknown = Report.create(
        provider=trusted, category_id=known.category_id, email=mail, received_date=known.received_date,
        created_at=timezone.now(), filename=known.filename, status="ToValidate", ask_again_at=timezone.now(),
    )  # fmt: skip
    unknown.items.create(item_type="IP", raw_item="203.0.113.77", date=timezone.now())
    give("c1", "203.0.113.77/32")
    resolve_due(current())
    unknown.refresh_from_db()
    assert (unknown.status, unknown.defendant) == ("Archived", None)
    assert sorted(item.raw_item for item in known.items.all()) == ["203.0.113.1", "203.0.113.77"]
    assert Ticket.count() == 1


def test_the_moment_of_the_event_counts(deliver: Deliver) -> None:
    deliver("Spam from 203.0.113.77", date="Mon, 23 Nov 2026 10:00:00 +0000")
    service = DirectoryService.get(service_id="s-c1")
    DirectoryResource.create(service=service, network="203.0.113.77/32", valid_from="2026-11-23T10:00:01Z")
    due()
    assert resolve_due(current()).found == 0
    DirectoryResource.create(service=service, network="203.0.113.77/32", valid_to="2026-11-23T10:00:01Z")
    due()
    assert resolve_due(current()).found == 1


def test_mails_that_accuse_nobody_are_not_asked_about(deliver: Deliver) -> None:
    deliver("Spam from 203.0.113.77")
    Email.all().update(kind="legal_request")
    give("c1", "203.0.113.77/32")
    due()
    assert (resolve_due(current()).asked, customers()) == (0, [None])


def test_a_mail_whose_bytes_are_gone_is_no_hindrance(deliver: Deliver, trusted: Provider) -> None:
    mail = deliver("Spam from 203.0.113.77", sender=trusted.email)
    StorageService.delete(mail.sha256)
    give("c1", "203.0.113.77/32")
    due()
    assert resolve_due(current()).found == 1
    assert (Report.get().status, Ticket.count()) == ("Attached", 1)


def test_it_is_asked_less_and_less_often_and_then_no_more(deliver: Deliver) -> None:
    deliver("Spam from 203.0.113.77")
    report = Report.get()
    assert report.ask_again_at is not None
    assert report.ask_again_at - report.created_at == FIRST
    waits = []
    for _ in range(7):
        due()
        assert is_due()
        assert claim_due(10) == [report.pk]
        assert claim_due(10) == []
        put_off = Report.get().ask_again_at
        assert put_off is not None
        waits.append(round((put_off - timezone.now()) / FIRST))
    assert waits == [1, 2, 4, 8, 16, 24, 24]
    assert LONGEST == 24 * FIRST
    Report.all().update(created_at=timezone.now() - timedelta(days=current().PIPELINE.late_resolution_days))
    due()
    assert claim_due(10) == [report.pk]
    assert Report.get().ask_again_at is None
    assert not is_due()


def test_what_has_a_customer_at_once_is_never_asked_about(deliver: Deliver) -> None:
    deliver("Spam from 203.0.113.1")
    assert Report.get().ask_again_at is None


class Moody(DirectoryCRM):
    """Fails as it is told to."""

    def __init__(self, error: Exception, about: str = "") -> None:
        super().__init__()
        self.error, self.about = error, about

    def find(self, queries: Sequence[Query]) -> Sequence[Match | None]:
        if any(self.about in str(query.address) for query in queries):
            raise self.error
        return super().find(queries)


@pytest.fixture
def crm() -> object:
    service = facade("CRMServiceBase")
    before = service._implementation
    yield service
    service.set_up(before)


def test_a_crm_that_is_down_is_asked_five_minutes_later(deliver: Deliver, crm: object) -> None:
    deliver("Spam from 203.0.113.77")
    due()
    facade("CRMServiceBase").set_up(Moody(CRMServiceException("busy")))
    assert resolve_due(current()).asked == 0
    wait = (Report.get().ask_again_at or timezone.now()) - timezone.now()
    assert timedelta(minutes=4) < wait <= timedelta(minutes=5)


def test_a_report_that_the_crm_stumbles_over_keeps_no_other_waiting(deliver: Deliver, crm: object) -> None:
    for number in (66, 77):
        deliver(f"Spam from 203.0.113.{number}")
    give("c1", "203.0.113.77/32")
    due()
    facade("CRMServiceBase").set_up(Moody(KeyError("x"), "203.0.113.66"))
    resolved = resolve_due(current())
    assert (resolved.found, resolved.failed) == (1, 1)
    assert customers() == [None, "c1"]


def test_after_an_import_all_are_asked_about_at_once(deliver: Deliver, tmp_path: Path) -> None:
    deliver("Spam from 203.0.113.77")
    deliver("Spam from 198.51.100.9", subject="too old")
    old = Report.all().order_by("-pk")[0]
    Report.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    file = tmp_path / "customers.csv"
    file.write_text(CSV)
    dry = CliRunner().invoke(import_customers_command, [str(file), "--dry-run"])
    assert "asked about again" not in dry.output
    assert not is_due()
    wet = CliRunner().invoke(import_customers_command, [str(file)])
    assert "1 reports without a customer are asked about again by the next workers" in wet.output
    assert is_due()
    assert resolve_due(current()).found == 1
    assert customers() == ["c7", None]
    same = CliRunner().invoke(import_customers_command, [str(file)])
    assert "asked about again" not in same.output, "nothing has changed"


def test_the_scheduler_rings_for_a_worker_but_not_all_the_time(deliver: Deliver, queue_server: redis.Redis) -> None:
    deliver("Spam from 203.0.113.77")
    due()
    from abuse.queues import ASK_AGAIN, queue

    for _ in range(3):
        sweep()
    assert [job.func_name for job in queue("default").jobs] == [ASK_AGAIN]
    give("c1", "203.0.113.77/32")
    from abuse.tasks.late import ask_again

    assert ask_again() == 1
    queue_server.flushdb()
    sweep()
    assert queue("default").count == 0


def test_the_command_says_what_it_would_do_and_does_it(deliver: Deliver, trusted: Provider) -> None:
    deliver("Spam from 203.0.113.77", sender=trusted.email)
    deliver("Spam from 198.51.100.9")
    give("c1", "203.0.113.77/32")
    before = everything()
    first = Report.all().order_by("pk")[0]
    dry = CliRunner().invoke(command, ["--dry-run"])
    assert dry.output == (
        f"report {first.pk} would get a customer\n"
        "2 reports without a customer were asked about: 1 would get one.\n"
    )  # fmt: skip
    assert everything() == before
    assert "0 reports" in CliRunner().invoke(command, ["--since", "2100-01-01"]).output
    wet = CliRunner().invoke(command, ["--since", "2020-01-01"])
    assert wet.output == "2 reports without a customer were asked about: 1 got one.\n"
    assert (customers(), Ticket.count()) == (["c1", None], 1)


def test_the_command_says_when_the_crm_cannot_answer(deliver: Deliver, crm: object) -> None:
    deliver("Spam from 203.0.113.77")
    facade("CRMServiceBase").set_up(Moody(CRMServiceException("busy")))
    result = CliRunner().invoke(command)
    assert (result.exit_code, result.output) == (1, "Error: busy (0 reports were asked about before)\n")


@pytest.fixture
def robot() -> User:
    from abuse.controllers.history import robot as found

    return found()
