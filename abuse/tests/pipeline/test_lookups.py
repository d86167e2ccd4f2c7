"""What DNS says of reported names and addresses, asked of a real name server after the reports were written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import connection
from django.utils import timezone

from abuse import sweeper
from abuse.api.item_lists import item_answer
from abuse.config import current
from abuse.config.schema import ItemLookups
from abuse.controllers import items, lookups
from abuse.models import Report, ReportItem
from abuse.models.questions import items_with_views
from abuse.services.names import Names, NameSays
from abuse.tasks.lookups import look_up_names
from abuse.tests.controllers.people import make_user
from abuse.tests.services.reputation.lists import SILENT, ListServer, list_server

from .conftest import Deliver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isp", "queue_server")]
ZONE: dict[str, list[str] | str] = {
    "c1.example.org": ["203.0.114.9"],
    "9.114.0.203.in-addr.arpa": ["vps9.example.net."],
    "7.114.0.203.in-addr.arpa": ["HOST7.example.net."],
    "host7.example.net": ["203.0.114.7", "203.0.114.70"],
}
Ask = Callable[..., None]


@pytest.fixture
def server() -> Iterator[ListServer]:
    with list_server(ZONE) as one:
        yield one


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, server: ListServer) -> Ask:
    """Have the name server asked, with these settings."""

    def change(at: ListServer = server, **more: Any) -> None:
        section = ItemLookups.model_validate(
            {"nameservers": [f"127.0.0.1:{at.port}"], "per_second": 1000, "timeout_seconds": 0.3, **more}
        )
        settings = current().model_copy(update={"ITEM_LOOKUPS": section})
        monkeypatch.setattr(lookups, "current", lambda: settings)

    change()
    return change


def known(raw_item: str) -> tuple[str | None, ...]:
    item = ReportItem.get(raw_item=raw_item)
    return (item.ip_reverse, item.ip_reverse_resolved, item.fqdn_resolved, item.fqdn_resolved_reverse)


def a_report(deliver: Deliver, *items: str) -> Report:
    """A report of nobody's with these items."""
    report: Report = deliver(f"Seen: 203.0.114.200 number {Report.count()}").reports.get()
    report.items.all().delete()
    for text in items:
        is_address = text.replace(".", "").isdecimal()
        ReportItem.create(
            report=report, item_type="IP" if is_address else "FQDN", raw_item=text, date=timezone.now(),
            network=f"{text}/32" if is_address else None, fqdn=None if is_address else text,
        )  # fmt: skip
    return report


@pytest.mark.usefixtures("ask")
def test_the_mail_is_settled_without_a_question_and_the_job_fills_in_what_dns_says(
    server: ListServer, deliver: Deliver
) -> None:
    deliver("Attacks from 203.0.114.7.")
    deliver("http://c1.example.org/login is phishing.")
    assert (server.asked, Report.filter(look_up_at__isnull=False).count()) == ([], Report.count())
    assert lookups.is_due()
    assert look_up_names() == Report.count() == 2
    assert known("203.0.114.7") == ("host7.example.net", "203.0.114.7", None, None)
    assert known("http://c1.example.org/login") == (None, None, "203.0.114.9", "vps9.example.net")
    assert not Report.filter(look_up_at__isnull=False).exists()
    asked = len(server.asked)
    assert (look_up_names(), len(server.asked), lookups.is_due()) == (0, asked, False)


@pytest.mark.usefixtures("ask")
def test_what_a_person_adds_or_corrects_is_asked_about_and_a_list_asks_nobody(
    server: ListServer, deliver: Deliver
) -> None:
    deliver("Attacks from 203.0.113.1.")
    report, ann = Report.get(), make_user("ann")
    assert lookups.look_up_due() == 1
    row = items.add_item(report, "mail.c1.example.org", actor=ann)
    assert lookups.look_up_due() == 1
    assert known("mail.c1.example.org") == (None, None, None, None)
    assert items.update_item(row, "https://c1.example.org/", actor=ann)
    asked = len(server.asked)
    for address in (None, "203.0.114.9"):
        state = item_answer(items_with_views(report).get(pk=row.pk)).history[0]
        assert (state.fqdn_resolved, state.ip_category) == (address, address and "other")
        assert len(server.asked) == asked
        lookups.look_up_due()
        asked = len(server.asked)
    ReportItem.filter(pk=row.pk).update(fqdn_resolved="203.0.113.1")
    assert item_answer(items_with_views(report).get(pk=row.pk)).history[0].ip_category == "managed"


@pytest.mark.usefixtures("ask")
def test_what_was_answered_is_not_asked_again_for_hours(server: ListServer, deliver: Deliver) -> None:
    a_report(deliver, "c1.example.org", "nowhere.example.org")
    assert lookups.look_up_due() == 1
    assert sorted(server.asked) == [
        "9.114.0.203.in-addr.arpa PTR", "c1.example.org A", "nowhere.example.org A", "nowhere.example.org AAAA",
    ]  # fmt: skip
    other = a_report(deliver, "203.0.114.9")
    again = a_report(deliver, "203.0.114.7")
    ReportItem.create(report=again, item_type="FQDN", raw_item="again", fqdn="c1.example.org", date=timezone.now())
    assert lookups.look_up_due() == 2
    assert other.items.get().ip_reverse == "vps9.example.net"
    assert known("again")[2:] == ("203.0.114.9", "vps9.example.net")
    assert [one for one in server.asked if one.startswith("c1.")] == ["c1.example.org A"]
    assert server.asked.count("9.114.0.203.in-addr.arpa PTR") == 1


