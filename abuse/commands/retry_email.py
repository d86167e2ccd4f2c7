"""`retry-email`: another try."""

from __future__ import annotations

import click

from abuse.models import Email, EmailState, MoveRefused
from abuse.pipeline.claims import retry
from abuse.queues import ring


@click.command("retry-email")
@click.argument("ids", nargs=-1, type=int)
@click.option("--failed", is_flag=True, help="All mails that failed.")
@click.option("--ignored", is_flag=True, help="All mails that were ignored.")
def command(ids: tuple[int, ...], failed: bool, ignored: bool) -> None:
    """Let failed or ignored mails be worked on again. Example:

    python main.py retry-email --failed
    python main.py retry-email 17 18
    """
    wanted = set(ids)
    states = [state for state, asked in ((EmailState.FAILED, failed), (EmailState.IGNORED, ignored)) if asked]
    if not wanted and not states:
        raise click.UsageError("name mails by their number, or say --failed or --ignored")
    missing = wanted - set(Email.filter(pk__in=wanted).values_list("pk", flat=True))
    if missing:
        raise click.ClickException(f"there is no mail {', '.join(map(str, sorted(missing)))}")
    wanted |= set(Email.filter(state__in=states).values_list("pk", flat=True))
    try:
        count = retry(sorted(wanted))
    except MoveRefused as error:
        raise click.ClickException(str(error)) from None
    ring()
    click.echo(f"{count} mails wait to be worked on again.")
