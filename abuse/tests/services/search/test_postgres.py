"""Search by PostgreSQL: what is found by which words, what is found first, and what no query can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection

from abuse.models import Report, ReportItem, SearchEntry, Ticket
from abuse.models.fields import as_network
from abuse.services.search import SearchServiceException, default
from abuse.services.search.base import MAX_ITEMS
from abuse.services.search.default import PostgresSearch
from abuse.tests.findable import START, a_defendant, a_provider, a_report, a_ticket

pytestmark = pytest.mark.django_db

search = PostgresSearch()


def made(*items: str, **fields: Any) -> Report:
    """A report with items, indexed."""
    report = a_report(**fields)
    for item in items:
        add(report, item)
    search.index_reports([report.pk])
    return report


def add(report: Report, item: str) -> None:
    network = None
    kind, name = "FQDN", item
    try:
        network = as_network(item)
        kind, name = ("CIDR" if "/" in item else "IP"), ""
    except ValueError:
        if "://" in item:
            kind, name = "URL", item.split("/")[2]
    ReportItem.create(report=report, raw_item=item, item_type=kind, network=network, fqdn=name or None, date=START)


def found(query: str) -> Sequence[int]:
    return search.search_reports(query)


@pytest.fixture
def one() -> Report:
    made(subject="Another report", body="of nothing in particular")
    return made(
        "http://login.evil-bank.example/secure/index.php?id=7",
        "192.0.2.8",
        subject="Fałszywa strona банка 网络钓鱼",
        body="Please look at this page.\nIt wants the password of our customers.",
        provider=a_provider("cert@reporter.example"),
        reporter_reference="CERT#2026-00815",
        defendant=a_defendant(
            customer_id="C-4711", email="jo.doe@customer.example", name="Müller", organisation="Shop & Sons"
        ),
        ticket=a_ticket(public_id="BCDFGHJKLM"),
    )


@pytest.mark.parametrize(
    "query",
    [
        "password", "PASSWORD", "look page", '"look at this page"', "nowhere or password", "password -nowhere",
        "fałszywa", "банка", "网络钓鱼", "passw", "custom pass",
        "evil", "evil-bank", "login.evil-bank.example", "http://login.evil-bank.example/secure/index.php?id=7",
        "index.php", "192.0.2.8", "192.0.2.0/24", "192.0.2.9/24", "CERT#2026-00815", "00815", "cert@reporter.example",
        "C-4711", "jo.doe@customer.example", "Jo.Doe@customer.example", "müller", "Shop & Sons", "BCDFGHJKLM",
        "bcdfghjklm",
    ],
)  # fmt: skip
def test_a_report_is_found(one: Report, query: str) -> None:
    assert found(query) == [one.pk]
    assert search.search_tickets(query) == [one.ticket_id]


@pytest.mark.parametrize(
    "query", ["password -customers", '"this look"', "192.0.2.80", "192.0.3.0/24", "nowhere", "asswor", "", "   "]
)
def test_a_report_is_not_found(one: Report, query: str) -> None:
    assert found(query) == []
    assert search.search_tickets(query) == []


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("198.51.100.7", ["address", "small", "large"]),
        ("198.51.100.0/28", ["address", "small", "large"]),
        ("198.51.0.0/16", ["address", "small", "large", "other"]),
        ("198.51.100.200", ["large", "other"]),
        ("0.0.0.0/0", ["address", "small", "large", "other"]),
        ("2001:db8:1::/48", ["six"]),
        ("2001:DB8:0001::0005", ["six"]),
        ("[2001:db8:1::5]", ["six"]),
        ("2001:db8::/31", ["six"]),
        ("2001:db8:2::/48", []),
    ],
)
def test_addresses_and_networks_hold_one_another(query: str, hits: list[str]) -> None:
    reports = {
        "address": made("198.51.100.7"),
        "small": made("198.51.100.0/28"),
        "large": made("198.51.100.0/24"),
        "other": made("198.51.100.200"),
        "six": made("2001:db8:1::5"),
    }
    assert set(found(query)) == {reports[name].pk for name in hits}


def test_a_network_is_looked_up_in_an_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        around = [str(one) for one in default._around(as_network("192.0.2.0/24"))]
        cursor.execute("EXPLAIN " + default._BY_NETWORK, ["192.0.2.0/24", around, 10])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Cond: ((network >= '192.0.2.0/24'::inet) AND (network <= '192.0.2.255'::inet))" in plan
    assert "Index Cond: (network = ANY" in plan
    assert "Seq Scan" not in plan


def test_a_far_item_of_a_long_feed_is_found_by_its_value() -> None:
    feed = a_report()
    ReportItem.objects.bulk_create(
        ReportItem(
            report=feed, item_type="FQDN", raw_item=f"host{n}.example", fqdn=f"host{n}.example", date=START,
            network=None,
        )
        for n in range(300)
    )  # fmt: skip
    add(feed, "203.0.113.77")
    search.index_reports([feed.pk])
    assert found("host299.example") == [feed.pk]
    assert found("203.0.113.77") == [feed.pk]


def test_what_is_about_the_word_comes_before_what_mentions_it() -> None:
    mentions = made(subject="A page", body="… as was said about phishing …" + " word" * 200)
    about = made(subject="Phishing at your host", body="see below")
    item = made("phishing.example", subject="A page", body="see below")
    assert found("phishing") == [about.pk, item.pk, mentions.pk]


def test_the_best_of_the_newest_are_given_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default, "MAX_FOUND", 3)
    reports = [made("192.0.2.1", subject="spamword") for _ in range(5)]
    newest = [report.pk for report in reversed(reports)][:3]
    assert found("spamword") == newest
    assert found("192.0.2.0/24") == newest


def test_indexing_again_takes_up_what_changed() -> None:
    report = made(body="before")
    Report.filter(pk=report.pk).update(body="afterwards")
    search.index_reports([report.pk, report.pk])
    assert (found("before"), found("afterwards")) == ([], [report.pk])
    assert SearchEntry.filter(report=report).count() == 1
    report.delete()
    assert found("afterwards") == []


@pytest.mark.parametrize(
    "body",
    [
        "x" * 200_000,
        " ".join(f"{number:x}" for number in range(60_000)),
        "".join(f"{chr(0x4E00 + number % 20_000)} " for number in range(100_000)),
        "😀" * 200_000,
        "a.b/c:d@e-f_g?" * 14_000,
        "' : & | ! ( ) * \\ %s {0} \"",
    ],
)
def test_a_text_of_any_kind_can_be_indexed(body: str) -> None:
    report = a_report(body=body, subject="findable " + body)
    for number in range(MAX_ITEMS + 1):
        ReportItem.create(report=report, raw_item=f"{number}.{body[:4000]}", item_type="URL", date=START)
    search.index_reports([report.pk])
    assert found("findable") == [report.pk]


@pytest.mark.parametrize(
    "query",
    [
        "-password", "!", "a & | ! :*", "'", "''); DROP TABLE abuse_report; --", "\\", '"', "%", "%s %(x)s", "a\0b",
        "\ud800", "(" * 10_000, "x" * 100_000, "a or " * 10_000, "-" * 400, ":*", "<->", "1.2.3.4/33", "::/129",
        "é" * 5000, '-"' * 200, '-""' * 20, "-(" * 20, "- " * 20 + "x", "a -" * 20, "!" * 400, "a or (" * 30,
            "😀", "{0}", "or", "not", '"" ""',
    ],
)  # fmt: skip
def test_no_query_is_an_error_or_finds_everything(query: str) -> None:
    made(body="password")
    assert found(query) == []
    assert search.search_tickets(query) == []
    assert Report.count() == 1


def test_a_word_that_must_not_be_there_is_no_query_of_its_own() -> None:
    report = made(body="password secret")
    assert found("password -nothing") == [report.pk]
    assert found("-nothing") == []


def test_tickets_come_in_the_order_of_their_reports_each_once() -> None:
    tickets = [a_ticket("Spam"), a_ticket("Malware")]
    made(subject="A page", body="… about botnets" + " word" * 200, ticket=tickets[0])
    for _ in range(2):
        made(subject="botnets", ticket=tickets[1])
    made(subject="botnets alone")
    assert search.search_tickets("botnets") == [tickets[1].pk, tickets[0].pk]


def test_a_ticket_without_reports_is_found_by_its_id_and_its_customer() -> None:
    customer = a_defendant(customer_id="C-1")
    ticket = a_ticket(defendant=customer)
    assert search.search_tickets(ticket.public_id.lower()) == [ticket.pk]
    assert search.search_tickets("C-1") == [ticket.pk]
    assert Ticket.count() == 1


def test_a_database_that_refuses_is_the_services_own_error() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE abuse_searchentry RENAME TO gone")
    with pytest.raises(SearchServiceException, match="abuse_searchentry"):
        found("word")