def test_nobody_is_asked_about_what_is_not_public(ask: Ask, deliver: Deliver) -> None:
    inside = "rebinding.example.org"
    with list_server({inside: ["10.0.0.7"], "host.example.net": ["127.0.0.1"]}) as server:
        ask(server)
        a_report(
            deliver, "10.0.0.7", "127.0.0.1", "192.0.2.4", "169.254.169.254", "printer.local", "db.internal",
            "hidden.onion", "1.0.0.10.in-addr.arpa", "www.shop.example", inside,
        )  # fmt: skip
        assert lookups.look_up_due() == 1
        # That a public name leads inside is worth knowing, and no reason to ask there.
        assert server.asked == [f"{inside} A"]
        assert known(inside) == (None, None, "10.0.0.7", None)
        assert not lookups.is_due()


def test_only_so_many_names_of_a_report_are_asked_about(ask: Ask, server: ListServer, deliver: Deliver) -> None:
    ask(per_report=3)
    report = a_report(deliver, *(f"host{number}.example.net" for number in range(10, 20)))
    assert lookups.look_up_due() == 1
    assert {one.partition(" ")[0] for one in server.asked} == {f"host{number}.example.net" for number in (10, 11, 12)}
    report.refresh_from_db()
    assert report.look_up_at is None


def test_a_name_server_that_says_nothing_costs_little_and_is_asked_again_for_a_day(
    ask: Ask, deliver: Deliver, queue_server: redis.Redis
) -> None:
    names = [f"host{number}.example.net" for number in range(lookups.SILENT)]
    with list_server(dict.fromkeys(names, SILENT)) as server:
        ask(server)
        report = a_report(deliver, *names)
        began = time.monotonic()
        assert lookups.look_up_due() == 1
        assert time.monotonic() - began < 5
        report.refresh_from_db()
        assert report.look_up_at is not None
        assert timedelta(minutes=59) < report.look_up_at - timezone.now() <= timedelta(hours=1)
        # Nobody waits for them again at once, whatever comes in.
        a_report(deliver, "c1.example.org")
        asked = len(server.asked)
        assert (lookups.look_up_due(), len(server.asked)) == (0, asked)
        queue_server.delete(f"cerberus:dns:{lookups._AWAY}")
        yesterday = timezone.now() - timedelta(days=1)
        Report.filter(pk=report.pk).update(created_at=yesterday, look_up_at=yesterday)
        assert lookups.look_up_due() == 2
        report.refresh_from_db()
        assert report.look_up_at is None


@pytest.mark.parametrize("answer", [["bad\\032name.example."], ["localhost."], [f"{'a' * 63}.{'b' * 63}.1234."], []])
def test_a_name_of_an_address_is_a_host_name_or_nothing(ask: Ask, deliver: Deliver, answer: list[str]) -> None:
    zone: Mapping[str, list[str] | str] = {"8.114.0.203.in-addr.arpa": answer}
    with list_server(zone) as server:
        ask(server)
        a_report(deliver, "203.0.114.8")
        assert lookups.look_up_due() == 1
        assert server.asked == ["8.114.0.203.in-addr.arpa PTR"]
        assert known("203.0.114.8") == (None, None, None, None)


def test_questions_are_spaced(ask: Ask, server: ListServer, deliver: Deliver) -> None:
    ask(per_second=10)
    a_report(deliver, "a1.example.net", "a2.example.net", "a3.example.net")
    began = time.monotonic()
    lookups.look_up_due()
    assert len(server.asked) == 6
    assert time.monotonic() - began >= 0.5


def test_the_settings_can_switch_it_off(ask: Ask, server: ListServer, deliver: Deliver) -> None:
    ask(enabled=False)
    deliver("Attacks from 203.0.114.7")
    assert Report.get().look_up_at is None
    Report.all().update(look_up_at=timezone.now())
    assert (lookups.is_due(), look_up_names(), server.asked) == (False, 0, [])


@pytest.mark.usefixtures("ask")
def test_the_sweeper_rings_for_what_waits(deliver: Deliver, queue_server: redis.Redis) -> None:
    deliver("Attacks from 203.0.114.7")
    key = "cerberus:rung:abuse.tasks.lookups.look_up_names"
    queue_server.delete(key)
    sweeper.sweep()
    assert queue_server.exists(key) == 1


@pytest.mark.usefixtures("ask")
def test_an_item_that_was_corrected_meanwhile_keeps_what_it_says_now(deliver: Deliver) -> None:
    report = a_report(deliver, "c1.example.org")
    item = report.items.get()
    ReportItem.filter(pk=item.pk).update(raw_item="other.example.net", fqdn="other.example.net")
    lookups._write([item.pk], lookups._Said({}, {"c1.example.org": NameSays(None, "x.example.net")}))
    assert known("other.example.net") == (None, None, None, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("ask")
def test_no_transaction_is_open_while_dns_is_asked(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    a_report(deliver, "c1.example.org")
    seen = []
    of_names = Names.of_names

    def watched(self: Names, *args: Any, **options: Any) -> Mapping[str, NameSays]:
        seen.append(connection.in_atomic_block)
        return of_names(self, *args, **options)

    monkeypatch.setattr(Names, "of_names", watched)
    assert lookups.look_up_due() == 1
    assert seen == [False]
    assert known("c1.example.org")[2] == "203.0.114.9"
