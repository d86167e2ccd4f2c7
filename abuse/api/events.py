"""What happens, as it happens: server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from apiflask import APIBlueprint, HTTPError
from django.db import connection, connections
from flask import Response, request

from abuse.config import current
from abuse.config.web import Streams
from abuse.controllers import event_reading as reading
from abuse.controllers.event_reading import Position
from abuse.models import Event
from abuse.policies import Right

from .access import current_sight, current_token, current_user, needs
from .event_hub import Stream, TooManyStreams, hub

blueprint = APIBlueprint("events", __name__, url_prefix="/api/events", tag="Events")

RETRY_MILLISECONDS = 2000
_LOOK = 1.0
"""Seconds between two looks whether the client is still there."""
_EXAMPLE = (
    "retry: 2000\nid: 811-9223372036854775807-1767225600\nevent: hello\ndata: {}\n\n"
    "id: 812-4711-1767225606\nevent: ticket.status_changed\n"
    'data: {"ticket":{"id":42,"publicId":"BCDFGHJKLM","category":"Phishing","status":"Closed","priority":"Normal"},'
    '"old":"Open","new":"Closed","date":1767225606}\n\n: \n\n'
)
_EVENT = {
    "type": "object",
    "description": "The fields of one event; `data` is JSON.",
    "properties": {
        "event": {"type": "string"},
        "id": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer", "description": "Milliseconds until one may connect again."},
    },
}
_ANSWERS: dict[int, Any] = {
    200: {
        "description": "Events without an end.",
        "content": {"text/event-stream": {"schema": _EVENT, "example": _EXAMPLE}},
    },
    429: "The caller has as many streams open as one may.",
    503: "As many streams are open as the server takes; Retry-After says when to come again.",
}


_LATER = {"Retry-After": "30"}


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.doc(responses=_ANSWERS)
def follow_events() -> Response:
    """Follow what happens to the tickets that one may see

    Server-sent events, as `EventSource` in a browser reads them: `ticket.created`, `ticket.status_changed`,
    `ticket.answered`, `ticket.closed`, `ticket.assigned`, `ticket.changed`, `action.done`, `action.failed`, and
    `notification` for the caller himself. Who comes back with `Last-Event-ID` is given what he missed; if that is not
    kept any more the first event is `reset`, and he has to look at everything anew. Otherwise it is `hello`.
    """
    limits = current().EVENTS.streams
    try:
        stream = hub.open(current_user().pk, current_token().pk, limits)
    except TooManyStreams as error:
        if error.own:
            why = f"Events: {limits.per_user} streams of yours are open; expected fewer"
            raise HTTPError(429, why, headers=_LATER) from None
        raise HTTPError(503, "Events: as many streams are open as may be", headers=_LATER) from None
    try:
        first, position, missed = _missed(request.headers.get("Last-Event-ID", ""))
        lines = _lines(stream, position, first, missed, limits, request.environ.get("waitress.client_disconnected"))
    except BaseException:
        hub.close(stream)
        raise
    response = Response(lines, mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})
    response.call_on_close(lambda: hub.close(stream))
    return response


def _missed(last: str) -> tuple[str, Position, Sequence[Event]]:
    """What a client is told at first, where he is, and what he has missed and may hear."""
    position = reading.read_position(last) if last else None
    if position is not None:
        events = reading.after(position, reading.MAX_BACKLOG + 1)
        if len(events) <= reading.MAX_BACKLOG:
            sight, user_id = current_sight(), current_user().pk
            told = [one for one in events if reading.may_hear(one, user_id=user_id, sight=sight)]
            return "hello", position, told
    return ("reset" if last else "hello"), reading.now_position(), []


def _lines(
    stream: Stream,
    position: Position,
    first: str,
    missed: Sequence[Event],
    limits: Streams,
    is_gone: Callable[[], bool] | None,
) -> Iterator[str]:
    """The text of a stream. Between two events its thread holds no connection to the database."""
    if not connection.in_atomic_block:  # as in tests
        connections.close_all()
    now = time.monotonic()
    end, next_beat = now + limits.max_seconds, now + limits.heartbeat_seconds
    yield f"retry: {RETRY_MILLISECONDS}\n{_message(position, first, {})}"
    for one in missed:
        position = Position.of(one)
        yield _event(one)
    while (now := time.monotonic()) < end and not hub.is_closing.is_set() and not (is_gone and is_gone()):
        try:
            event = stream.events.get(timeout=min(_LOOK, max(next_beat - now, 0.01)))
        except queue.Empty:
            if not hub.holds(stream):
                return
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + limits.heartbeat_seconds
                yield ": \n\n"
            continue
        if event is None:
            return
        if Position.of(event) > position:  # what was missed was there twice
            position = Position.of(event)
            yield _event(event)


def _event(event: Event) -> str:
    return _message(Position.of(event), event.kind, {**event.data, "date": int(event.date.timestamp())})


def _message(position: Position, kind: str, data: dict[str, Any]) -> str:
    # JSON without line ends: none can be forged within the data.
    text = json.dumps(data, separators=(",", ":"))
    return f"id: {position.as_text()}\nevent: {kind}\ndata: {text}\n\n"
