"""The doorbells: RQ queues on Redis. What waits is always a row in PostgreSQL; a job only says "look".

So a lost Redis loses nothing: the sweeper rings again for every row that waits.
"""

from __future__ import annotations

import io
import logging
import os
import pickle
from functools import cache
from typing import Any
from urllib.parse import quote

import redis
import rq
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.job import Job

from abuse import embedded
from abuse.config import current

log = logging.getLogger(__name__)

WORK_THE_INBOX = "abuse.tasks.email.work_the_inbox"
SEND_THE_OUTBOX = "abuse.tasks.outbox.send_the_outbox"
SEND_WEBHOOKS = "abuse.tasks.webhooks.send_webhooks"
LOOK_UP_NAMES = "abuse.tasks.lookups.look_up_names"
ASK_AGAIN = "abuse.tasks.late.ask_again"
_MAX_BELLS = 8
"""More waiting bells than that say nothing new: each one drains all that waits."""


class PlainDataSerializer:
    """RQ's own format without its danger: reads pickles that hold plain data only, so Redis can never make us run code.

    A job that any program enqueues with plain RQ is a tuple of strings, numbers, lists and dicts; that is all we take.
    """

    @staticmethod
    def dumps(obj: Any) -> bytes:
        return pickle.dumps(obj, protocol=4)

    @staticmethod
    def loads(data: bytes) -> Any:
        return _PlainUnpickler(io.BytesIO(data)).load()


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        raise pickle.UnpicklingError(
            f"a job holds {module_name}.{global_name}; expected text, numbers, lists and dictionaries only"
        )


_connections: dict[int, redis.Redis] = {}


def connection() -> redis.Redis:
    """The connection of this process to Redis; starts the embedded server when the settings name none."""
    pid = os.getpid()
    if pid not in _connections:
        _connections[pid] = _connect()
    return _connections[pid]


@cache
def impatient_connection(seconds: float) -> redis.Redis:
    """A connection for those who must not wait: each word of the server may take so long at most."""
    return _connect(socket_timeout=seconds, socket_connect_timeout=seconds)


def _connect(**bounds: float) -> redis.Redis:
    settings = current()
    # Once more at once, in case the server was restarted; not longer, since intake would wait for a mere doorbell.
    retry = Retry(NoBackoff(), 1)
    if settings.uses_embedded_redis:
        return redis.Redis.from_url(redis_url(), retry=retry, **bounds)
    configured = settings.redis
    common: dict[str, Any] = {
        **bounds,
        "retry": retry,
        "db": configured.db,
        "username": configured.username,
        "password": configured.password.get_secret_value() if configured.password else None,
    }
    if configured.socket:
        return redis.Redis(unix_socket_path=configured.socket, **common)
    return redis.Redis(host=configured.host or "", port=configured.port, ssl=configured.ssl, **common)


def redis_url() -> str:
    """The URL of the Redis in use, password included, for RQ's own command-line tools."""
    settings = current()
    if settings.uses_embedded_redis:
        return embedded.start(settings.data_directory / "servers").valkey.url
    configured = settings.redis
    user = quote(configured.username or "", safe="")
    secret = quote(configured.password.get_secret_value(), safe="") if configured.password else ""
    login = f"{user}:{secret}@" if user or secret else ""
    if configured.socket:
        return f"unix://{login}{configured.socket}?db={configured.db}"
    return f"redis{'s' if configured.ssl else ''}://{login}{configured.host}:{configured.port}/{configured.db}"


def queue(role: str, server: redis.Redis | None = None) -> rq.Queue:
    """The queue that the settings give to a role: `default`, `email` or `kpi`. `server`: by another connection."""
    configured = getattr(current().queues, role)
    return rq.Queue(
        configured.name,
        default_timeout=configured.default_timeout,
        connection=server or connection(),
        serializer=PlainDataSerializer,
    )


def queue_by_name(name: str, job_class: type[Job] = Job) -> rq.Queue:
    """A queue by the name it has in Redis, with the time limit that the settings give it.

    `job_class`: what the jobs become that the queue itself reads, such as those whose worker died.
    """
    for configured in (current().queues.default, current().queues.email, current().queues.kpi):
        if configured.name == name:
            return rq.Queue(
                name,
                default_timeout=configured.default_timeout,
                connection=connection(),
                job_class=job_class,
                serializer=PlainDataSerializer,
            )
    return rq.Queue(name, connection=connection(), job_class=job_class, serializer=PlainDataSerializer)


def enqueue_on_commit(task: str, *args: Any, role: str = "default", **kwargs: Any) -> None:
    """Enqueue a task by its dotted name once the present transaction is committed; at once outside of one."""
    transaction.on_commit(lambda: _enqueue(task, args, kwargs, role), robust=True)


def ring_on_commit() -> None:
    """Tell the workers, after the commit, that mails wait."""
    transaction.on_commit(ring, robust=True)


def ring() -> bool:
    """Tell the workers that mails wait. False when Redis could not be reached: the sweeper will ring again."""
    try:
        inbox = queue("email")
        if inbox.count < _MAX_BELLS:
            inbox.enqueue(WORK_THE_INBOX, result_ttl=0, failure_ttl=3600)
    except redis.RedisError as error:
        log.warning("the doorbell was not rung, the sweeper will do it: %s", error)
        return False
    return True


def ring_at_most_every(seconds: int, task: str) -> bool:
    """Enqueue a task now, unless that was done within so many seconds; whether it was done."""
    try:
        if not connection().set(f"cerberus:rung:{task}", 1, nx=True, ex=seconds):
            return False
    except redis.RedisError as error:
        log.warning("%s was not enqueued, the sweeper will see to it: %s", task, error)
        return False
    _enqueue(task, (), {}, "default")
    return True


def heard(task: str) -> None:
    """Said by a worker that begins such a task: from now on it may be enqueued again."""
    try:
        connection().delete(f"cerberus:rung:{task}")
    except redis.RedisError as error:
        log.warning("%s cannot be enqueued again for a while: %s", task, error)


def _enqueue(task: str, args: tuple[Any, ...], kwargs: dict[str, Any], role: str) -> None:
    try:
        queue(role).enqueue_call(task, args=args, kwargs=kwargs, result_ttl=500, failure_ttl=86_400)
    except redis.RedisError as error:
        log.warning("%s was not enqueued, the sweeper will see to what it was for: %s", task, error)
