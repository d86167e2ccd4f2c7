"""Search by PostgreSQL: what is found by which words, what is found first, and what no query can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection

from abuse.models import NewSearchEntry, Report, ReportItem, SearchEntry, Ticket
from abuse.models.fields import as_network
from abuse.services.search import SearchServiceException, default, words
from abuse.services.search.base import MAX_ITEMS, Found
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
        cursor.execute("EXPLAIN " + default._BY_NETWORK, ["192.0.2.0/24", around, 20, 10])
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


def test_the_newest_come_first_those_of_a_value_before_those_that_mention_it() -> None:
    item = made("phishing.example", subject="A page", body="see below")
    about, mentions = (made(subject="About phishing.example"), made(body="… as was said of phishing.example …"))
    assert found("phishing.example") == [item.pk, mentions.pk, about.pk]
    assert found("phishing") == [mentions.pk, about.pk, item.pk]


def test_the_newest_are_given_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default, "MAX_FOUND", 3)
    reports = [made("192.0.2.1", subject="spamword") for _ in range(5)]
    newest = [report.pk for report in reversed(reports)][:3]
    for query in ("spamword", "192.0.2.0/24"):
        assert (found(query), Found.is_all(found(query))) == (newest, False)
        tickets = search.search_tickets(query)
        assert not Found.is_all(tickets)
    monkeypatch.setattr(default, "MAX_FOUND", 5)
    assert (len(found("spamword")), Found.is_all(found("spamword"))) == (5, True)


def test_those_of_a_value_take_no_place_of_those_that_mention_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MAX_FOUND": 6, "_FREQUENT": 4}.items():
        monkeypatch.setattr(default, name, value)
    mentions = [made(subject="phishing.example") for _ in range(3)]
    about = [made("phishing.example", subject="phishing.example") for _ in range(3)]
    hits = found("phishing.example")
    assert (hits, Found.is_all(hits)) == ([report.pk for report in (*about[::-1], *mentions[::-1])], True)
    made(subject="phishing.example")
    hits = found("phishing.example")
    assert (hits[:3], len(hits), Found.is_all(hits)) == ([report.pk for report in about[::-1]], 4, False)


@pytest.mark.parametrize("query", ["spamword", "spamw"])
@pytest.mark.parametrize("newer", [0, 5])
def test_of_a_frequent_word_the_newest_are_given_and_that_there_are_more(
    query: str, newer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "NEWEST", 5)
    for name, value in {"_LIKELY": 0, "_ENOUGH": 4, "_FREQUENT": 3}.items():
        monkeypatch.setattr(default, name, value)
    reports = [made(subject="spamword") for _ in range(6)]
    for _ in range(newer):
        made(subject="another")
    monkeypatch.setattr(default, "_RECENT", 5 + newer)
    hits = PostgresSearch().search_reports(query)
    assert (hits, Found.is_all(hits)) == ([report.pk for report in reports[:2:-1]], False)


@pytest.mark.parametrize("query", ["rareword", "rarew"])
def test_of_a_rare_word_all_are_given_however_old(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "NEWEST", 1)
    for name, value in {"_RECENT": 1, "_ENOUGH": 2, "_FREQUENT": 1}.items():
        monkeypatch.setattr(default, name, value)
    reports = [made(subject="rareword") for _ in range(3)]
    made(subject="another")
    hits = PostgresSearch().search_reports(query)
    assert (hits, Found.is_all(hits)) == ([report.pk for report in reversed(reports)], True)


@pytest.mark.parametrize("query", ["rareword", "rarew"])
def test_the_recent_ones_are_not_asked_for_first_where_they_promise_too_few(
    query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "NEWEST", 3)
    for name, value in {"_RECENT": 5, "_LIKELY": 2, "_ENOUGH": 3, "_FREQUENT": 2}.items():
        monkeypatch.setattr(default, name, value)
    reports = [made(subject=subject) for subject in ("rareword",) * 5 + ("another", "another", "rareword")]
    newest = [reports[place].pk for place in (7, 4, 3, 2, 1, 0)]
    hits = PostgresSearch().search_reports(query)
    assert (hits, Found.is_all(hits)) == (newest, True)
    made(subject="rareword")
    made(subject="rareword")
    hits = PostgresSearch().search_reports(query)
    assert (len(hits), Found.is_all(hits)) == (2, False)


def test_the_words_of_new_reports_are_kept_apart_until_they_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "NEWEST", 3)
    reports = [made(subject="spamword") for _ in range(2 * words._TRIMMED_AT)]
    kept = set(NewSearchEntry.all().values_list("pk", flat=True))
    assert {report.pk for report in reports[-3:]} <= kept
    assert len(kept) <= 3 + words._TRIMMED_AT
    monkeypatch.setattr(words, "_TRIMMED_AT", 1)
    search.index_reports([reports[0].pk])
    assert NewSearchEntry.all().count() == 3
    documents = {entry.pk: entry.document for entry in SearchEntry.all()}
    assert all(documents[entry.pk] == entry.document for entry in NewSearchEntry.all())


def test_what_changed_in_an_old_report_is_not_looked_for_in_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "NEWEST", 2)
    for name, value in {"_ENOUGH": 1}.items():
        monkeypatch.setattr(default, name, value)
    _, old, new, newest = [made(subject="before") for _ in range(4)]
    Report.filter(pk=old.pk).update(subject="afterwards")
    search.index_reports([old.pk])
    Report.filter(pk=newest.pk).delete()  # the old one is new again
    assert (found("before"), found("afterwards")) == ([new.pk], [old.pk])


def test_no_statistics_make_the_planner_read_all_reports_for_a_word() -> None:
    """It plans the same for a word that is in all of them as for one that is in none."""
    for _ in range(20):
        made(subject="spamword")
    plans = []
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE abuse_searchentry")
        for word in ("spamword", "rareword"):
            cursor.execute("EXPLAIN " + default._BY_WEB_QUERY, default._values(word, 0))
            plans.append([row[0].lower().replace(word, "…") for row in cursor.fetchall()])
        cursor.execute("EXPLAIN SELECT FROM abuse_searchentry WHERE document @@ websearch_to_tsquery('spamword')")
        assert "rows=20 " in cursor.fetchone()[0], "the planner knows how frequent the word is"
    assert plans[0] == plans[1]


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
    made(subject="A page", body="… about botnets", ticket=tickets[0])
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
