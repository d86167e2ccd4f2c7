"""What every CRM service must do. Nothing is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import cast

from ..crm import CRMServiceBase, CRMServiceException, Match, Query
from ..crm.answers import fault_of_answer, fault_of_defendant, fault_of_match
from .checking import Broken, Check, Subject, answer_or_error, expect

NOBODY = "nobody-has-this-contract-check"
_HOSTILE = ("", " ", "a\0b", "' OR 1=1 --", "../../etc/passwd", "é" * 100, "x" * 100_000)


def _now() -> datetime:
    return datetime.now(UTC)


def _query(thing: str, at: datetime) -> Query:
    try:
        return Query(at=at, address=ip_address(thing))
    except ValueError:
        return Query(at=at, host=thing)


def _checked(match: object, what: str) -> Match | None:
    """What was found, of the right form."""
    if match is None:
        return None
    _expect_sound(fault_of_match(match), what)
    return cast("Match", match)


def _expect_sound(fault: str | None, what: str) -> None:
    if fault is not None:
        raise Broken(f"{what}: {fault}")


def _no_question(subject: Subject) -> None:
    crm: CRMServiceBase = subject.service
    expect(list(crm.find([])) == [], "find: gave an answer to no question")
    answers = crm.find([Query(at=_now())])
    expect(list(answers) == [None], f"find: {answers!r:.200} for a query of nothing; expected [None]")


def _in_order(subject: Subject) -> None:
    crm: CRMServiceBase = subject.service
    things = ["192.0.2.1", "2001:db8::1", f"{NOBODY}.invalid", "192.0.2.1", *([subject.known] if subject.known else [])]
    at = _now()
    queries = [_query(thing, at) for thing in things]
    found = crm.find(queries)
    _expect_sound(fault_of_answer("find", found, queries), "find")
    together = [_checked(one, f"find {thing}") for one, thing in zip(found, things, strict=True)]
    backwards = list(crm.find(queries[::-1]))[::-1]
    alone = [crm.find([query])[0] for query in queries]
    for thing, one, two, three in zip(things, together, backwards, alone, strict=True):
        expect(one == two == three, f"find {thing}: another answer alone, or in another order, than among others")
    expect(together[2] is None, f"find {things[2]}: somebody has a name that cannot exist")


def _many(subject: Subject) -> None:
    crm: CRMServiceBase = subject.service
    at = _now()
    queries = [Query(at=at, address=IPv6Address(f"2001:db8::{number:x}"), port=number) for number in range(1, 1001)]
    expect(len(crm.find(queries)) == 1000, "find: not one answer for each of 1000 queries")


def _any_time(subject: Subject) -> None:
    crm: CRMServiceBase = subject.service
    thing = subject.known or "192.0.2.1"
    zone = _now().astimezone()
    for at in (datetime(1970, 1, 1, tzinfo=UTC), zone, _now() + timedelta(days=3650)):
        _checked(crm.find([_query(thing, at)])[0], f"find {thing} at {at.isoformat()}")


def _hostile(subject: Subject) -> None:
    crm: CRMServiceBase = subject.service
    for text in _HOSTILE:
        shown = repr(text[:30])
        found = answer_or_error(CRMServiceException, f"find host {shown}", crm.find, [Query(at=_now(), host=text)])
        expect(found is None or list(found) == [None], f"find host {shown}: somebody has it")
        for call in (crm.get_customer_infos, crm.get_service_infos, crm.get_customer_services):
            answer: object = answer_or_error(CRMServiceException, f"{call.__name__} {shown}", call, text)
            expect(not answer, f"{call.__name__} {shown}: {answer!r:.200}; expected nothing")


def _strangers(subject: Subject) -> None:
    crm: CRMServiceBase = subject.service
    customer, service, services = (
        crm.get_customer_infos(NOBODY),
        crm.get_service_infos(NOBODY),
        crm.get_customer_services(NOBODY),
    )
    expect(customer is None, f"get_customer_infos: {customer!r:.200} for nobody; expected None")
    expect(service is None, f"get_service_infos: {service!r:.200} for none; expected None")
    _expect_sound(fault_of_answer("get_customer_services", services), "get_customer_services")
    expect(list(services) == [], f"get_customer_services: {services!r:.200} for nobody; expected none")
    _expect_sound(fault_of_answer("get_customer_revenue", crm.get_customer_revenue(NOBODY)), "get_customer_revenue")


def _customer_of_ours(subject: Subject) -> None:
    crm: CRMServiceBase = subject.service
    if subject.known is None:
        return
    match = _checked(crm.find([_query(subject.known, _now())])[0], f"find {subject.known}")
    if match is None:
        raise Broken(f"find {subject.known}: nobody has it; expected a customer")
    customer = match.defendant.customer_id
    info = crm.get_customer_infos(customer)
    _expect_sound(None if info is None else fault_of_defendant(info), f"get_customer_infos {customer}")
    expect(info is not None and info.customer_id == customer, f"get_customer_infos {customer}: is another one")
    services = crm.get_customer_services(customer)
    _expect_sound(fault_of_answer("get_customer_services", services), f"get_customer_services {customer}")
    revenue = crm.get_customer_revenue(customer)
    _expect_sound(fault_of_answer("get_customer_revenue", revenue), f"get_customer_revenue {customer}")
    if match.service.service_id is not None:
        named = match.service.service_id
        expect(named in [one.service_id for one in services], f"get_customer_services {customer}: lacks {named}")
        found = crm.get_service_infos(named)
        expect(found is not None and found.service_id == named, f"get_service_infos {named}: is another one")


CHECKS = (
    Check("no question has no answer", _no_question),
    Check("each query has its answer, in order", _in_order),
    Check("a thousand queries have a thousand answers", _many),
    Check("any moment can be asked about", _any_time),
    Check("what senders write does no harm", _hostile),
    Check("nobody is nobody", _strangers),
    Check("a customer is the same in every answer (--known)", _customer_of_ours),
)
