"""`initdb`: tables and the rows a desk starts with."""

from __future__ import annotations

import click
from django.core.management import call_command

from abuse.app import create_app, sync_routes
from abuse.seed import load_seed


@click.command("initdb")
def command() -> None:
    """Create or update the tables and add the rows a desk starts with.

    Safe to run again: nothing that is there is changed. Example:

        python main.py initdb
    """
    call_command("migrate", verbosity=0, interactive=False)
    added = load_seed() + sync_routes(create_app())
    click.echo(f"The database is ready; {added} rows were added." if added else "The database was ready already.")
