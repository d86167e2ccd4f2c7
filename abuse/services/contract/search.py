"""What every search service must do."""

from __future__ import annotations

import secrets

from abuse.parsers.values import ParsedEmail

from ..search import SearchServiceBase, SearchServiceException
from .checking import Check, Subject, answer_or_error, expect, expect_type
from .rows import REPORTER_ADDRESS, a_report

_HOSTILE = (
    "",
    " ",
    "*",
    "a\0b",
    '"unbalanced',
    "(((((",
    "a & | ! :*",
    "'; DROP TABLE x; --",
    "é" * 1000,
    "x" * 100_000,
)


def _find(service: SearchServiceBase, query: str) -> list[int]:
    what = f"search_reports {query[:40]!r}"
    found = list(answer_or_error(SearchServiceException, what, service.search_reports, query) or [])
    for one in found:
        expect_type(one, int, what)
    return found


def _find_tickets(service: SearchServiceBase, query: str) -> list[int]:
    what = f"search_tickets {query[:40]!r}"
    found = list(answer_or_error(SearchServiceException, what, service.search_tickets, query) or [])
    for one in found:
        expect_type(one, int, what)
    return found


def _nothing(subject: Subject) -> None:
    service: SearchServiceBase = subject.service
    word = f"contractcheck{secrets.token_hex(16)}"
    found = _find(service, word)
    expect(found == [], f"search_reports: {found[:5]} for a word that is nowhere")
    tickets = _find_tickets(service, word)
    expect(tickets == [], f"search_tickets: {tickets[:5]} for a word that is nowhere")


def _indexed(subject: Subject) -> None:
    service: SearchServiceBase = subject.service
    report = a_report()
    mail = ParsedEmail(provider=REPORTER_ADDRESS, subject="contract check", body="a text \x00 of any kind é 🎣")
    for reports in ([report.pk], [report.pk], []):
        answer_or_error(SearchServiceException, "index_email", service.index_email, mail, report.filename, reports)


def _hostile(subject: Subject) -> None:
    for query in _HOSTILE:
        _find(subject.service, query)
        _find_tickets(subject.service, query)


def _rows(subject: Subject) -> None:
    service: SearchServiceBase = subject.service
    report = a_report()
    for ids in ([report.pk], [report.pk], []):
        answer_or_error(SearchServiceException, "index_reports", service.index_reports, ids)


CHECKS = (
    Check("a word that is nowhere finds nothing", _nothing),
    Check("what is searched for does no harm", _hostile),
    Check("a mail can be indexed twice, and for no report", _indexed, acts=True),
    Check("reports can be indexed from their rows, twice", _rows, acts=True),
)
