"""`storage`: looking after what is kept."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeVar, cast

import click
from pydantic import ValidationError

from abuse.bootstrap import build_service
from abuse.config import current
from abuse.config.schema import Implementation
from abuse.services.facade import ServiceError
from abuse.services.storage import StorageService, StorageServiceBase, StorageServiceException
from abuse.services.storage.copying import Outcome, copy_all
from abuse.services.storage.sealing import new_key
from abuse.services.storage.verifying import count_references, verify

T = TypeVar("T")
MAX_SHOWN = 1000
"""Objects that are listed one by one; the rest is counted."""


@click.group("storage")
def command() -> None:
    """Check and move raw mails and attachments, make keys for their encryption.

    Examples:

        python main.py storage verify

        python main.py storage copy --to abuse.services.storage.s3.S3Storage --config s3.json
    """


@command.command("verify")
def verify_all() -> None:
    """Read every object that a row names; exit code 1 when one is missing or altered."""
    counts: Counter[str] = Counter()
    shown = 0
    with _progress(verify(), length=count_references(), label="Reading") as found:
        for checked in found:
            counts[checked.fault or "well"] += 1
            if checked.fault is not None and (shown := shown + 1) <= MAX_SHOWN:
                one = checked.reference
                click.echo(f"{checked.fault:10} {one.key[:80]}  {one.table} {one.row}: {checked.said}")
    faults = counts.total() - counts["well"]
    if shown > MAX_SHOWN:
        click.echo(f"… and {shown - MAX_SHOWN} more")
    click.echo(f"{counts.total()} rows name an object; {faults} of them in vain{_by_kind(counts)}.")
    if faults:
        raise SystemExit(1)


@command.command("copy")
@click.option("--to", "class_path", required=True, metavar="CLASS", help="The class to copy to.")
@click.option(
    "--config", type=click.File(encoding="utf-8"), metavar="FILE", help="Its config as a JSON file, or - for input."
)
def copy(class_path: str, config: TextIO | None) -> None:
    """Copy all objects of the configured storage to another one.

    What is there already is left alone, so it can be run again. Stop the desk, run it once more, and only then name the
    other storage in the settings; `storage verify` says whether all went well. Exit code 1 when an object is at fault.
    """
    target = _target(class_path, config)
    counts: Counter[str] = Counter()
    try:
        with _progress(copy_all(StorageService, target), length=None, label="Copying") as copied:
            for one in copied:
                counts[one.outcome] += 1
                if one.outcome == Outcome.NOT_COPIED and counts[one.outcome] <= MAX_SHOWN:
                    click.echo(f"{one.outcome} {one.name}: {one.said}")
    except StorageServiceException as error:
        raise click.ClickException(str(error)) from None
    click.echo(", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome) + ".")
    if counts[Outcome.NOT_COPIED]:
        raise SystemExit(1)


@command.command("new-key")
def print_new_key() -> None:
    """Print a fresh key for EncryptedStorage. Keep it well: without it nothing can be read."""
    click.echo(new_key())


def _target(class_path: str, config: TextIO | None) -> StorageServiceBase:
    try:
        described = Implementation.model_validate({"class": class_path, "config": json.load(config) if config else {}})
        return cast("StorageServiceBase", build_service(StorageServiceBase, described, current()))
    except ValidationError as error:
        raise click.ClickException(f"--to, --config: {error.errors(include_url=False)[0]['msg']}") from None
    except (ImportError, AttributeError, ServiceError, TypeError, ValueError, OSError) as error:
        raise click.ClickException(f"{class_path}: {error}") from None


@contextmanager
def _progress(rows: Iterable[T], *, length: int | None, label: str) -> Iterator[Iterable[T]]:
    """The rows, with a bar where somebody looks at it."""
    with click.progressbar(rows, length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield bar


def _by_kind(counts: Counter[str]) -> str:
    kinds = [f"{count} {kind}" for kind, count in sorted(counts.items()) if kind != "well"]
    return f" ({', '.join(kinds)})" if kinds else ""
