"""Runs Schemathesis over the OpenAPI document, as one caller, against the real server within the test's transaction."""

from __future__ import annotations

import itertools
import threading
import traceback
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import schemathesis
import waitress
from apiflask import APIFlask
from django.db import connections, transaction
from flask import got_request_exception
from schemathesis import hooks
from schemathesis.config import SchemathesisConfig
from schemathesis.config._checks import NEGATIVE_DATA_REJECTION_EXPECTED_STATUSES
from schemathesis.engine import events, from_schema
from werkzeug.wsgi import ClosingIterator

from abuse.api import openapi
from abuse.api.declared import TOKEN_HEADER

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_TOO_LARGE = ["413", "414", "431"]
"""Each part of a request has its longest in the document, but no schema can say how large all may be together."""
_ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "412", "422", "429", *_TOO_LARGE]
"""Answers to what is well formed. To those that count anyway come 412 and 422: what a caller asks for by an `If-Match`
with another version, and by an `Idempotency-Key` that he used before."""
_REFUSED = [*(status for status in NEGATIVE_DATA_REJECTION_EXPECTED_STATUSES if status != "5xx"), *_TOO_LARGE]
"""Answers to what is malformed."""
EXCEPTIONS: list[dict[str, Any]] = [
    {
        # "The text shows proof, and there is none" is no fault of the order, but the older client knows it by its 400.
        "include-path": [
            "/api/tickets/{ticket_id}/templates/{template_id}",
            "/api/tickets/{ticket_id}/presets/{preset_id}",
        ],
        "checks": {"positive_data_acceptance": {"expected-statuses": [*_ACCEPTED, "400"]}},
    },
]
"""Where a check asks for other than what clients need. Each with the reason."""


@dataclass
class Outcome:
    """What a run did and found: faults by what they are, each with the first call that showed it."""

    calls: int = 0
    faults: dict[tuple[str, str, str], str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    checks: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)

    def text(self) -> str:
        found = [f"{label}: {check}: {title}\n{call}" for (label, check, title), call in self.faults.items()]
        return "\n\n".join([*found, *self.errors])


class SharedTransaction:
    """The application for the threads of the server: all use the test's connection, each call is a savepoint."""

    def __init__(self, app: APIFlask) -> None:
        self._app = app
        self._connection = connections["default"]
        self._start = transaction.savepoint()
        self.calls = 0
        self.tracebacks: list[str] = []

    def note(self, sender: object, exception: BaseException, **_: object) -> None:
        self.tracebacks.append("".join(traceback.format_exception(exception)))

    def begin_anew(self) -> None:
        """All is as in the beginning."""
        connections["default"] = self._connection
        transaction.savepoint_rollback(self._start)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        connections["default"] = self._connection
        self.calls += 1
        before = transaction.savepoint()
        try:
            return self._answer(environ, start_response)
        finally:
            if self._connection.needs_rollback:
                self._connection.needs_rollback = False
                transaction.savepoint_rollback(before)
            else:
                transaction.savepoint_commit(before)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        """The whole answer; of one without an end, a stream of events, the beginning."""
        is_endless = False

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            nonlocal is_endless
            is_endless = ("Content-Type", "text/event-stream") in [
                (name, value.split(";")[0]) for name, value in headers
            ]
            return start_response(status, headers, *more)

        body = self._app(environ, start)
        try:
            return list(itertools.islice(body, 1)) if is_endless else list(body)
        finally:
            if isinstance(body, ClosingIterator):
                body.close()


@contextmanager
def _serving(app: APIFlask) -> Iterator[tuple[SharedTransaction, str]]:
    door = SharedTransaction(app)
    connection = connections["default"]
    connection.inc_thread_sharing()
    got_request_exception.connect(door.note, app)
    server = waitress.create_server(door, host="127.0.0.1", port=0, threads=1)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield door, f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        for one in list(server._map.values()):  # the client keeps its connections
            one.close()
        thread.join(60)
        server.task_dispatcher.shutdown()
        got_request_exception.disconnect(door.note, app)
        door.begin_anew()
        connection.dec_thread_sharing()


