"""`run-scheduler`: what falls due, and bells that were lost."""

from __future__ import annotations

import logging
import signal
import threading
import time

import click
from django.db import Error, close_old_connections

from abuse.config import current
from abuse.sweeper import HOUR, sweep, sweep_slowly

log = logging.getLogger(__name__)


@click.command("run-scheduler")
@click.option("--once", is_flag=True, help="One round, then stop.")
def command(once: bool) -> None:
    """Every few seconds: carry out deadlines that have come, and ring for mails that wait. Example:

    python main.py run-scheduler
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    slow_round = 0.0
    while not stop.is_set():
        close_old_connections()
        try:
            found = sweep()
            if time.monotonic() >= slow_round:
                sweep_slowly()
                slow_round = time.monotonic() + HOUR
            if once:
                click.echo(
                    f"{found.deadlines} deadlines settled, {found.waiting} mails wait, {found.outgoing} to be sent."
                )
                return
        except Error as error:
            # A database that is being restarted: the next round is soon.
            if once:
                raise
            log.warning("the round failed and will be made again: %s", error)
        stop.wait(current().PIPELINE.sweep_seconds)
