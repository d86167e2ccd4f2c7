"""The RQ worker, with Django's connections looked after and a door-keeper: it runs functions of `abuse.tasks` only."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import rq
from django.db import close_old_connections, connections
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from rq.executions import Execution
from rq.job import Job

from abuse.queues import PlainDataSerializer, connection, impatient_connection, queue_by_name
from abuse.services.shared import LEFT_ALONE
from abuse.utils.children import let_forks_die_with_us
from abuse.utils.stopping import ask_to_stop

TASK = re.compile(r"abuse\.tasks\.[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")

SHARED_SECONDS = 0.5
"""For which Redis is waited for about what other workers know."""


class TaskRefused(Exception):
    """A job that names something else than a function of `abuse.tasks`."""


def check_task(name: str) -> None:
    """Refuse anything but a public function that a module of `abuse.tasks` defines.

    Whoever can write to Redis can name any function of any library; this is what he cannot make us do.

    :raises TaskRefused: naming what was asked for.
    """
    if not TASK.fullmatch(name):
        raise TaskRefused(f"{name!r}: expected abuse.tasks.<module>.<function>")
    module_name, _, function_name = name.rpartition(".")
    function = getattr(importlib.import_module(module_name), function_name, None)
    if not callable(function) or not str(getattr(function, "__module__", "")).startswith("abuse.tasks."):
        raise TaskRefused(f"{name!r}: no function of that name is defined in {module_name}")


@contextlib.contextmanager
def sharing_what_is_away() -> Iterator[None]:
    """Each job has a process of its own: what one finds out about systems that are away, the next one is to know."""
    server = impatient_connection(SHARED_SECONDS)
    LEFT_ALONE.share_by(lambda: server)
    try:
        yield
    finally:
        LEFT_ALONE.share_by(None)


class CerberusWorker(rq.Worker):
    """RQ's forking worker: a crash of the work kills the child alone, and no child outlives the worker."""

    def work(self, *args: Any, **kwargs: Any) -> bool:
        # RQ's scheduler would go on for ever without its worker, and nobody could stop a job without one.
        let_forks_die_with_us()
        with sharing_what_is_away():
            return bool(super().work(*args, **kwargs))

    def subscribe(self) -> None:
        """Listen for RQ's commands in a thread that takes no signals.

        Two signals at the same moment, as Ctrl-C in a process group gives them, may both be delivered to another thread
        than the main one, which then goes on waiting for its job: Python runs handlers in the main thread alone.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGALRM})
        try:
            super().subscribe()  # type: ignore[no-untyped-call]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def handle_warm_shutdown_request(self) -> None:
        """The job in hand is asked to come to an end soon."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.horse_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGTERM, lambda *_: ask_to_stop())

    def execute_job(self, job: Job, queue: rq.Queue) -> None:
        # A child that inherits an open connection talks on the parent's socket and ends its session when it exits.
        connections.close_all()
        super().execute_job(job, queue)

    def perform_job(self, job: Job, queue: rq.Queue, execution: Execution) -> bool:
        close_old_connections()
        try:
            return super().perform_job(job, queue, execution)
        finally:
            close_old_connections()


class CerberusJob(Job):
    """A job that checks what it is about to run, and knows neither callbacks nor webhooks."""

    def restore(self, raw_data: Any) -> None:
        super().restore(raw_data)
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None
        self.webhooks = []

    def perform(self) -> Any:
        check_task(self.func_name or "")
        return super().perform()


def make_worker(queues: list[str]) -> CerberusWorker:
    """A worker for the named queues, highest priority first."""
    server = connection()
    # A restart of Redis takes seconds; without patience it would end the worker in the middle of a job.
    server.set_retry(Retry(ExponentialBackoff(cap=1.0, base=0.05), 20))
    return CerberusWorker(
        [queue_by_name(name, CerberusJob) for name in queues],
        connection=server,
        job_class=CerberusJob,
        serializer=PlainDataSerializer,
    )
