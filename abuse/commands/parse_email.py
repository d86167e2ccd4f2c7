"""`parse-email`: what the parser reads."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from abuse.config import SettingsError, current
from abuse.parsers import ParserContext, parse
from abuse.parsers.feeds.statistics import summarise
from abuse.parsers.flow import parse_with_reading
from abuse.parsers.summary import to_json
from abuse.parsers.templating import explain
from abuse.pipeline.context import parser_context
from abuse.utils.memory import peak_bytes


@click.command("parse-email")
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, in the order of the files.")
@click.option("--explain", "explained", is_flag=True, help="Say which templates were tried, and why one won.")
@click.option("--summary", "summarised", is_flag=True, help="Count what all rows of a feed say, instead of its items.")
def command(files: tuple[str, ...], as_json: bool, explained: bool, summarised: bool) -> None:
    """Parse mails and print what was understood; nothing is stored, no server is needed.

    Exit code 1 when a file could not be read. Example:

        python main.py parse-email --json complaint.eml

    With --summary: a feed of a million rows is read as a whole, and what is in it counted: categories, kinds, networks,
    first and last time, rows that name nothing, columns that no reader knows, seconds, and the peak of memory.

    With --explain: which templates of reporters are for the mail, what each rule took, and why one won.
    """
    try:
        context = parser_context(current())
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    failures = 0
    for name in files:
        if summarised:
            failures += _print_summary(name, context, as_json)
            continue
        seen = _look(name, context, explained)
        failures += seen["error"] is not None
        click.echo(json.dumps(seen, ensure_ascii=False) if as_json else _for_people(seen))
    sys.exit(1 if failures else 0)


def _look(name: str, context: ParserContext, explained: bool) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        return {"file": name, "error": f"{name} cannot be read: {error.strerror}", "seconds": 0.0}
    parsed, reading, message = parse_with_reading(raw, context, "" if name == "-" else Path(name).name)
    seconds = round(time.perf_counter() - start, 6)
    seen = {"file": name, "error": None, "seconds": seconds, **to_json(parsed)}
    if explained:
        seen["explain"] = explain.explain(parsed, reading, message, context)
    return seen


def _print_summary(name: str, context: ParserContext, as_json: bool) -> bool:
    """Print what all of a file says; whether it could not be read."""
    start = time.perf_counter()
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        click.echo(f"{name} cannot be read: {error.strerror}", err=True)
        return True
    counts = summarise(raw, parse(raw, context, "" if name == "-" else Path(name).name), context)
    seconds = time.perf_counter() - start
    counts |= {
        "seconds": round(seconds, 3),
        "rows_per_second": round(counts["rows"] / seconds) if seconds else 0,
        # the kernel counts in kilobytes
        "peak_memory_mb": round(peak_bytes() / 2**20, 1),
    }
    if as_json:
        click.echo(json.dumps({"file": name, **counts}, ensure_ascii=False))
        return False
    click.echo(name)
    for key, value in counts.items():
        shown = [f"{word} {count}" for word, count in value.items()] if isinstance(value, dict) else value
        words = ", ".join(map(str, shown)) if isinstance(shown, list) else shown
        click.echo(f"  {key.replace('_', ' '):24} {words if words not in (None, '') else '-'}")
    return False


def _for_people(seen: dict[str, Any]) -> str:
    if seen["error"]:
        return f"{seen['file']}\n  error      {seen['error']}"
    lines = [seen["file"]]
    for key in ("kind", "category", "provider", "subject", "date", "template"):
        lines.append(f"  {key:10} {seen.get(key)}")
    if seen["reporter_reference"]:
        lines.append(f"  reference  {seen['reporter_reference']}")
    for item in seen["items"]:
        facts = " ".join(str(item[key]) for key in ("port", "protocol", "seen_at") if item.get(key) is not None)
        lines.append(f"  {item['kind']:10} {item['value']} {facts} ({item['place']})")
    lines += [f"  defect     {defect}" for defect in seen.get("defects", [])]
    if "explain" in seen:
        lines.append(explain.for_people(seen["explain"]))
    return "\n".join(lines)
