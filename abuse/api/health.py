"""How each part of the desk does, in a word and a sentence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum

import redis
import rq
from apiflask import APIBlueprint
from django.db import Error, connection, transaction
from django.db.models import Count, Min, Q
from django.utils import timezone
from pydantic import Field

from abuse.models import (
    Deadline,
    DeadlineState,
    DriftAlarm,
    Email,
    EmailState,
    OutboxState,
    OutgoingMessage,
)
from abuse.policies import Right
from abuse.queues import impatient_connection, queue
from abuse.services.facade import facade
from abuse.services.shared import LEFT_ALONE

from .access import needs
from .answers import Answer

log = logging.getLogger(__name__)
blueprint = APIBlueprint("health", __name__, url_prefix="/api", tag="Health")

STATEMENT_MILLISECONDS = 2000
REDIS_SECONDS = 1.0
PATIENCE = timedelta(minutes=10)
"""What has been due for longer than that shows that nobody does it."""
SERVICES: Mapping[str, bool] = {
    "ActionServiceBase": True, "CRMServiceBase": True, "EmailServiceBase": True, "PhishingServiceBase": True,
    "StorageServiceBase": True, "KPIServiceBase": False, "ReputationServiceBase": False, "SearchServiceBase": False,
}  # fmt: skip
"""The services, and whether the desk is less than whole without one."""


class State(StrEnum):
    """From well to not working."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


_WORDS = {str(OutboxState.PENDING): f"waiting for over {PATIENCE.seconds // 60} minutes"}
_WORSE = (State.OK, State.DEGRADED, State.DOWN)


class PartHealth(Answer):
    """One part, such as `database`, `workers` or `CRMServiceBase`."""

    name: str
    state: State
    message: str = Field(description="What is known of it; no secrets, no text of senders.")


class Health(Answer):
    """The state is that of the worst part."""

    state: State
    parts: list[PartHealth]


_EXAMPLE = {
    "state": "degraded",
    "parts": [
        {"name": "database", "state": "ok", "message": "answers"},
        {"name": "workers", "state": "down", "message": "none runs; python main.py run-worker starts one"},
    ],
}  # fmt: skip


@blueprint.get("/health")
@needs(Right.LOOK)
@blueprint.output(Health, example=_EXAMPLE)
def show_health() -> Health:
    """Ask how each part of the desk does

    Always 200 with a login; `/api/monitor` says without one whether the server works at all.
    """
    parts = [part for name, ask in _PARTS.items() for part in _asked(name, ask)]
    return Health(state=max((part.state for part in parts), key=_WORSE.index), parts=parts)


def _asked(name: str, ask: Callable[[str], Iterator[PartHealth]]) -> list[PartHealth]:
    try:
        return list(ask(name))
    except (Error, redis.RedisError) as error:
        log.warning("health: %s: %s", name, error)
        return [PartHealth(name=name, state=State.DOWN, message=f"cannot be asked ({type(error).__name__})")]


def _database(name: str) -> Iterator[PartHealth]:
    """The database, and what its rows tell of the others; in one transaction, for its time limit."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(STATEMENT_MILLISECONDS)])
        told = [part for other, ask in _TOLD.items() for part in ask(other)]
    yield PartHealth(name=name, state=State.OK, message="answers")
    yield from told


def _redis(name: str) -> Iterator[PartHealth]:
    server = impatient_connection(REDIS_SECONDS)
    waiting = {role: queue(role, server).count for role in ("email", "default", "kpi")}
    words = ", ".join(f"{role} {count}" for role, count in waiting.items())
    yield PartHealth(name=name, state=State.OK, message=f"answers; waiting jobs: {words}")
    workers = rq.Worker.count(connection=server)
    said = f"{workers} run" if workers else "none runs; python main.py run-worker starts one"
    yield PartHealth(name="workers", state=State.OK if workers else State.DOWN, message=said)


def _scheduler(name: str) -> Iterator[PartHealth]:
    overdue = Deadline.filter(state=DeadlineState.PENDING, due_at__lt=timezone.now() - PATIENCE).count()
    said = f"{overdue} deadlines are overdue; does run-scheduler run?" if overdue else "nothing is overdue"
    yield PartHealth(name=name, state=State.DEGRADED if overdue else State.OK, message=said)


def _mails(name: str) -> Iterator[PartHealth]:
    waiting = Q(state__in=[EmailState.RECEIVED, EmailState.PROCESSING])
    live = Email.filter(waiting | Q(state=EmailState.FAILED))
    found = live.aggregate(failed=Count("pk", filter=Q(state=EmailState.FAILED)), at=Min("received_at", filter=waiting))
    failed, oldest = found["failed"], found["at"]
    late = oldest is not None and oldest < timezone.now() - PATIENCE
    words = [f"{failed} could not be worked off and wait for a person"] if failed else []
    words += [f"the oldest has waited since {oldest:%Y-%m-%d %H:%M} UTC"] if late else []
    yield PartHealth(
        name=name, state=State.DEGRADED if words else State.OK, message="; ".join(words) or "none is late or failed"
    )


def _outbox(name: str) -> Iterator[PartHealth]:
    late = Q(state=OutboxState.PENDING, created_at__lt=timezone.now() - PATIENCE)
    rows = OutgoingMessage.filter(late | Q(state__in=[OutboxState.FAILED, OutboxState.UNCERTAIN]))
    bad = dict(rows.values_list("state").annotate(number=Count("pk")).order_by())
    words = [f"{count} {_WORDS.get(state, state)}" for state, count in sorted(bad.items())]
    said = "; ".join(words) or "nothing is late, failed or uncertain"
    yield PartHealth(name=name, state=State.DEGRADED if words else State.OK, message=said)


def _reporters(name: str) -> Iterator[PartHealth]:
    number = DriftAlarm.filter(settled_at__isnull=True).count()
    said = f"{number} changed their format, as it seems; status names them" if number else "none changed its format"
    yield PartHealth(name=name, state=State.DEGRADED if number else State.OK, message=said)


def _services(name: str) -> Iterator[PartHealth]:
    for base, needed in SERVICES.items():
        if facade(base).is_implemented():
            yield PartHealth(name=base, state=State.OK, message="is set up")
        else:
            state = State.DEGRADED if needed else State.OK
            yield PartHealth(name=base, state=state, message=f"IMPLEMENTATIONS.{base} names no class")
    alone = LEFT_ALONE.names()
    said = f"left alone since they do not answer: {', '.join(alone)}" if alone else "none is left alone"
    yield PartHealth(name="neighbours", state=State.DEGRADED if alone else State.OK, message=said)


_TOLD: Mapping[str, Callable[[str], Iterator[PartHealth]]] = {
    "scheduler": _scheduler,
    "mails": _mails,
    "outbox": _outbox,
    "reporters": _reporters,
}
_PARTS: Mapping[str, Callable[[str], Iterator[PartHealth]]] = {
    "database": _database,
    "redis": _redis,
    "services": _services,
}
