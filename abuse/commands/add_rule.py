"""`add-rule`: a rule from a file."""

from __future__ import annotations

from pathlib import Path

import click
import yaml

from abuse.rules.engine.errors import DocumentError
from abuse.rules.store import save_rule

MAX_BYTES = 1_000_000


@click.command("add-rule")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rule", "option", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(file: Path | None, option: Path | None, yes: bool) -> None:
    """Add a rule from a YAML file, or update the one of the same name and type.

    The rule is checked in full first; each fault is named with its place. Exit code 1: nothing was stored.
    Example:

        python main.py add-rule --rule phishing.yml
    """
    path = option or file
    if path is None:
        raise click.UsageError("name the rule's YAML file: add-rule --rule FILE")
    if path.stat().st_size > MAX_BYTES:
        raise click.ClickException(f"{path}: larger than {MAX_BYTES} bytes; expected one rule")
    if not (yes or click.confirm(f"Store the rule of {path}?", default=True)):
        raise click.ClickException("not stored")
    try:
        row, is_new = save_rule(path.read_bytes().decode("utf-8"))
    except DocumentError as error:
        raise click.ClickException(f"{path}: not stored\n{error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path}: not a YAML text: {' '.join(str(error).split())}") from None
    what = "added" if is_new else f"updated to version {row.version}"
    click.echo(f"{row.rules_type} rule {row.name} (order {row.order_id}) {what}.")
