"""Feeds: a report for each customer, service and category; long ones read in steps, beside other mails."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import uuid4

import pytest
from django.utils import timezone

from abuse.config import Settings, current
from abuse.controllers.inbox import receive
from abuse.models import (
    BusinessRulesHistory,
    DirectoryCustomer,
    DirectoryResource,
    DirectoryService,
    Email,
    EmailState,
    Provider,
    Report,
    ReportItem,
)
from abuse.pipeline import feeds, inbox
from abuse.pipeline.claims import LARGE_MAIL, claim_fresh, claim_retry
from abuse.pipeline.inbox import work
from abuse.services.crm import CRMService, Match, Query
from abuse.utils import stopping

from .conftest import Deliver, make_mail

pytestmark = pytest.mark.django_db

HEADER = "timestamp,ip,protocol,port,hostname,tag,asn,geo\n"
DAY = datetime(2026, 11, 22, tzinfo=UTC)


def feed_mail(rows: str, *, name: str = "2026-11-22-scan_ntp-isp.csv", header: str = HEADER, number: int = 1) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "reports@scanner.example", "abuse@example.net", f"Report {number}"
    mail["Date"], mail["Message-ID"] = "Mon, 23 Nov 2026 06:00:00 +0000", f"<{number}@scanner.example>"
    mail.set_content("The report is attached.")
    mail.add_attachment((header + rows).encode(), maintype="text", subtype="csv", filename=name)
    return mail.as_bytes()


def row(address: str, second: int = 0, port: int = 123) -> str:
    return f"{DAY + timedelta(seconds=second):%Y-%m-%d %H:%M:%S},{address},udp,{port},,ntp,64500,FR\n"


def customers(count: int) -> None:
    """Customer n has the service s-n with 10.20.n.0/24."""
    now = timezone.now()
    data = {"email": "c@customer.example", "creation_date": "2020-01-01T00:00:00+00:00"}
    known = DirectoryCustomer.objects.bulk_create(
        [DirectoryCustomer(customer_id=f"c-{n}", data=data, updated_at=now) for n in range(count)]
    )
    services = DirectoryService.objects.bulk_create(
        [DirectoryService(customer=one, service_id=f"s-{n}", data={"name": f"vps-{n}"}) for n, one in enumerate(known)]
    )
    DirectoryResource.objects.bulk_create(
        [DirectoryResource(service=one, network=f"10.{20 + n // 250}.{n % 250}.0/24") for n, one in enumerate(services)]
    )


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """One chunk of the feed at a time."""
    monkeypatch.setattr(feeds, "STEP_SECONDS", 0.0001)


def long_feed(count: int, customer_count: int, *, of_nobody: int = 0) -> str:
    """`count` rows over the customers in turn, and rows of nobody between them."""
    lines = [
        row(f"10.{20 + n % customer_count // 250}.{n % customer_count % 250}.{n // customer_count % 256}", n % 86_400)
        for n in range(count)
    ]
    lines += [row(f"198.51.{n // 250 % 250}.{n % 250}", n) for n in range(of_nobody)]
    return "".join(lines)


@pytest.mark.usefixtures("isp")
def test_a_mail_gives_a_report_for_each_category_of_a_customers_rows(deliver: Deliver) -> None:
    header = "timestamp,ip,asn,geo,http_host,url,tag,category,detected_since\n"
    rows = (
        "2026-11-22 01:00:00,203.0.113.1,64500,FR,a.c1.example.org,/x,phishing,,\n"
        "2026-11-22 02:00:00,203.0.113.1,64500,FR,b.c1.example.org,/y,webshell,,\n"
        "2026-11-22 03:00:00,203.0.113.2,64500,FR,,,phishing,,\n"
    )
    mail = deliver(feed_mail(rows, name="2026-11-22-compromised_website-isp.csv", header=header))
    assert (mail.state, mail.kind, mail.template) == ("processed", "abuse_report", "shadowserver:compromised_website")
    found = {
        (report.defendant.customer_id if report.defendant else None, report.category_id): sorted(
            report.items.values_list("raw_item", flat=True)
        )
        for report in Report.all()
    }
    assert found == {
        ("c1", "Phishing"): ["203.0.113.1", "a.c1.example.org", "http://a.c1.example.org/x"],
        ("c1", "Intrusion"): ["203.0.113.1", "b.c1.example.org", "http://b.c1.example.org/y"],
        ("c2", "Phishing"): ["203.0.113.2"],
    }
    classes = set(Report.all().values_list("category_id", "rsit_class"))
    assert classes == {("Phishing", "fraud"), ("Intrusion", "intrusion-attempts")}


@pytest.mark.usefixtures("isp")
def test_the_reporters_own_category_joins_what_the_rows_tell_apart(deliver: Deliver) -> None:
    Provider.create(email="reports@scanner.example", default_category_id="Other")
    rows = "2026-11-22 01:00:00,203.0.113.1,spam\n2026-11-22 02:00:00,203.0.113.1,phishing\n"
    deliver(feed_mail(rows, name="events.csv", header="time,ip,category\n"))
    (report,) = Report.all()
    assert report.category_id == "Other"
    assert report.items.count() == 2


def test_a_long_feed_keeps_every_item_of_customers_and_counts_the_rest(deliver: Deliver) -> None:
    customers(100)
    started = time.monotonic()
    mail = deliver(feed_mail(long_feed(80_000, 100, of_nobody=20_000)))
    assert time.monotonic() - started < 90
    assert mail.state == EmailState.PROCESSED, mail.error
    assert (mail.kind, mail.attempts) == ("feed", 1)
    assert mail.reason == "100 reports; 80000 of 100000 items are customers'"
    assert Report.count() == 100
    assert ReportItem.count() == 80_000
    assert set(Counter(ReportItem.all().values_list("report_id", flat=True)).values()) == {800}
    item = ReportItem.filter(raw_item="10.20.7.0").order_by("seen_at")[0]
    assert item.report.defendant is not None
    assert item.report.defendant.customer_id == "c-7"
    assert (item.item_type, item.port, item.protocol, item.original) == ("IP", 123, "udp", "10.20.7.0")
    assert str(item.network) == "10.20.7.0/32"
    assert item.seen_at == DAY + timedelta(seconds=7)
    assert item.place == "part 2 2026-11-22-scan_ntp-isp.csv"
    assert item.report.category_id == "Network Attack"
    assert BusinessRulesHistory.filter(report__isnull=False).values("report_id").distinct().count() == 100


def test_a_long_feed_of_nobody_is_one_report_with_its_first_items(deliver: Deliver) -> None:
    mail = deliver(feed_mail(long_feed(0, 1, of_nobody=12_000)))
    assert mail.reason == "1 report; 0 of 12000 items are customers'"
    (report,) = Report.all()
    assert (report.defendant, report.category_id, report.items.count()) == (None, "Network Attack", feeds.SAMPLE)


def test_what_is_special_in_a_text_survives_the_way_over_the_disk(deliver: Deliver) -> None:
    customers(1)
    DirectoryResource.create(service=DirectoryService.all()[0], domain="c0.example.org")
    odd = [f'2026-11-22 00:00:01,http://c0.example.org/{n}\\N?a=\\t\'""é\n' for n in range(11_000)]
    mail = deliver(feed_mail("".join(odd), name="urls.csv", header="time,url\n"))
    assert mail.reason == "1 report; 11000 of 11000 items are customers'"
    assert ReportItem.filter(fqdn="c0.example.org", network=None).count() == 11_000
    assert ReportItem.filter(original__startswith="http://c0.example.org/5\\N?a=\\t'").exists()


@pytest.mark.usefixtures("short_steps")
def test_other_mails_are_worked_off_while_a_long_feed_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    customers(10)
    long = receive(feed_mail(long_feed(30_000, 10)), source="test", ring=False)
    ends: list[int] = []

    class Arrivals(feeds.LongFeed):
        def step(self) -> bool:
            if len(ends) < 3:
                text = f"Spam from 10.20.{len(ends)}.9, again and again"
                ends.append(receive(make_mail(text, subject=f"Spam {len(ends)}"), source="t", ring=False).email_id)
            elif Email.get(pk=long.email_id).state == EmailState.PROCESSING:
                assert Email.filter(pk__in=ends[:2], state=EmailState.PROCESSED).count() == 2
            return super().step()

    monkeypatch.setattr(inbox, "LongFeed", Arrivals)
    assert work(current()) == 4
    assert set(Email.all().values_list("state", flat=True)) == {"processed"}


@pytest.mark.usefixtures("short_steps")
def test_the_lease_of_a_feed_does_not_end_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading takes several times the lease, and at no moment another worker could claim the mail."""
    customers(5)
    settings = with_lease(3)
    receipt = receive(feed_mail(long_feed(16_000, 5)), source="test", ring=False)
    claimable: list[int] = []
    original = CRMService.find

    def find(queries: Sequence[Query]) -> Sequence[Match | None]:
        time.sleep(0.9)
        claimable.append(len(claim_retry(current().PIPELINE)))
        return original(queries)

    monkeypatch.setattr(CRMService, "find", find)
    assert work(settings) == 1
    mail = Email.get(pk=receipt.email_id)
    assert (mail.state, mail.attempts) == ("processed", 1)
    assert len(claimable) * 0.9 > 6
    assert set(claimable) == {0}
    assert Report.count() == 5


