"""`rules`: everything about business rules."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from django.utils import timezone

from abuse.controllers.history import robot
from abuse.models import BusinessRules, RuleMode, RulesType
from abuse.rules import files, store
from abuse.rules.engine.errors import DocumentError
from abuse.rules.engine.tree import Rule
from abuse.rules.replay import ReplayRefused, ReplayResult, count_reports, not_replayable, replay
from abuse.rules.texts import RuleTextError, is_bare, read_text

T = TypeVar("T")

MAX_BYTES = 1_000_000
_TYPES = click.Choice(list(RulesType.values), case_sensitive=False)
_type = click.option("--type", "rules_type", type=_TYPES, help="Of this type only.")


@click.group("rules")
def command() -> None:
    """List, check, change, try and exchange business rules.

    Every change is kept as a version and can be taken back. Example:

        python main.py rules test phishing.yml --last 30d
    """


@command.command("list")
@_type
def list_rules(rules_type: str | None) -> None:
    """Show all rules in the order in which they are tried."""
    rows = BusinessRules.all() if rules_type is None else BusinessRules.filter(rules_type=rules_type)
    for row in rows.order_by("rules_type", "order_id", "name"):
        marks = [] if row.is_active else ["inactive"]
        marks += ["shadow"] if row.mode == RuleMode.SHADOW else []
        marks += ["capped"] if row.limits else []
        click.echo(f"{row.rules_type:10} {row.order_id:>5}  v{row.version:<3} {row.name}  {', '.join(marks)}".rstrip())


@command.command("show")
@click.argument("name")
@_type
def show(name: str, rules_type: str | None) -> None:
    """Print a rule, byte for byte as it was written."""
    click.echo(store.text_of(_found(name, rules_type)), nl=False)


@command.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(paths: tuple[Path, ...]) -> None:
    """Check rule files in full and store nothing. Exit code 1 when one is at fault."""
    faulty = False
    for path in paths:
        try:
            rule = store.check_rule(_text_of(path))
            click.echo(f"{path}: {rule.rules_type} rule {rule.name} (order {rule.order_id}) is right")
        except (DocumentError, RuleTextError) as error:
            faulty = True
            click.echo(f"{path}: {_lines(error)}", err=True)
    if faulty:
        raise SystemExit(1)


@command.command("order")
@click.argument("name")
@click.argument("place", type=click.IntRange(0, 2**31 - 1))
@_type
def order(name: str, place: int, rules_type: str | None) -> None:
    """Give a rule another place: lower comes first."""
    row = _refusable(lambda: store.set_order(_found(name, rules_type), place, user=robot()))
    click.echo(f"{row.rules_type} rule {row.name} is at {row.order_id} (version {row.version}).")


@command.command("activate")
@click.argument("name")
@_type
def activate(name: str, rules_type: str | None) -> None:
    """Let a rule take part."""
    _set_active(name, rules_type, True)


@command.command("deactivate")
@click.argument("name")
@_type
def deactivate(name: str, rules_type: str | None) -> None:
    """Let a rule take no part any more; it is kept."""
    _set_active(name, rules_type, False)


@command.command("mode")
@click.argument("name")
@click.argument("mode", type=click.Choice(list(RuleMode.values)))
@_type
def mode(name: str, mode: str, rules_type: str | None) -> None:
    """Let a rule act (live), or only record what it would do (shadow)."""
    row = _refusable(lambda: store.set_mode(_found(name, rules_type), RuleMode(mode), user=robot()))
    click.echo(f"{row.rules_type} rule {row.name} is in {row.mode} mode (version {row.version}).")


@command.command("history")
@click.argument("name")
@_type
def history(name: str, rules_type: str | None) -> None:
    """Show the versions of a rule, newest first."""
    for version in store.versions_of(_found(name, rules_type)):
        who = version.user.username if version.user else "–"
        state = "active" if version.is_active else "inactive"
        click.echo(f"v{version.version:<4} {version.date:%Y-%m-%d %H:%M}  order {version.order_id}, {state}, by {who}")


@command.command("rollback")
@click.argument("name")
@click.argument("version", type=int)
@_type
def rollback(name: str, version: int, rules_type: str | None) -> None:
    """Make a rule what it was in a version."""
    row = _refusable(lambda: store.roll_back(_found(name, rules_type), version, user=robot()))
    click.echo(f"{row.rules_type} rule {row.name} is again as in version {version}; that is version {row.version} now.")


@command.command("export")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@_type
def export(directory: Path, rules_type: str | None) -> None:
    """Write all rules into a directory, one file each, byte for byte as they were written."""
    directory.mkdir(parents=True, exist_ok=True)
    exported = files.export_rules(rules_type)
    for file in exported:
        (directory / file.name).write_bytes(file.text.encode("utf-8"))
    click.echo(f"{len(exported)} rules written to {directory}.")


@command.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="For a bare {conditions, actions} document: what the rule is to be called.")
@click.option("--type", "rules_type", type=_TYPES, help="For a bare document: the type of the rule.")
@click.option("--order", "order_id", type=click.IntRange(0), default=1000, help="For a bare document: its place.")
def import_(paths: tuple[Path, ...], name: str | None, rules_type: str | None, order_id: int) -> None:
    """Add or replace the rules of files, or of all *.yml, *.yaml and *.json in directories: all of them or none.

    Documents of venmo's business-rules, {conditions, actions} or a list of such, are taken with --name and --type.
    """
    found = [file for path in paths for file in _rule_files(path, name, rules_type, order_id)]
    try:
        stored = files.import_rules(found, user=robot())
    except files.ImportRefused as error:
        raise click.ClickException(f"nothing was stored\n{error}") from None
    for row, is_new in stored:
        what = "added" if is_new else f"updated to version {row.version}"
        click.echo(f"{row.rules_type} rule {row.name} (order {row.order_id}) {what}.")


@command.command("test")
@click.argument("rule")
@_type
@click.option("--last", "period", default="30d", show_default=True, help="How far back: 12h, 30d, 4w.")
@click.option("--examples", type=click.IntRange(0, 100), default=5, show_default=True, help="Of each kind of change.")
@click.option("--json", "as_json", is_flag=True, help="Print the result for a program.")
def test(rule: str, rules_type: str | None, period: str, examples: int, as_json: bool) -> None:
    """Try a rule (a file, or the name of a stored one) on the reports of the past, and change nothing.

    Shows how often it would match, what it would do, and which decisions of the present rules would change.
    """
    candidate = _candidate(rule, rules_type)
    since = timezone.now() - _duration(period)
    until = timezone.now()
    try:
        with click.progressbar(length=count_reports(since, until), label="Trying", file=sys.stderr) as bar:
            result = replay(candidate, since=since, until=until, examples=examples, progress=bar.update)
    except ReplayRefused as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(result.to_json(), indent=2, ensure_ascii=False))
    else:
        _print(result, candidate)


def _print(result: ReplayResult, candidate: Rule) -> None:
    click.echo(f"Rule {result.rule} on {result.reports} reports since {result.since:%Y-%m-%d %H:%M} UTC:")
    click.echo(f"  its conditions hold for {result.matches}; it would decide on {result.decides}.")
    if result.actions:
        click.echo("What it would do:")
    for (name, effect), count in result.actions.most_common():
        click.echo(f"  {count:>8}  {name}: {effect}")
    for (name, period, limit), count in result.capped.most_common():
        click.echo(f"  {count:>8}  {name} stopped by its limit of {limit} in a {period.replace('_', ' ')}")
    click.echo(f"Decisions that would change: {result.changed}")
    for (old, new), count in result.changes.most_common():
        click.echo(f"  {count:>8}  {old} -> {new}")
        for example in result.examples[old, new]:
            click.echo(
                f"            report {example.report} of {example.received:%Y-%m-%d} from {example.provider}, "
                f"{example.category}: {example.subject}"
            )
    for name, count in result.failing.items():
        click.echo(f"  {count:>8}  reports would FAIL: variable {name} cannot be asked about them")
    for name, count in result.undecidable.items():
        click.echo(f"  {count:>8}  reports left out: {name} was not kept with them")
    for name, sources in result.not_as_then().items():
        told = ", ".join(f"{count} {_SOURCES[source]}" for source, count in sources.items())
        click.echo(f"Note: {name} was {told}.")
    if result.differs_from_record:
        click.echo(
            f"Note: on {result.differs_from_record} reports the present rules decide otherwise than was decided."
        )
    for name in not_replayable(candidate):
        click.echo(f"Note: {name} is known only for reports on which a rule asked for it when they came in.")
    click.echo(f"Nothing was changed. It took {result.seconds:.1f} s.")


_SOURCES = {
    "recorded": "recorded then",
    "reconstructed": "counted from the rows of that time",
    "today": "taken as it is today",
    "unknown": "not kept",
    "report": "taken from the report",
}


def _candidate(rule: str, rules_type: str | None) -> Rule:
    path = Path(rule)
    try:
        if path.is_file():
            return store.check_rule(_text_of(path))
        return store.check_rule(store.text_of(_found(rule, rules_type)))
    except (DocumentError, RuleTextError) as error:
        raise click.ClickException(f"{rule}: {_lines(error)}") from None


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([hdw])", text.strip().lower())
    if match is None:
        raise click.BadParameter(f"{text!r}; expected a number and h, d or w, such as 30d", param_hint="--last")
    count = int(match[1])
    return {"h": timedelta(hours=count), "d": timedelta(days=count), "w": timedelta(weeks=count)}[match[2]]


def _rule_files(path: Path, name: str | None, rules_type: str | None, order_id: int) -> list[files.RuleFile]:
    if path.is_dir():
        inside = sorted(one for one in path.iterdir() if one.suffix in {".yml", ".yaml", ".json"} and one.is_file())
        return [files.RuleFile(str(one), _text_of(one)) for one in inside]
    text = _text_of(path)
    try:
        document: Any = read_text(text)
        if not (is_bare(document) or isinstance(document, list)):
            return [files.RuleFile(str(path), text)]
        if name is None or rules_type is None:
            raise click.ClickException(f"{path}: a bare document; say what it is with --name and --type")
        whole = files.whole_documents(text, name=name, rules_type=rules_type, order_id=order_id)
    except RuleTextError as error:
        raise click.ClickException(f"{path}: {error}") from None
    return [files.RuleFile(f"{path} [{index}]", one) for index, one in enumerate(whole)]


def _text_of(path: Path) -> str:
    """The text of a file with its line ends as they are."""
    if path.stat().st_size > MAX_BYTES:
        raise click.ClickException(f"{path}: larger than {MAX_BYTES} bytes; expected one rule")
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{path}: not UTF-8: {error}") from None


def _found(name: str, rules_type: str | None) -> BusinessRules:
    return _refusable(lambda: store.find_rule(name, rules_type))


def _set_active(name: str, rules_type: str | None, is_active: bool) -> None:
    row = _refusable(lambda: store.set_active(_found(name, rules_type), is_active, user=robot()))
    state = "active" if row.is_active else "inactive"
    click.echo(f"{row.rules_type} rule {row.name} is {state} (version {row.version}).")


def _refusable(action: Callable[[], T]) -> T:
    try:
        return action()
    except store.RuleNotFound as error:
        raise click.ClickException(str(error)) from None
    except (DocumentError, RuleTextError) as error:
        raise click.ClickException(_lines(error)) from None


def _lines(error: Exception) -> str:
    """All faults of a document, each on a line of its own."""
    return "\n".join(f"  {line}" for line in str(error).splitlines()).lstrip()
