"""What the contracts find: classes that do one thing wrong each, and what is said about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from abuse.models import ServiceAction, Ticket
from abuse.services.action import ActionResult
from abuse.services.crm import DefendantInfo, Match, ServiceInfo
from abuse.services.email.default import DatabaseEmailService
from abuse.services.facade import ServiceBase
from abuse.services.phishing import PingResponse
from abuse.services.phishing.default import HttpPhishingService
from abuse.services.reputation import Reputation, Tool
from abuse.services.storage import StorageServiceException

from .implementations import broken_by, set_up
from .minimal import (
    EagerActions,
    EmptyCRM,
    MemoryStorage,
    NoReputation,
    QuietKPI,
    WordSearch,
    changed,
)

pytestmark = pytest.mark.django_db


def fault(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


STORAGE: list[tuple[str, Callable[..., Any], str]] = [
    ("read", lambda read, name: read(name).replace(b"\r", b""), "bytes of any kind"),
    ("write", lambda write, name, data: bool(data) and write(name, data), "an empty object is one"),
    ("write", lambda write, name, data: write(name, data) or True, "is not False for what was there"),
    ("read", fault(KeyError("x")), "KeyError"),
    ("read", fault(StorageServiceException("busy")), "StorageServiceException that is not permanent"),
    ("exists", lambda exists, name: exists(name) or True, "is not False for what is not there"),
    ("exists", lambda exists, name: bool(name) and exists(name[:64]), "expected StorageServiceException"),
    ("delete", lambda delete, name: None, "is not False for what was deleted"),
]


@pytest.mark.parametrize(("name", "method", "said"), STORAGE)
def test_storage(name: str, method: Callable[..., Any], said: str) -> None:
    assert said in "\n".join(broken_by("StorageServiceBase", changed(MemoryStorage(), name, method)))


NAIVE = Match(DefendantInfo("c", "c@c.example", datetime(2020, 1, 1)), ServiceInfo("x"))  # noqa: DTZ001
SOMEBODY = dataclasses.replace(NAIVE, defendant=DefendantInfo("c", "c@c.example", datetime(2020, 1, 1, tzinfo=UTC)))
CRM: list[tuple[str, Callable[..., Any], str]] = [
    ("find", lambda find, queries: find(queries)[:3], "3 answers to 4 queries; expected one for each, in order"),
    ("find", lambda find, queries: [SOMEBODY for _ in queries], "somebody has a name that cannot exist"),
    (
        "find",
        lambda find, queries: [NAIVE if one.address else None for one in queries],
        "creation_date: 2020-01-01T00:00:00 has no zone",
    ),
    ("find", lambda find, queries: [{"x": 1} if one.address else None for one in queries], "is dict; expected Match"),
    ("find", lambda find, queries: [SOMEBODY, *find(queries)][: len(queries)], "another answer alone"),
    ("find", lambda find, queries: [*find(queries), None], "gave an answer to no question"),
    ("get_customer_infos", lambda get, customer: {"customer_id": customer}, "expected None"),
    ("get_service_infos", fault(KeyError("x")), "KeyError: 'x'"),
    ("get_customer_services", lambda get, customer: [ServiceInfo("x")], "for nobody; expected none"),
    ("get_customer_revenue", lambda get, customer: "100 EUR", "is str; expected int or float"),
    ("find", lambda find, queries: None, "None is NoneType; expected a sequence of Match or None"),
    ("find", lambda find, queries: {}, "{} is dict; expected a sequence of Match or None"),
    ("get_customer_infos", lambda get, customer: {}, "get_customer_infos: {} for nobody; expected None"),
    ("get_customer_services", lambda get, customer: False, "False is bool; expected a sequence of ServiceInfo"),
    ("get_customer_revenue", lambda get, customer: None, "None is NoneType; expected int or float"),
]


@pytest.mark.parametrize(("name", "method", "said"), CRM)
def test_crm(name: str, method: Callable[..., Any], said: str) -> None:
    assert said in "\n".join(broken_by("CRMServiceBase", changed(EmptyCRM(), name, method)))


def test_a_crm_that_does_not_know_its_customer() -> None:
    assert broken_by("CRMServiceBase", EmptyCRM()) == []
    (said,) = broken_by("CRMServiceBase", EmptyCRM(), known="192.0.2.9")
    assert said.endswith("find 192.0.2.9: nobody has it; expected a customer")


EMAIL: list[tuple[str, Callable[..., Any], str]] = [
    ("send_email", lambda send, *what, **more: send(*what, **more).strip("<>"), "expected a Message-ID"),
    ("send_email", lambda send, *what, **more: send(*what, **{**more, "dedupe_key": None}), "one dedupe_key"),
    ("get_emails", lambda get, ticket: get(ticket)[:1], "get_emails: 1 mails after two were sent"),
    ("send_email", lambda send, *what, **more: "<a@b>", "two mails have one Message-ID"),
    ("get_emails", lambda get, ticket: [*get(ticket)] * 2, "4 mails after two were sent"),
    ("find_answers", lambda find, mails: find(mails)[:1], "expected one for each mail"),
    ("is_email_ticket_answer", lambda read, mail: (), "for an answer"),
    ("knows", lambda knows, ticket, sender: True, "attach_external_answer: is not False for a stranger"),
    ("attach_external_answer", lambda attach, *what, **more: True, "lacks a mail that was received"),
    (
        "keep",
        lambda keep, files: [dataclasses.replace(one, size=0) for one in keep(files)],
        "expected log.txt of 3 bytes",
    ),
    (
        "get_emails",
        lambda get, ticket: [dataclasses.replace(mail, attachments=mail.attachments[:1]) for mail in get(ticket)],
        "expected both of one name",
    ),
    (
        "is_email_ticket_answer",
        lambda read, mail: [dataclasses.replace(one, proven=True) for one in read(mail)],
        "which anybody can guess",
    ),
    (
        "is_email_ticket_answer",
        lambda read, mail: [] if mail.in_reply_to else read(mail),
        "does not know its own Message-ID",
    ),
    (
        "attach_external_answer",
        lambda attach, *what, **more: attach(*what, **{**more, "forged": False}),
        "for a mail that is shown to be forged",
    ),
    ("prefetch_email_from_template", fault(KeyError("x")), "expected EmailServiceException"),
]


@pytest.mark.parametrize(("name", "method", "said"), EMAIL)
def test_email(name: str, method: Callable[..., Any], said: str) -> None:
    assert said in "\n".join(broken_by("EmailServiceBase", changed(DatabaseEmailService(), name, method)))


PHISHING: list[tuple[str, Callable[..., Any], str]] = [
    ("ping_url", lambda ping, *what, **more: PingResponse(0, 200, "UP"), "is UP: the desk's own network was asked"),
    ("ping_url", lambda ping, *what, **more: PingResponse(101), "score: 101; expected 0 (up) to 100 (down)"),
    ("ping_url", lambda ping, *what, **more: PingResponse(0, direct_status="up"), "direct_status: 'up'"),
    ("ping_url", lambda ping, *what, **more: (0, 200), "is tuple; expected PingResponse"),
    ("ping_url", fault(OSError("no route")), "OSError: no route"),
    ("get_screenshots", lambda get, url, limit=10: [None] * 4, "4 pictures; expected at most 0"),
    ("get_http_headers", lambda get, url: {"Content-Length": 5}, "the desk's own network was asked"),
    ("post_feedback", fault(ValueError("x")), "ValueError"),
    ("block_url", fault(ConnectionError("x")), "ConnectionError"),
]


@pytest.mark.parametrize(("name", "method", "said"), PHISHING)
def test_phishing(name: str, method: Callable[..., Any], said: str, tmp_path: Path) -> None:
    with set_up(HttpPhishingService, tmp_path) as service:
        assert said in "\n".join(broken_by("PhishingServiceBase", changed(service, name, method)))


ACTION: list[tuple[str, Callable[..., Any], str]] = [
    ("list_actions_for_ticket", lambda get, ticket: [], "nothing for a ticket about a VPS"),
    ("list_actions_for_ticket", lambda get, ticket: ["suspend"], "is str; expected ServiceAction"),
    ("list_actions_for_ticket", lambda get, ticket: [ServiceAction(name="x")], "is no row"),
    ("list_actions_for_ticket", lambda get, ticket: list(get(ticket)) * 2, "names a measure twice"),
    ("apply_action_on_service", lambda apply, *order: ActionResult("", "x" * 33), "status: 33 characters; 32 are kept"),
    ("apply_action_on_service", lambda apply, *order: ActionResult(5, "ok"), "todo_id: 5 is int; expected str"),  # type: ignore[arg-type]
    ("apply_action_on_service", fault(Ticket.DoesNotExist("x")), "DoesNotExist"),
    ("close_defendant", fault(OSError("x")), "OSError: x; expected an answer"),
]


@pytest.mark.parametrize(("name", "method", "said"), ACTION)
def test_action(name: str, method: Callable[..., Any], said: str) -> None:
    assert said in "\n".join(broken_by("ActionServiceBase", changed(EagerActions(), name, method)))


def test_an_action_service_that_believes_anything_and_repeats_orders() -> None:
    service = EagerActions()
    numbers = iter("1234")
    service.apply_action_once = lambda *_, **__: ActionResult(next(numbers), "ok")  # type: ignore[attr-defined]
    unknown, once = broken_by("ActionServiceBase", service)
    assert "apply_action_on_service of measure" in unknown
    assert once.endswith("apply_action_once: one key has the orders '1' and '2'")


OTHERS: list[tuple[str, ServiceBase, str, Callable[..., Any], str]] = [
    ("KPIServiceBase", QuietKPI(), "new_report", fault(OSError("down")), "new_report: OSError: down"),
    ("KPIServiceBase", QuietKPI(), "new_ticket", lambda new, ticket: ticket.defendant.pk, "AttributeError"),
    ("ReputationServiceBase", NoReputation(), "get_ip_rbl_reputations", fault(OSError("x")), "OSError"),
    ("ReputationServiceBase", NoReputation(), "get_ip_tools", lambda get, ip: [Tool("x", "X", "js:x")], "a page"),
    (
        "ReputationServiceBase", NoReputation(), "get_url_external_reputations",
        lambda get, url: [{"result": True}], "is dict; expected Reputation",
    ),
    (
        "ReputationServiceBase", NoReputation(), "get_ip_internal_reputations",
        lambda get, ip: [Reputation("x", "X", True)] * 2, "names a source twice",
    ),
    ("SearchServiceBase", WordSearch(), "search_reports", lambda search, query: [1], "for a word that is nowhere"),
    ("SearchServiceBase", WordSearch(), "search_reports", lambda search, query: ["1"], "is str; expected int"),
    ("SearchServiceBase", WordSearch(), "index_email", fault(OSError("x")), "index_email: OSError"),
]  # fmt: skip


@pytest.mark.parametrize(("base", "service", "name", "method", "said"), OTHERS)
def test_others(base: str, service: ServiceBase, name: str, method: Callable[..., Any], said: str) -> None:
    before = getattr(service, name)
    try:
        assert said in "\n".join(broken_by(base, changed(service, name, method)))
    finally:
        setattr(service, name, before)


def test_nothing_remains_of_a_check() -> None:
    before = (Ticket.count(), ServiceAction.count())
    broken_by("ActionServiceBase", EagerActions())
    broken_by("EmailServiceBase", DatabaseEmailService())
    assert (Ticket.count(), ServiceAction.count()) == before
