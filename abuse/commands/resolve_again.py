"""`resolve-again`: whose are the things in reports without a customer, now?"""

from __future__ import annotations

from datetime import UTC, datetime

import click

from abuse.config import current
from abuse.pipeline.late import Resolved, resolve_since
from abuse.services.facade import ServiceError


@click.command("resolve-again")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Reports made on that day (UTC) or later.")
@click.option("--dry-run", is_flag=True, help="Say which reports would get a customer, and change nothing.")
def command(since: datetime | None, dry_run: bool) -> None:
    """Ask the CRM again about reports of nobody it knew: new, archived by the desk itself, or waiting for validation.

    Where it knows now, the report gets its customer and the rules decide on it as on any other. Workers do the same by
    themselves, for PIPELINE.late_resolution_days; so far back this goes, too, without --since. Example:

        python main.py resolve-again --since 2026-11-01 --dry-run
    """
    total = Resolved()
    try:
        for resolved in resolve_since(since.replace(tzinfo=UTC) if since else None, current(), dry_run=dry_run):
            total += resolved
            for pk in resolved.reports if dry_run else ():
                click.echo(f"report {pk} would get a customer")
    except ServiceError as error:
        raise click.ClickException(f"{error} ({total.asked} reports were asked about before)") from None
    failed = f", {total.failed} could not be settled (see the log)" if total.failed else ""
    verb = "would get" if dry_run else "got"
    click.echo(f"{total.asked} reports without a customer were asked about: {total.found} {verb} one{failed}.")
    if total.failed:
        raise SystemExit(1)
