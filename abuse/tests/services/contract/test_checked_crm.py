"""A class of the operator's own is called: its own errors are told from answers that are wrong, and both are named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, cast

import pytest

from abuse.services.crm import CRMImplementationError, CRMServiceBase, CRMServiceException, Match, Query
from abuse.services.crm.base import DefendantInfo, ServiceInfo
from abuse.services.crm.checked import CRMFacade
from abuse.services.facade import Facade, facade

from .minimal import EmptyCRM, changed

CUSTOMER = DefendantInfo("c1", "c1@customer.example", datetime(2020, 1, 1, tzinfo=UTC))
QUERIES = [Query(datetime(2026, 1, 1, tzinfo=UTC), ip_address("192.0.2.1"))]


@pytest.fixture(autouse=True)
def _registry() -> Iterator[None]:
    before = facade("CRMServiceBase")
    yield
    Facade._facades["CRMServiceBase"] = before


def called(name: str, method: Callable[..., Any]) -> CRMServiceBase:
    """A desk whose CRM class has this method."""
    crm = CRMFacade(CRMServiceBase)
    crm.set_up(changed(EmptyCRM(), name, method))
    return cast("CRMServiceBase", crm)


@pytest.mark.parametrize("error", [KeyError("x"), AttributeError("y"), TypeError("z"), ValueError("w"), OSError("v")])
def test_an_error_within_the_class_is_said_to_be_its_own(error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    with pytest.raises(CRMImplementationError) as caught:
        called("find", fail).find(QUERIES)
    said = str(caught.value)
    assert said.startswith(f"EmptyCRM.find: {type(error).__name__}: {error} (test_checked_crm.py, line ")
    assert "contract" not in said
    assert caught.value.permanent
    assert caught.value.__cause__ is error


def test_what_the_class_says_itself_goes_through_as_it_is() -> None:
    def busy(*_: object) -> None:
        raise CRMServiceException("busy")

    with pytest.raises(CRMServiceException, match=r"^busy$") as caught:
        called("find", busy).find(QUERIES)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([], "0 answers to 1 queries"),
        (None, "None is NoneType; expected a sequence"),
        (False, "False is bool; expected a sequence"),
        ({}, "{} is dict; expected a sequence"),
        ("x", "'x' is str; expected a sequence"),
        ([0], "answer 0: 0 is int; expected Match or None"),
        ([False], "answer 0: False is bool; expected Match or None"),
        ([{}], "answer 0: {} is dict; expected Match or None"),
        ([Match(CUSTOMER, ServiceInfo(""))], "answer 0: service: name: is empty"),
        (
            [Match(CUSTOMER, ServiceInfo("x", creation_date=datetime(2020, 1, 1)))],  # noqa: DTZ001
            "answer 0: service: creation_date: 2020-01-01T00:00:00 has no zone",
        ),
        (
            [Match(CUSTOMER, ServiceInfo("x", autorenew="yes"))],  # type: ignore[arg-type]
            "answer 0: service: autorenew: 'yes' is str; expected bool",
        ),
        ([Match(DefendantInfo("", "", CUSTOMER.creation_date), ServiceInfo("x"))], "defendant: customer_id: is empty"),
        ([Match(CUSTOMER, None)], "answer 0: service: None is NoneType; expected ServiceInfo"),  # type: ignore[arg-type]
    ],
)
def test_an_answer_that_is_none_is_said_to_be_wrong_and_where(answer: object, said: str) -> None:
    with pytest.raises(CRMImplementationError) as caught:
        called("find", lambda *_: answer).find(QUERIES)
    assert str(caught.value).startswith("EmptyCRM.find: its answer breaks the contract: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("method", "answer", "said"),
    [
        ("get_customer_infos", {}, "{} is dict; expected DefendantInfo"),
        ("get_customer_infos", False, "False is bool; expected DefendantInfo"),
        ("get_service_infos", "", "'' is str; expected ServiceInfo"),
        ("get_customer_services", None, "None is NoneType; expected a sequence of ServiceInfo"),
        ("get_customer_services", [None], "answer 0: None is NoneType; expected ServiceInfo"),
        ("get_customer_revenue", None, "None is NoneType; expected int or float"),
        ("get_customer_revenue", False, "False is bool; expected int or float"),
        ("get_customer_revenue", float("nan"), "nan is float; expected int or float"),
    ],
)
def test_false_and_empty_answers_are_checked_too(method: str, answer: object, said: str) -> None:
    with pytest.raises(CRMImplementationError, match=r"^EmptyCRM\.get_") as caught:
        getattr(called(method, lambda *_: answer), method)("c1")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("email", None, "None is NoneType; expected str"),
        ("phone", 33, "33 is int; expected str | None"),
        ("is_vip", "yes", "'yes' is str; expected bool"),
        ("creation_date", "2020-01-01", "'2020-01-01' is str; expected datetime"),
        ("tags", ["a"], "['a'] is list; expected tuple[str, ...]"),
    ],
)
def test_each_field_of_a_customer_is_checked(field: str, value: object, said: str) -> None:
    values: dict[str, Any] = {"customer_id": "c1", "email": "", "creation_date": CUSTOMER.creation_date, field: value}
    with pytest.raises(CRMImplementationError) as caught:
        called("get_customer_infos", lambda *_: DefendantInfo(**values)).get_customer_infos("c1")
    assert str(caught.value).endswith(f"contract: {field}: {said}")


def test_a_sound_answer_is_given_as_it_is() -> None:
    match = Match(CUSTOMER, ServiceInfo("x"))
    assert list(called("find", lambda *_: (match,)).find(QUERIES)) == [match]
    crm = called("get_customer_revenue", lambda _, customer, service: 12 if service == "vps" else 0)
    assert crm.get_customer_revenue("c1", service="vps") == 12


def test_whether_a_class_knows_what_customers_pay() -> None:
    crm = CRMFacade(CRMServiceBase)
    crm.set_up(EmptyCRM())
    assert not crm.overrides("get_customer_revenue")
    assert crm.overrides("find")
