"""Many rows in one statement."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, models, transaction
from django.test.utils import CaptureQueriesContext

from abuse.models import History, OutgoingMessage, Report, ReportItem, Tag, User
from abuse.models.inserting import insert_all, insert_unless_there
from abuse.tests.findable import START, a_provider, a_report

HOSTILE = (
    "'; DROP TABLE abuse_report; --",
    "%s %(name)s 100%",
    'a "quote", a back\\slash, \\u0041, \\\\',
    "Grüße an 东京 \U0001f40d",
    '{"a": [1, 2]}\n\r\t\x01\x7f\u2028',
    "",
)


def _a_new_report(**fields: Any) -> Report:
    values: dict[str, Any] = {"body": "", "received_date": START, "created_at": START, "filename": "f", **fields}
    return Report(**{"provider": a_provider(), "category_id": "Phishing", **values})


@pytest.mark.django_db
def test_all_columns_are_stored_as_they_are() -> None:
    user = User.objects.create(username="somebody")
    seen = datetime(2026, 3, 29, 1, 59, 59, 123456, tzinfo=UTC)
    nested = {"text": list(HOSTILE), "number": 1.5, "nothing": None, "deep": {"true": True, "list": [[], {}]}}
    reports = [
        _a_new_report(body=text, subject=text or None, missing_data=[text], ask_again_at=seen) for text in HOSTILE
    ]
    insert_all(reports)
    items = [
        ReportItem(
            report=reports[0], item_type="CIDR", raw_item=one, original=one, place="", network=ip_network(one),
            port=443, seen_at=seen, times=2**40 % 2**31, confidence=87, date=seen,
        )
        for one in ("192.0.2.0/24", "2001:db8::/32")
    ]  # fmt: skip
    insert_all(items)
    rows = [
        History(
            report=reports[0], user=user, action_type=History.Type.ADD_ITEM, old=None, new=text, refs=nested, date=seen
        )
        for text in HOSTILE
    ]
    insert_all(rows)
    for made in (*reports, *items, *rows):
        stored = type(made)._default_manager.get(pk=made.pk)
        for field in made._meta.concrete_fields:
            if not field.generated:
                assert getattr(stored, field.attname) == getattr(made, field.attname), field.name


@pytest.mark.django_db
def test_rows_get_their_ids_in_their_order_and_are_stored_then() -> None:
    reports = [_a_new_report(body=f"body {number}") for number in range(7)]
    insert_all(reports, at_once=3)
    assert [report.pk for report in reports] == sorted(report.pk for report in reports)
    stored = dict(Report.all().values_list("pk", "body"))
    assert [stored[report.pk] for report in reports] == [report.body for report in reports]
    reports[0].subject = "changed"
    reports[0].save()
    assert Report.all().count() == 7


@pytest.mark.django_db
def test_a_row_made_before_the_one_it_refers_to_was_stored_gets_that_ones_id() -> None:
    report = _a_new_report()
    item = ReportItem(report=report, item_type="URL", raw_item="u", original="u", place="", date=START)
    with pytest.raises(ValueError, match="report of a ReportItem"):
        insert_all([item])
    insert_all([report])
    insert_all([item])
    assert item.report_id == report.pk
    assert report.items.get().raw_item == "u"


@pytest.mark.django_db
def test_it_is_one_statement_however_many_there_are_and_none_for_none() -> None:
    insert_all([_a_new_report()])
    reports = [_a_new_report() for _ in range(40)]
    with CaptureQueriesContext(connection) as asked:
        insert_all(reports)
    assert len(asked.captured_queries) == 1
    with CaptureQueriesContext(connection) as asked:
        insert_all([])
    assert not asked.captured_queries


@pytest.mark.django_db
def test_what_is_there_already_stays_as_it_is_if_that_is_wanted() -> None:
    report, tag = a_report(), _a_tag()
    through: type[models.Model] = Report.tags.through
    links = [through(report_id=report.pk, tag_id=tag)]
    insert_all(links, ignore_conflicts=True)
    insert_all([through(report_id=report.pk, tag_id=tag)], ignore_conflicts=True)
    assert report.tags.count() == 1
    with pytest.raises(IntegrityError):
        insert_all([through(report_id=report.pk, tag_id=tag)])


@pytest.mark.django_db(transaction=True)
def test_all_are_stored_or_none(no_presets: None) -> None:
    wrong = _a_new_report(xarf_type="x" * 65)
    with pytest.raises(DataError):
        insert_all([*(_a_new_report() for _ in range(5)), wrong], at_once=2)
    assert not Report.all().exists()


@pytest.mark.django_db
def test_a_text_with_nul_is_refused() -> None:
    with pytest.raises(DataError):
        insert_all([_a_new_report(body="a\0b")])


@pytest.mark.django_db
def test_a_value_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="bytes"):
        insert_all([_a_new_report(body=b"bytes")])


def _a_tag() -> int:
    return Tag.create(codename="one", name="one", tag_type=Tag.Type.REPORT).pk


@pytest.mark.django_db
def test_a_row_that_is_there_already_is_not_inserted_again() -> None:
    def a_document(key: str, message_id: str) -> OutgoingMessage:
        return OutgoingMessage(
            dedupe_key=key, message_id=message_id, category="Other", sender="a@desk.example",
            recipient="b@other.example", subject="", body="", next_attempt_at=START, created_at=START,
        )  # fmt: skip

    first, second, third = a_document("1", "<a>"), a_document("1", "<b>"), a_document("2", "<c>")
    assert [insert_unless_there(one) for one in (first, second, third)] == [True, False, True]
    assert [one.pk is None for one in (first, second, third)] == [False, True, False]
    assert OutgoingMessage.get(pk=first.pk).message_id == "<a>"
    assert set(OutgoingMessage.all().values_list("dedupe_key", flat=True)) == {"1", "2"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("column", "value"), [("body", "a\0b"), ("missing_data", ["\\u0000", "\\\0"]), ("subject", "\0")]
)
def test_the_column_that_holds_nul_is_named(column: str, value: Any) -> None:
    rows = [_a_new_report(body="\\u0000"), _a_new_report(**{column: value})]
    with pytest.raises(DataError) as caught, transaction.atomic():
        insert_all(rows)
    assert str(caught.value) == f"{column} of a Report: {value!r}; expected text without NUL (0x00)"
    insert_all(rows[:1])
    assert Report.get().body == "\\u0000"
