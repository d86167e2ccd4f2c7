"""`run-worker`: the hands."""

from __future__ import annotations

import click

from abuse.config import current
from abuse.pipeline.context import parser_context
from abuse.worker import make_worker


@click.command("run-worker")
@click.option("--queues", help="Names of queues, separated by commas, most urgent first. Default: all of them.")
@click.option("--burst", is_flag=True, help="Stop when nothing waits.")
def command(queues: str | None, burst: bool) -> None:
    """Work on jobs until told to stop (SIGTERM finishes the job in hand). Example:

    python main.py run-worker --queues default,email
    """
    configured = current().queues
    names = [configured.email.name, configured.default.name, configured.kpi.name]
    if queues is not None:
        names = [name.strip() for name in queues.split(",") if name.strip()]
        if not names:
            raise click.UsageError(f"--queues {queues!r}: expected names such as default,email")
    parser_context(current())  # templates are read here, once, and not by every job's process
    # RQ's own scheduler hands over delayed jobs; one worker at a time does it, whichever holds the lock.
    make_worker(names).work(burst=burst, with_scheduler=not burst, logging_level="WARNING")