def with_lease(seconds: float) -> Settings:
    settings = current()
    return settings.model_copy(update={"PIPELINE": settings.PIPELINE.model_copy(update={"lease_seconds": seconds})})


@pytest.mark.usefixtures("short_steps")
@pytest.mark.parametrize("lease", [0.001, 60])
def test_a_feed_that_was_lost_is_left_alone(monkeypatch: pytest.MonkeyPatch, lease: float) -> None:
    """It is noticed when the lease is to be put off, or at the latest when the feed is to be settled."""
    customers(5)
    settings = with_lease(lease)
    receipt = receive(feed_mail(long_feed(11_000, 5)), source="test", ring=False)
    original = CRMService.find
    later = timezone.now() + timedelta(hours=1)

    def find(queries: Sequence[Query]) -> Sequence[Match | None]:
        Email.filter(pk=receipt.email_id).update(claim=uuid4(), attempts=2, next_attempt_at=later)
        return original(queries)

    monkeypatch.setattr(CRMService, "find", find)
    assert work(settings) == 0
    mail = Email.get(pk=receipt.email_id)
    assert (mail.state, mail.attempts, Report.count()) == ("processing", 2, 0)


@pytest.mark.usefixtures("short_steps")
def test_a_worker_that_is_asked_to_stop_gives_the_feed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    customers(5)
    receipt = receive(feed_mail(long_feed(11_000, 5)), source="test", ring=False)
    monkeypatch.setattr(stopping, "_asked", False)
    original = feeds.LongFeed.step

    def step(self: feeds.LongFeed) -> bool:
        done = original(self)
        stopping.ask_to_stop()
        return done

    monkeypatch.setattr(feeds.LongFeed, "step", step)
    assert work(current()) == 0
    mail = Email.get(pk=receipt.email_id)
    assert (mail.state, mail.attempts, mail.claim) == ("received", 0, None)
    monkeypatch.setattr(stopping, "_asked", False)
    monkeypatch.undo()
    assert work(current()) == 1
    assert Report.count() == 5


def test_a_large_mail_is_claimed_alone() -> None:
    large = Email.get(pk=receive(make_mail("x\n" * LARGE_MAIL), source="test", ring=False).email_id)
    small = [receive(make_mail(f"Spam {n}", subject=str(n)), source="test", ring=False).email_id for n in range(3)]
    assert large.size > LARGE_MAIL
    assert [claim.email_id for claim in claim_fresh(current().PIPELINE)] == [large.pk]
    assert [claim.email_id for claim in claim_fresh(current().PIPELINE)] == small
    late = receive(make_mail("y\n" * LARGE_MAIL), source="test", ring=False).email_id
    first = receive(make_mail("Spam 9", subject="9"), source="test", ring=False).email_id
    Email.filter(pk=first).update(next_attempt_at=timezone.now() - timedelta(seconds=60))
    assert [claim.email_id for claim in claim_fresh(current().PIPELINE)] == [first]
    assert [claim.email_id for claim in claim_fresh(current().PIPELINE)] == [late]
