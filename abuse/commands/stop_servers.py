"""`stop-servers`: stop the embedded servers now."""

from __future__ import annotations

import click

from abuse import embedded
from abuse.config import SettingsError, current


@click.command("stop-servers")
def command() -> None:
    """Stop the embedded PostgreSQL and Valkey. They also stop by themselves when nobody uses them.

    Example:

        python main.py stop-servers
    """
    try:
        directory = current().data_directory / "servers"
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    stopped = embedded.stop(directory)
    click.echo("The embedded servers were stopped." if stopped else "No embedded server was running.")
