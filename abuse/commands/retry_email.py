"""`retry-email`: another try."""

from __future__ import annotations

import sys

import click

from abuse.config import current
from abuse.models import Email, EmailState, MoveRefused
from abuse.pipeline.claims import retry
from abuse.pipeline.context import parser_context
from abuse.pipeline.rereading import Reread, mails_of, reread_all
from abuse.queues import ring


@click.command("retry-email")
@click.argument("ids", nargs=-1, type=int)
@click.option("--failed", is_flag=True, help="All mails that failed.")
@click.option("--ignored", is_flag=True, help="All mails that were ignored.")
@click.option("--reporter", help="All mails of a reporter, processed ones too: an address, or *@domain.")
def command(ids: tuple[int, ...], failed: bool, ignored: bool, reporter: str | None) -> None:
    """Let failed or ignored mails be worked on again, or read all mails of a reporter again.

    After a template was mended, --reporter reads the stored mails with it: reports get the items they lacked, reports
    that were missed are made, and nothing is doubled. Example:

        python main.py retry-email --failed
    """
    if reporter is not None:
        if ids or failed or ignored:
            raise click.UsageError("--reporter stands alone")
        _read_again(reporter)
        return
    wanted = set(ids)
    states = [state for state, asked in ((EmailState.FAILED, failed), (EmailState.IGNORED, ignored)) if asked]
    if not wanted and not states:
        raise click.UsageError("name mails by their number, or say --failed, --ignored or --reporter")
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


def _read_again(reporter: str) -> None:
    mails = mails_of(reporter)
    if not mails:
        raise click.ClickException(f"there is no mail of {reporter}")
    results: list[Reread] = []
    with click.progressbar(
        reread_all(mails, current(), parser_context(current())),
        length=len(mails),
        label="Reading again",
        hidden=not sys.stdout.isatty(),
    ) as bar:
        results.extend(bar)
    ring()
    for said in sorted({result.said for result in results}):
        numbers = [result.email_id for result in results if result.said == said]
        shown = ", ".join(map(str, numbers[:5])) + (", …" if len(numbers) > 5 else "")
        click.echo(f"{len(numbers):>6} mails: {said} ({shown})")
