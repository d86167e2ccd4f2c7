"""`check-templates`: are the templates of reporters well, and do they read what they should?"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from abuse.config import SettingsError, current
from abuse.parsers import ParsedEmail, ParserContext, parse
from abuse.parsers.flow import parse_with_reading
from abuse.parsers.templating import Fault, Loaded, TemplateSet, check, explain, load, read_directory, shipped
from abuse.parsers.templating.check import Read
from abuse.parsers.templating.compiled import Template
from abuse.parsers.templating.load import SHIPPED
from abuse.pipeline.context import parser_context


@click.command("check-templates")
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path), help="Instead of PARSER.templates of the settings."
)
@click.option("--mail", type=click.Path(allow_dash=True), help="Show what every matching template finds in this mail.")
@click.option("--write-missing", is_flag=True, help="Write what is read in samples that have no expectation yet.")
@click.option("--all", "everything", is_flag=True, help="Check the templates that come with Cerberus, too.")
def command(directory: Path | None, mail: str | None, write_missing: bool, everything: bool) -> None:
    """Check templates of reporters: the files, and each sample against what must be read in it.

    Needs no database. Without a directory of your own the shipped templates are checked. Exit code 1 when anything is
    wrong. Examples:

        python main.py check-templates --dir /etc/cerberus/templates

        python main.py check-templates --mail complaint.eml
    """
    settings_context, directory = _from_settings(directory)
    templates, faults = load(directory)
    if mail is not None:
        _show_mail(mail, replace(settings_context, templates=templates))
        sys.exit(1 if _print_faults(faults) else 0)
    # Samples are read without the desk's own names and networks: what is expected holds everywhere.
    context = ParserContext(templates=templates)

    def read(raw: bytes) -> ParsedEmail:
        return parse(raw, context)

    wrong = _print_faults(faults)
    rows: list[tuple[str, str, str]] = []
    for where, loaded in _checked(directory, everything):
        for template in loaded.templates:
            row, differences = _check(template, where, templates, read, write_missing)
            rows.append(row)
            wrong += differences
    _print_table(rows)
    if wrong:
        click.echo(f"{wrong} fault(s)", err=True)
    sys.exit(1 if wrong else 0)


def _from_settings(directory: Path | None) -> tuple[ParserContext, Path | None]:
    try:
        settings = current()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    return parser_context(settings), directory or settings.templates_directory


def _checked(directory: Path | None, everything: bool) -> list[tuple[Path, Loaded]]:
    checked = [(SHIPPED, shipped())] if everything or directory is None else []
    return checked + ([(directory, read_directory(directory))] if directory else [])


def _check(
    template: Template, where: Path, templates: TemplateSet, read: Read, write_missing: bool
) -> tuple[tuple[str, str, str], int]:
    """The table's row for a template, and how many differences were printed."""
    if templates.by_name[template.name].origin != template.origin:
        return (template.name, "–", "replaced by your own"), 0
    mails = check.samples(where, template.name)
    if write_missing:
        for mail in mails:
            try:
                written = check.write_missing(mail, read)
            except OSError as error:
                raise click.ClickException(f"{mail}: {error.strerror}") from None
            if written:
                click.echo(f"{written}: written; see that it is right")
    results = [check.run(mail, template.name, read) for mail in mails]
    for result in results:
        for difference in result.differences:
            click.echo(f"{result.mail}: {difference}")
    failed = sum(bool(result.differences) for result in results)
    verdict = "no sample" if not mails else "ok" if not failed else f"{failed} of {len(mails)} WRONG"
    return (template.name, str(len(mails)), verdict), sum(len(result.differences) for result in results)


def _print_faults(faults: tuple[Fault, ...]) -> int:
    for fault in faults:
        click.echo(str(fault))
    return len(faults)


def _print_table(rows: list[tuple[str, str, str]]) -> None:
    width = max([len("template"), *(len(row[0]) for row in rows)])
    click.echo(f"{'template':{width}}  samples  result")
    for name, samples, verdict in rows:
        click.echo(f"{name:{width}}  {samples:>7}  {verdict}")


def _show_mail(name: str, context: ParserContext) -> None:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{name} cannot be read: {error.strerror}") from None
    explained = explain.explain(*parse_with_reading(raw, context), context)
    click.echo(name)
    click.echo(explain.for_people(explained))
