"""One thread in each process that hears of new events (LISTEN) and hands them to all streams that are open here.

Streams ask the database nothing: however many are open, a new event costs three queries and one connection.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import Error, connection

from abuse.config.web import Streams
from abuse.controllers import event_reading as reading
from abuse.controllers.event_reading import Position
from abuse.controllers.event_rows import CHANNEL
from abuse.models import Event

log = logging.getLogger(__name__)

MAX_QUEUED = 1000
"""Events that wait in a stream whose client reads slowly; then it ends, and its client comes again."""
_IDLE = 5.0
"""Seconds after which the hub looks even though it heard nothing: whether tokens still count, and for lost bells."""
_SOON = 0.1
_AGAIN = 1.0


class TooManyStreams(Exception):
    """There are as many streams as may be. `own`: of this user."""

    def __init__(self, *, own: bool) -> None:
        super().__init__("too many streams")
        self.own = own


@dataclass(eq=False)
class Stream:
    """What one client is to be told. `None` in the queue is the end."""

    user_id: int
    token_id: int
    events: queue.Queue[Event | None] = field(default_factory=lambda: queue.Queue(MAX_QUEUED))

    def put(self, event: Event | None) -> bool:
        try:
            self.events.put_nowait(event)
        except queue.Full:
            return False
        return True


class Hub:
    """The streams of this process. Its thread is there while there are streams."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._thread: threading.Thread | None = None
        self.is_closing = threading.Event()

    def open(self, user_id: int, token_id: int, limits: Streams) -> Stream:
        """A stream that gets every event from now on. It has to be closed.

        :raises TooManyStreams: when there are enough.
        """
        with self._lock:
            if Counter(one.user_id for one in self._streams)[user_id] >= limits.per_user:
                raise TooManyStreams(own=True)
            if len(self._streams) >= limits.total or self.is_closing.is_set():
                raise TooManyStreams(own=False)
            stream = Stream(user_id, token_id)
            self._streams.add(stream)
            if self._thread is None:
                # From before the first stream's client is told where he is: nothing lies in between.
                self._thread = threading.Thread(
                    target=self._listen, args=(reading.now_position(),), name="events", daemon=True
                )
                self._thread.start()
            return stream

    def close(self, stream: Stream) -> None:
        """End a stream."""
        with self._lock:
            self._streams.discard(stream)

    def close_all(self) -> None:
        """End all streams, and take no new ones: the process is to end. Takes no lock, since signals may say so."""
        self.is_closing.set()
        for stream in list(self._streams):
            stream.put(None)

    def count(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def _listen(self, position: Position) -> None:
        try:
            while not self._is_over():
                try:
                    position = self._hear(position)
                except Error as error:
                    log.warning("events: the database cannot be used and is asked again: %s", str(error).strip())
                    connection.close()
                    time.sleep(_AGAIN)
        finally:
            connection.close()

    def _is_over(self) -> bool:
        with self._lock:
            if self._streams and not self.is_closing.is_set():
                return False
            self._thread = None
            return True

    def _hear(self, position: Position) -> Position:
        """Listen and hand out, until nobody is there; where that ended."""
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        while True:
            with self._lock:
                streams = list(self._streams)
            if not streams or self.is_closing.is_set():
                return position
            events = reading.after(position)
            self._hand_out(streams, events)
            if events:
                position = Position.of(events[-1])
            elif connection.connection is not None:
                patience = _SOON if reading.are_some_incomplete() else _IDLE
                for _ in connection.connection.notifies(timeout=patience, stop_after=1):
                    pass

    def _hand_out(self, streams: list[Stream], events: Sequence[Event]) -> None:
        sights = reading.sights_by_token({stream.token_id for stream in streams})
        for stream in streams:
            sight = sights.get(stream.token_id)
            if sight is None:
                self._end(stream)
                continue
            for event in events:
                if reading.may_hear(event, user_id=stream.user_id, sight=sight) and not stream.put(event):
                    self._end(stream)
                    break

    def _end(self, stream: Stream) -> None:
        """Its client is told nothing more; whoever serves it finds the end behind what waits, or that it is closed."""
        self.close(stream)
        stream.put(None)

    def holds(self, stream: Stream) -> bool:
        """Whether a stream goes on."""
        return stream in self._streams


hub = Hub()
"""Of this process."""
