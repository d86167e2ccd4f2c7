"""Parts of texts: what is found, what is left out, and what no statement reads."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from abuse.models import Report, ReportItem
from abuse.models import parts as module
from abuse.models.parts import BODIES, ITEMS, SUBJECTS, Column, bodies_holding, newest_holding, reports_holding
from abuse.tests.findable import START, a_report, a_ticket
from abuse.utils.trigrams import Frequencies, rarest

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_sample() -> Iterator[None]:
    module._samples.clear()
    yield
    module._samples.clear()


def reports_of(*subjects: str) -> list[int]:
    return [a_report(subject=subject).pk for subject in subjects]


def ids(column: Column, part: str) -> list[int]:
    held = reports_holding(column, part)
    assert held.is_complete
    return [report for report, _ in held.reports]


def sampled(column: Column, texts: Sequence[str], *, highest: int = 0) -> None:
    module._samples[column] = module._Sample(float("inf"), highest, Frequencies(texts))


@pytest.mark.parametrize(
    "part", ["strange", "NGE pa", "A strange page", "e p", "t", "tr", "ge", "%", "_", "\\", "-", "ß"]
)
def test_a_part_is_found_anywhere_whatever_the_case(part: str) -> None:
    one, other = reports_of("A strange page: 100%_\\ - Straße", "Nothing here? Very quiet")
    assert ids(SUBJECTS, part) == ([other, one] if part == "t" else [one])
    assert ids(SUBJECTS, f"{part} nowhere") == []


def test_a_report_is_found_once_with_its_ticket_however_many_items_it_has() -> None:
    ticket = a_ticket()
    report = a_report(ticket=ticket)
    other = a_report()
    for one, items in ((report, ("a.evil.example", "b.evil.example")), (other, ("quiet.example",))):
        for item in items:
            ReportItem.create(report=one, raw_item=item, item_type="FQDN", date=START)
    held = reports_holding(ITEMS, "EVIL.ex")
    assert (held.reports, held.is_complete) == ([(report.pk, ticket.pk)], True)


@pytest.mark.parametrize("place", ["newest", "near", "far", "everything"])
def test_of_a_frequent_part_the_newest_are_found_and_that_there_are_more(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"_NEWEST": 5, "_PROMISED": 0, "ENOUGH": 4, "MAX_FREQUENT": 3, "MAX_HELD": 4}.items():
        monkeypatch.setattr(module, name, value)
    found = reports_of(*["A strange page"] * 6)
    if place != "newest":
        reports_of(*["Nothing"] * 6)
    for name in ("_NEAR", "_FAR"):
        monkeypatch.setattr(module, name, 0)
    highest = {"near": (found[0], 0), "far": (found[-1], found[0]), "everything": (0, 0), "newest": (0, 0)}
    near, far = highest[place]
    sampled(SUBJECTS, ["a strange page", *["nothing"] * (0 if place == "newest" else 99)], highest=near)
    monkeypatch.setattr(module, "_FAR", near - far)
    held = reports_holding(SUBJECTS, "strange")
    assert ([report for report, _ in held.reports], held.is_complete) == (found[::-1][:3], False)


@pytest.mark.parametrize(("share", "looks"), [(0.02, 2), (0.004, 1), (0.001, 0), (0, 0)])
def test_only_those_are_looked_at_that_promise_enough(share: float, looks: int) -> None:
    texts = ["a strange page"] * round(share * 1000)
    sampled(SUBJECTS, [*texts, *["nothing"] * (1000 - len(texts))], highest=1_000_000)
    with CaptureQueriesContext(connection) as captured:
        reports_holding(SUBJECTS, "strange")
    statement = captured[-1]["sql"]
    asked = ["id > 980000" in statement, "id > 900000" in statement]
    assert asked == [False] * (2 - looks) + [True] * looks


@pytest.mark.parametrize(("share", "newest"), [(0.1, 4000), (0.02, 5000), (1, 1500)])
def test_of_a_part_that_is_frequent_so_many_are_looked_through_as_promise_enough(share: float, newest: int) -> None:
    texts = ["a strange page"] * round(share * 1000)
    sampled(SUBJECTS, [*texts, *["nothing"] * (1000 - len(texts))], highest=1_000_000)
    with CaptureQueriesContext(connection) as captured:
        reports_holding(SUBJECTS, "ge")
    assert f"ORDER BY id DESC LIMIT {newest})" in captured[-1]["sql"]


def test_of_a_rare_part_all_are_found_however_old(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_PROMISED": 0, "ENOUGH": 4, "MAX_FREQUENT": 3}.items():
        monkeypatch.setattr(module, name, value)
    found = reports_of(*["A strange page"] * 3)
    newer = reports_of(*["Nothing"] * 6)
    sampled(SUBJECTS, ["a strange page", *["nothing"] * 99], highest=newer[0])
    for name in ("_NEAR", "_FAR"):
        monkeypatch.setattr(module, name, 1)
    assert ids(SUBJECTS, "strange") == found[::-1]


def test_a_part_that_is_frequent_only_in_old_texts_ends_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_ROWS", 3)
    reports_of(*["A strange page"] * 5, "Nothing")
    sampled(SUBJECTS, ["nothing"] * 100)
    held = reports_holding(SUBJECTS, "strange")
    assert len(held.reports) == 4
    assert not held.is_complete


@pytest.mark.parametrize("part", ["xy", "."])
def test_what_no_index_knows_is_looked_for_in_the_newest(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = reports_of("old .xy.", "new .xy.")
    reports_of("Nothing")
    assert ids(SUBJECTS, part) == [new, old]
    monkeypatch.setattr(module, "_NEWEST", 2)
    held = reports_holding(SUBJECTS, part)
    assert ([report for report, _ in held.reports], held.is_complete) == ([new], False)
    assert not reports_holding(SUBJECTS, "q").is_complete, "nothing found is not all"


def test_bodies_are_looked_through_if_they_are_new_or_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NEWEST_BODIES", 2)
    ticket = a_ticket()
    old, candidate, other = (a_report(body=body) for body in ("a Strange page", "strange as well", "nothing"))
    new = a_report(body="(strange)", ticket=ticket)
    held = bodies_holding("STRANGE", [candidate.pk, other.pk])
    assert (held.reports, held.is_complete) == ([(new.pk, ticket.pk), (candidate.pk, None)], False)
    monkeypatch.setattr(module, "_NEWEST_BODIES", 4)
    held = bodies_holding("STRANGE", [])
    assert ([report for report, _ in held.reports], held.is_complete) == ([new.pk, candidate.pk, old.pk], True)


@pytest.mark.parametrize("column", [SUBJECTS, BODIES, ITEMS])
def test_of_some_reports_the_newest_are_looked_through(column: Column) -> None:
    made = [a_report(category, subject="strange", body="strange") for category in ("Spam", "Phishing", "Spam", "Spam")]
    for report in made:
        ReportItem.create(report=report, raw_item="strange.example", item_type="FQDN", date=START)
    some = Report.filter(category="Spam")
    held = newest_holding(column, "STRANGE", some, 2)
    assert ([report for report, _ in held.reports], held.is_complete) == ([made[3].pk, made[2].pk], False)
    held = newest_holding(column, "trang", some, 4)
    assert ([report for report, _ in held.reports], held.is_complete) == ([made[3].pk, made[2].pk, made[0].pk], True)
    held = newest_holding(column, "trang", some, 1, [made[1].pk, made[3].pk])
    assert (sorted(held.reports), held.is_complete) == ([(made[1].pk, None), (made[3].pk, None)], False)
    assert newest_holding(column, "quiet", some, 4) == ([], True)
    assert newest_holding(column, "strange", Report.filter(pk__in=[]), 4) == ([], True)


@pytest.mark.parametrize("column", [SUBJECTS, ITEMS])
def test_no_statistics_make_the_planner_read_a_whole_table_for_a_part(column: Column) -> None:
    """It plans the same for what is in all texts as for what is in none."""
    for _ in range(20):
        ReportItem.create(report=a_report(subject="strange"), raw_item="strange.example", item_type="FQDN", date=START)
    values = {"newest": 9, "near": 1, "far": 1, "enough": 4, "frequent": 3, "rows": 9, "most": 9}
    names = {"TABLE": column.table, "REPORT": column.report, "TEXT": column.text}
    plans = []
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE abuse_report, abuse_reportitem")
        for part in ("%strange%", "%nowhere%"):
            statement = "EXPLAIN " + module._filled(module._BY_INDEX, **names)
            cursor.execute(statement, {**values, "part": part, "rarest": part})
            plans.append([row[0].replace(part, "…") for row in cursor.fetchall()])
    assert plans[0] == plans[1]


def test_rows_of_some_ids_are_read_by_these_however_many_there_are() -> None:
    """An order with an index does not tempt the planner to walk through all rows for a part of the ids."""
    made = reports_of("one", "two", "three")
    assert sorted(Report.filter(pk__among=made[:2]).values_list("pk", flat=True)) == made[:2]
    assert not Report.filter(pk__among=[])
    few, many = (
        Report.filter(pk__among=ids).order_by("created_at", "pk").values_list("pk")[:50].explain()
        for ids in (made, list(range(1, 1001)))
    )
    assert few == many


def test_what_holds_a_part_matches_the_pattern_of_its_rarest_trigrams() -> None:
    chance = random.Random(7)
    words = ["www", "evil", "100", "64", "0", "a", "ßé", "%", "_", "\\", "İ", "Straße", "login", "银行"]

    def text(most: int) -> str:
        return "".join(
            chance.choice(words) + chance.choice(["", ".", "-", " ", "/"]) for _ in range(chance.randint(1, most))
        )

    known = Frequencies(text(6) for _ in range(200))
    cases = []
    for _ in range(500):
        part = text(4)
        pattern = rarest(part, known)
        if pattern is not None:
            cases.append((text(2) + part + text(2), pattern))
    assert len(cases) > 50
    with connection.cursor() as cursor:
        statement = "SELECT * FROM unnest(%s::text[], %s::text[]) AS one (text, pattern) WHERE NOT text ILIKE pattern"
        cursor.execute(statement, [[text for text, _ in cases], [pattern for _, pattern in cases]])
        assert cursor.fetchall() == []


def test_of_trigrams_that_come_together_more_are_taken_where_they_spare_rows() -> None:
    known = Frequencies([*["transfer"] * 20, *["nissan"] * 300, "nisfa", *["quiet"] * 1679])
    assert rarest("nisfa", known) == "%isf%"
    together = Frequencies([*["disfame"] * 20, *["nissan"] * 300, "nisfa", *["quiet"] * 1679])
    assert rarest("nisfa", together) == "%nisfa%"
    assert rarest("nisfa", together, 1_000_000) == "%nisfa%"
    assert rarest("nisfa", together, 10_000_000) is None, "the index would be looked through for too long"


def test_the_rarest_trigrams_are_chosen_and_no_more_than_needed() -> None:
    known = Frequencies([f"http://www{number % 9}.shop{number}.example/login" for number in range(1000, 2000)])
    assert rarest("http://www3.shop4711.example/login", known) == "%op4%711%"
    assert rarest("shop4711.example", known) == "%op4%711%"
    assert rarest("p47", known) == "%p47%"
    for dense in ("example", "http://www", "e", "", "::", "go"):
        assert rarest(dense, known) is None, dense
    assert rarest("a" * 100_000, known) == "%aaa%aaa%"
