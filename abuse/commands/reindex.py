"""`reindex`: make all reports findable anew."""

from __future__ import annotations

import sys

import click

from abuse.controllers.searching import reindex
from abuse.models import Report
from abuse.services.facade import facade
from abuse.services.search import SearchServiceException


@click.command("reindex")
@click.option("--after", type=int, default=0, metavar="ID", help="Begin after this report; else at the first one.")
def command(after: int) -> None:
    """Index all reports anew: after a search system was chosen, lost its index, or customers got other names.

    It may run while the desk works. Example:

        python main.py reindex
    """
    if not facade("SearchServiceBase").is_implemented():
        raise click.ClickException("IMPLEMENTATIONS.SearchServiceBase: no class is configured; nothing to index for")
    last, total = after, Report.filter(pk__gt=after).count()
    try:
        with click.progressbar(length=total, label="Indexing", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
            for last in reindex(after=after):  # noqa: B007 - said when it breaks off
                bar.update(min(200, total - bar.pos))
    except SearchServiceException as error:
        raise click.ClickException(f"{error}\nGo on with: reindex --after {last}") from None
    click.echo(f"{total} reports are indexed.")
