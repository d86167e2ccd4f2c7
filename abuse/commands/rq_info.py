"""`rq-info`: RQ's own view of queues and workers."""

from __future__ import annotations

import subprocess
import sys

import click

from abuse.queues import redis_url


@click.command("rq-info")
@click.argument("options", nargs=-1)
def command(options: tuple[str, ...]) -> None:
    """Show queues, workers and jobs as `rq info` does, on the Redis of the settings. Example:

    python main.py rq-info
    """
    # The address holds the password: it goes through the environment, not the argument list that everybody can read.
    import os

    environment = {**os.environ, "RQ_REDIS_URL": redis_url()}
    raise SystemExit(
        subprocess.run([sys.executable, "-m", "rq.cli", "info", *options], env=environment, check=False).returncode
    )