@dataclass(frozen=True)
class Plan:
    """What a run does.

    `examples`: how many for each operation, at most. `scenarios`: how many chains of calls along the links.
    `every`: of how many paths one is looked at closely (the phase "coverage"): which, the seed says.
    """

    phases: frozenset[str]
    examples: int
    scenarios: int
    every: int = 1
    seed: int = 1


@contextmanager
def _hooked(name: str, function: Any) -> Iterator[None]:
    schemathesis.hook(name)(function)
    try:
        yield
    finally:
        hooks.unregister(function)


def before_load_schema(context: Any, raw_schema: Any) -> None:
    """Leave the bodies that are whole documents of other standards, such as mails, to `test_submissions.py`.

    Here they could only be made up at random, and no schema says which texts are mails.
    """
    bodies = raw_schema["paths"]["/api/submissions"]["post"]["requestBody"]["content"]
    for kind in set(bodies) - {"application/json"}:
        del bodies[kind]


def run(app: APIFlask, token: str, plan: Plan) -> Outcome:
    """Call every operation, with all checks on."""
    outcome = Outcome()
    with _serving(app) as (door, address), _hooked("before_load_schema", before_load_schema):
        schema = schemathesis.openapi.from_url(
            f"{address}{openapi.PATH}", config=_config(token, address, plan, _not_closely(app, plan))
        )
        last = ""

        def before_call(context: Any, case: Any, kwargs: Any) -> None:
            nonlocal last
            # What one operation took away, the next is to find again; along links it is to be gone.
            if last != case.operation.label and case.meta.phase.name.value != "stateful":
                door.begin_anew()
            last = case.operation.label

        with _hooked("before_call", before_call):
            for event in from_schema(schema).execute():
                _take(event, outcome)
        outcome.calls = door.calls
        outcome.errors.extend(dict.fromkeys(door.tracebacks))
    return outcome


def _not_closely(app: APIFlask, plan: Plan) -> list[str]:
    with app.app_context():
        document: Any = app.spec
    return [path for path in document["paths"] if zlib.crc32(path.encode()) % plan.every != plan.seed % plan.every]


def _config(token: str, address: str, plan: Plan, not_closely: list[str]) -> SchemathesisConfig:
    passed_over = [{"include-path": not_closely, "phases": {"coverage": {"enabled": False}}}] if not_closely else []
    return SchemathesisConfig.from_dict(
        {
            "seed": plan.seed,
            "base-url": address,
            "headers": {TOKEN_HEADER: token},
            "request-timeout": 60,
            "continue-on-failure": True,
            "suppress-health-check": ["all"],
            "warnings": False,
            "checks": {
                "enabled": True,
                "positive_data_acceptance": {"expected-statuses": _ACCEPTED},
                "negative_data_rejection": {"expected-statuses": _REFUSED},
            },
            "generation": {"max-examples": plan.examples, "deterministic": True, "database": "none", "no-shrink": True},
            "phases": {
                "examples": {"enabled": "examples" in plan.phases},
                "coverage": {"enabled": "coverage" in plan.phases},
                "fuzzing": {"enabled": "fuzzing" in plan.phases},
                "stateful": {"enabled": "stateful" in plan.phases, "generation": {"max-examples": plan.scenarios}},
            },
            "operations": [*EXCEPTIONS, *passed_over],
        }
    )


def _take(event: object, outcome: Outcome) -> None:
    if isinstance(event, events.NonFatalError):
        outcome.errors.append(f"{event.label}: {event.info.message}")
    elif isinstance(event, events.FatalError):
        raise event.exception
    elif isinstance(event, events.ScenarioFinished):
        _take_scenario(event, outcome)


def _take_scenario(event: events.ScenarioFinished, outcome: Outcome) -> None:
    for case_id, nodes in event.recorder.checks.items():
        case = event.recorder.cases[case_id].value
        outcome.operations.add(case.operation.label)
        for node in nodes:
            outcome.checks[node.name] += 1
            if node.failure_info is None:
                continue
            failure = node.failure_info.failure
            interaction = event.recorder.interactions.get(case_id)
            said = interaction.response.content[:300] if interaction and interaction.response else b""
            call = f"{event.phase.value}: {failure.message}\n{node.failure_info.code_sample}\n{said!r}"
            outcome.faults.setdefault((case.operation.label, node.name, failure.title), call)
