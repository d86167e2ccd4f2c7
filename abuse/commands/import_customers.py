"""`import-customers`: fill the customer directory from a file, or from a database that is only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from abuse.controllers.customers_file import read_customers
from abuse.controllers.customers_sql import SourceError, query_customers
from abuse.controllers.directory import MAX_FAULTS, ImportResult, import_customers
from abuse.services.crm.records import CustomerRecord, Fault

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("import-customers")
@click.argument("file", type=_FILE, required=False)
@click.option("--dsn-file", type=_FILE, help="Instead of FILE: a file that names the database to read from.")
@click.option("--query-file", type=_FILE, help="A file with the one SELECT to read with.")
@click.option("--dry-run", is_flag=True, help="Say what would change and change nothing.")
@click.option("--replace", is_flag=True, help="Remove the customers and services that are not named.")
def import_customers_command(
    file: Path | None, dsn_file: Path | None, query_file: Path | None, dry_run: bool, replace: bool
) -> None:
    """Import customers, their services and who has had which network or domain.

    FILE is JSON or CSV (docs/reference/customers-file.md). Or the rows of one query are read, from PostgreSQL or
    SQLite; its columns are those of the CSV. All of it is imported, or nothing when anything is wrong with it; then the
    exit code is 1. Importing the same again changes nothing.

    \b
    Examples:
      python main.py import-customers demo/customers.json --dry-run
      python main.py import-customers demo/customers.json
      python main.py import-customers --dsn-file /etc/cerberus/crm.dsn --query-file customers.sql --dry-run
    """
    source, document = _source(file, dsn_file, query_file)
    try:
        result = import_customers(document, dry_run=dry_run, replace=replace)
    except OSError as error:
        raise click.ClickException(f"{source} cannot be read: {error}") from None
    except SourceError as error:
        raise click.ClickException(f"{error}; nothing was imported") from None
    if result.faults:
        _show_faults(source, result)
        raise SystemExit(1)
    _show_counts(source, result, dry_run=dry_run)


def _source(
    file: Path | None, dsn_file: Path | None, query_file: Path | None
) -> tuple[Path, Iterator[CustomerRecord | Fault]]:
    if file is not None and dsn_file is None and query_file is None:
        return file, read_customers(file)
    if file is None and dsn_file is not None and query_file is not None:
        try:
            dsn, query = (path.read_text(encoding="utf-8") for path in (dsn_file, query_file))
        except (OSError, UnicodeDecodeError) as error:
            raise click.ClickException(f"{dsn_file} and {query_file} cannot be read: {error}") from None
        return query_file, query_customers(dsn, query, base=dsn_file.parent)
    raise click.UsageError("expected FILE alone, or --dsn-file and --query-file")


def _show_faults(file: Path, result: ImportResult) -> None:
    for fault in result.faults:
        click.echo(f"  {fault}", err=True)
    count = f"the first {MAX_FAULTS} faults" if len(result.faults) == MAX_FAULTS else f"{len(result.faults)} fault(s)"
    click.echo(f"{file}: {count}; nothing was imported", err=True)


def _show_counts(file: Path, result: ImportResult, *, dry_run: bool) -> None:
    click.echo(f"{file}: {'would be imported; nothing was changed' if dry_run else 'imported'}")
    click.echo(f"  {'':<10}{'added':>9}{'changed':>9}{'unchanged':>11}{'removed':>9}")
    for name, counts in (
        ("customers", result.customers),
        ("services", result.services),
        ("resources", result.resources),
    ):
        click.echo(f"  {name:<10}{counts.added:>9}{counts.changed:>9}{counts.unchanged:>11}{counts.removed:>9}")
    if result.asked_again:
        click.echo(f"  {result.asked_again} reports without a customer are asked about again by the next workers")
    for warning in result.warnings:
        click.echo(f"  warning: {warning}", err=True)
