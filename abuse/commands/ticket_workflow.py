"""`ticket-workflow`: one pass over what falls due."""

from __future__ import annotations

import click

from abuse.controllers.workflow import run_due


@click.command("ticket-workflow")
def command() -> None:
    """Carry out every deadline that has come, once. `run-scheduler` does the same all the time. Example:

    python main.py ticket-workflow
    """
    click.echo(f"{run_due()} deadlines were settled.")
