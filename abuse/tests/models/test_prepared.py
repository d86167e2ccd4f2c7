"""Statements that are written once and prepared in each connection."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Concat

from abuse.models import Category, Provider, Role, Ticket
from abuse.models.prepared import Prepared, Statement
from abuse.tests.findable import a_provider, a_ticket


def _statements() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.django_db
def test_each_value_comes_in_its_place() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    spam = [a_ticket("Spam", creation_date=moment) for moment in (early, late)]
    phishing = a_ticket("Phishing", creation_date=early)
    prepared = Prepared(
        lambda ids, category, since: (
            Ticket.filter(pk__any_of=ids, category=category, creation_date__gte=since)
            .order_by("pk")
            .values_list("pk", Concat(Value("50% "), "status", output_field=CharField()))
        ),
        ids=list[int],
        category=str,
        since=datetime,
    )
    every = [*(one.pk for one in spam), phishing.pk]
    assert prepared.rows(ids=every, category="Spam", since=early) == [(one.pk, "50% Open") for one in spam]
    assert prepared.rows(ids=every, category="Spam", since=late) == [(spam[1].pk, "50% Open")]
    assert prepared.rows(ids=every, category="Phishing", since=early) == [(phishing.pk, "50% Open")]
    assert prepared.rows(ids=[], category="Spam", since=early) == []


@pytest.mark.django_db
def test_what_somebody_sends_stays_a_value() -> None:
    a_provider("reporter@reports.example")
    prepared = Prepared(lambda name: Provider.filter(email=name).values_list("email"), name=str)
    assert prepared.rows(name="reporter@reports.example") == [("reporter@reports.example",)]
    for hostile in ("' OR true --", "$1", "%s", "100%", "\\'; DROP TABLE abuse_provider; --", "\x01" + "1"):
        assert prepared.rows(name=hostile) == [], hostile
    assert Provider.all().exists()


@pytest.mark.django_db
def test_it_is_prepared_once_in_a_connection_and_not_at_all_behind_a_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def make(name: str) -> QuerySet[Category, Any]:
        made.append(name)
        return Category.filter(name=name).values_list("name")

    prepared = Prepared(make, name=str)
    before = _statements()
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    assert prepared.rows(name="Spam") == [("Spam",)]
    assert _statements() == before
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", False)
    for name in ("Spam", "Phishing", "Malware"):
        assert prepared.rows(name=name) == [(name,)]
    assert len(_statements() - before) == 1
    assert len(made) == 1


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_prepares_it_anew() -> None:
    prepared = Prepared(lambda name: Provider.filter(email=name).values_list("email"), name=str)
    assert prepared.rows(name="nobody") == []
    first = connection.connection  # kept, as another thread may keep its own
    connection.close()
    assert prepared.rows(name="nobody") == []
    assert connection.connection is not first


@pytest.mark.django_db
def test_columns_are_converted_as_those_of_the_queryset_are() -> None:
    prepared = Prepared(lambda name: Role.filter(codename=name).values_list("models_authorizations"), name=str)
    ((authorizations,),) = prepared.rows(name="admin")
    assert isinstance(authorizations, dict)
    assert authorizations == Role.objects.get(codename="admin").models_authorizations


def test_a_place_that_no_condition_has_is_an_error() -> None:
    prepared = Prepared(lambda name, other: Category.filter(name=name).values_list("name"), name=str, other=int)
    with pytest.raises(ValueError, match="places: other"):
        prepared.rows(name="Spam", other=1)


@pytest.mark.django_db
def test_a_statement_in_our_own_words_gets_its_values_by_place_or_by_name() -> None:
    by_place = Statement("SELECT %s::text || '%%', %s::int")
    by_name = Statement("SELECT %(b)s::text, %(a)s::int[], %(b)s::text || '%%s'")
    without = Statement("SELECT '100%%'")
    hostile = "' OR true --%s$1"
    with connection.cursor() as cursor:
        for _ in range(2):
            by_place.execute(cursor, [hostile, 7])
            assert cursor.fetchone() == (f"{hostile}%", 7)
            by_name.execute(cursor, {"a": [1, 2], "b": hostile})
            assert cursor.fetchone() == (hostile, [1, 2], f"{hostile}%s")
            without.execute(cursor)
            assert cursor.fetchone() == ("100%",)


@pytest.mark.django_db
def test_a_statement_is_prepared_once_and_not_at_all_behind_a_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = Statement("SELECT 4711 + %(number)s::int")
    with connection.cursor() as cursor:
        monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
        statement.execute(cursor, {"number": 1})
        assert cursor.fetchone() == (4712,)
        assert not any("4711" in text for text in _statements())
        monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", False)
        for number in range(3):
            statement.execute(cursor, {"number": number})
            assert cursor.fetchone() == (4711 + number,)
    assert len([text for text in _statements() if "4711" in text]) == 1
