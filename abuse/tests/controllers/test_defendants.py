"""Customers and services as rows."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from abuse.controllers.defendants import ensure_defendants, ensure_services, service_key
from abuse.controllers.providers import ensure_providers
from abuse.models import Defendant, DefendantHistory, DefendantRevision, Provider, Service
from abuse.services.crm import DefendantInfo, ServiceInfo

pytestmark = pytest.mark.django_db
ANNA = DefendantInfo("c1", "anna@customer.example", datetime(2020, 1, 1, tzinfo=UTC), city="Lyon")


def details(info: DefendantInfo) -> DefendantRevision:
    found = ensure_defendants([info])[info.customer_id].details
    assert found is not None
    return found


def test_the_same_data_is_one_revision() -> None:
    assert details(ANNA) == details(ANNA)
    assert (Defendant.count(), DefendantRevision.count(), DefendantHistory.count()) == (1, 1, 1)


def test_going_back_to_a_former_address_is_seen() -> None:
    first = details(ANNA)
    second = details(dataclasses.replace(ANNA, city="Paris"))
    assert first != second
    assert details(ANNA) == first
    assert [row.revision for row in DefendantHistory.all().order_by("pk")] == [first, second, first]
    assert DefendantRevision.count() == 2


def test_two_customers_with_the_same_data_share_nothing() -> None:
    assert details(ANNA) != details(dataclasses.replace(ANNA, customer_id="c2"))


def test_words_longer_than_their_column_are_cut_not_refused() -> None:
    assert len(details(dataclasses.replace(ANNA, city="x" * 5000)).city or "") == 255


def test_a_service_is_known_by_its_id_and_kept_up_to_date() -> None:
    old, new = ServiceInfo("vps 1", service_id="s1"), ServiceInfo("vps 1, renamed", service_id="s1")
    first = ensure_services([old])[service_key(old)]
    second = ensure_services([new])[service_key(new)]
    assert first == second
    assert Service.get().name == "vps 1, renamed"


def test_services_without_an_id_are_known_by_all_that_is_said() -> None:
    infos = [ServiceInfo("hosting", domain="a.example"), ServiceInfo("hosting", domain="b.example")]
    assert len(ensure_services([*infos, *infos])) == 2


def test_providers_in_any_spelling_are_one() -> None:
    ensure_providers(["Jo@Reporter.Example", "jo@reporter.example "])
    assert Provider.get().email == "jo@reporter.example"


def test_how_a_service_stands_today_makes_no_other_service_of_it() -> None:
    plain = ServiceInfo("hosting", domain="a.example")
    today = ServiceInfo("hosting", domain="a.example", creation_date=datetime(2020, 1, 1, tzinfo=UTC), autorenew=True)
    assert service_key(plain) == service_key(today)
    assert ensure_services([plain]).keys() == ensure_services([today]).keys()
    assert Service.count() == 1
