"""`import-customers`: fill the customer directory from a file."""

from __future__ import annotations

from pathlib import Path

import click

from abuse.controllers.customers_file import read_customers
from abuse.controllers.directory import MAX_FAULTS, ImportResult, import_customers


@click.command("import-customers")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would change and change nothing.")
@click.option("--replace", is_flag=True, help="Remove the customers and services that FILE does not name.")
def import_customers_command(file: Path, dry_run: bool, replace: bool) -> None:
    """Import customers, their services and who has had which network or domain.

    FILE is JSON or CSV (docs/reference/customers-file.md). All of it is imported, or nothing when anything is wrong
    with it; then the exit code is 1. Importing the same file again changes nothing.

    \b
    Example:
      python main.py import-customers demo/customers.json --dry-run
      python main.py import-customers demo/customers.json
    """
    try:
        result = import_customers(read_customers(file), dry_run=dry_run, replace=replace)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error}") from None
    if result.faults:
        _show_faults(file, result)
        raise SystemExit(1)
    _show_counts(file, result, dry_run=dry_run)


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
