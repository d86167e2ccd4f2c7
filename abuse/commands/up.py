"""`up`: the whole desk on one machine."""

from __future__ import annotations

import signal
import sys
import threading

import click

from abuse.config import current
from abuse.supervisor import Part, Supervisor


@click.command("up")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="How many workers.")
def command(workers: int) -> None:
    """Run servers, API, workers, scheduler and fetcher in one process group; one Ctrl-C ends all.

    A part that dies is started again. Exit code 1 when a part cannot be kept running. Example:

        python main.py up --workers 2
    """
    settings = current()
    python = (sys.executable, "main.py")
    parts = [
        Part("api", (*python, "run", "--production")),
        *(Part(f"worker-{number}", (*python, "run-worker")) for number in range(1, workers + 1)),
        Part("scheduler", (*python, "run-scheduler")),
        Part("fetcher", (*python, "fetch-email", "--listen")),
    ]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    supervisor = Supervisor(parts, say=click.echo)
    address = f"http://{settings.API.host}:{settings.API.port}/api/"
    click.echo(
        f"API on {address}, mail by {settings.EMAIL_LISTENER.protocol.upper()} on port {settings.EMAIL_LISTENER.port}."
    )
    raise SystemExit(0 if supervisor.run(stop) else 1)
