"""What every reputation service must do. It is asked about addresses and names that nobody has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from ..reputation import Reputation, ReputationDetail, ReputationServiceBase, ReputationServiceException, Tool
from .checking import Check, Subject, answer_or_error, expect, expect_type

T = TypeVar("T")
_ADDRESSES = ("192.0.2.1", "2001:db8::1")
_URL = "http://contract-check.invalid/"
_HOSTILE = ("", "no address", "192.0.2.1/24", "a\0b", "../../etc/passwd", "x" * 10_000, "1.2.3.4.evil.invalid")


def _asked(call: Callable[..., Sequence[T]], kind: type[T], *arguments: str) -> Sequence[T]:
    """What was answered, each of the right kind; nothing for the service's own exception."""
    what = f"{getattr(call, '__name__', 'call')} {', '.join(one[:40] for one in arguments)!r}"
    answer = answer_or_error(ReputationServiceException, what, call, *arguments) or ()
    for one in answer:
        expect_type(one, kind, what)
    return answer


def _addresses(subject: Subject) -> None:
    service: ReputationServiceBase = subject.service
    calls = (
        service.get_ip_rbl_reputations,
        service.get_ip_internal_reputations,
        service.get_ip_external_reputations,
    )
    for address in _ADDRESSES:
        for call in calls:
            answer = _asked(call, Reputation, address)
            for one in answer:
                expect_type(one.result, bool, f"{call.__name__}: result")
                expect(one.short_name and one.full_name, f"{call.__name__}: {one!r}: has no name")
                _check_moment(one.last_event, f"{call.__name__}: last_event")
            names = [one.short_name for one in answer]
            expect(len(names) == len(set(names)), f"{call.__name__}: names a source twice: {names}")


def _details(subject: Subject) -> None:
    service: ReputationServiceBase = subject.service
    sources = _asked(service.get_ip_external_reputations, Reputation, _ADDRESSES[0])
    for name in ["no-such-source", *(one.short_name for one in sources)]:
        for one in _asked(service.get_ip_external_details, ReputationDetail, _ADDRESSES[0], name):
            _check_moment(one.timestamp, f"get_ip_external_details {name}: timestamp")


def _check_moment(moment: datetime | None, what: str) -> None:
    if moment is not None:
        expect_type(moment, datetime, what)
        expect(moment.utcoffset() is not None, f"{what}: has no zone")


def _urls_and_tools(subject: Subject) -> None:
    service: ReputationServiceBase = subject.service
    _asked(service.get_url_external_reputations, Reputation, _URL)
    for one in _asked(service.get_ip_tools, Tool, _ADDRESSES[0]):
        expect(one.uri.startswith(("https://", "http://")), f"get_ip_tools: {one.uri[:80]!r}; expected a page")


def _hostile(subject: Subject) -> None:
    service: ReputationServiceBase = subject.service
    for text in _HOSTILE:
        for call in (
            service.get_ip_rbl_reputations,
            service.get_ip_internal_reputations,
            service.get_ip_external_reputations,
            service.get_url_external_reputations,
        ):
            _asked(call, Reputation, text)
        _asked(service.get_ip_tools, Tool, text)


CHECKS = (
    Check("addresses have a word of each source, once", _addresses),
    Check("the events behind a word have their moment", _details),
    Check("URLs are known or not, and tools are pages", _urls_and_tools),
    Check("what senders write does no harm", _hostile),
)
