"""What somebody wrote who was asked for a source port, a time or an address: read from his own words alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import re2

from . import eventtimes, extraction, replies
from .context import ParserContext
from .values import ParsedItem

MAX_TEXT = 20_000
MAX_LINES = 200
MAX_OBSERVATIONS = 50
_NAMED_PORT = re2.compile(r"(?i)\b(?:ports?|sport|spt|src_?port)\b[^0-9\n]{0,30}(\d{1,5})\b")
_BARE = re2.compile(r"^[^0-9]{0,20}(\d{2,5})[ .]*$")


@dataclass(frozen=True, slots=True)
class Observation:
    """A port and a moment that belong together; either may be missing. `host`: the address that stood beside them."""

    port: int | None = None
    seen_at: datetime | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class DataAnswer:
    """`text`: without what is quoted. `items`: what it names. Times without a zone are none: they say too little."""

    text: str
    observations: tuple[Observation, ...] = ()
    items: tuple[ParsedItem, ...] = ()


def read(body: str, context: ParserContext) -> DataAnswer:
    """Ports, times and items of an answer. What stands in one line belongs together.

    A log line above a quote looks like the line that introduces one, so what stands above the first quoted line is read
    for itself too; what says more counts.
    """
    texts = dict.fromkeys((replies.new_text(body)[:MAX_TEXT], _above_quote(body)))
    return max((_read(text, context) for text in texts), key=_how_much)


def _how_much(answer: DataAnswer) -> tuple[int, int, int]:
    whole = sum(one.port is not None and one.seen_at is not None for one in answer.observations)
    return whole, len(answer.observations), len(answer.items)


def _above_quote(body: str) -> str:
    """The lines above the first quoted one, without the paragraph that introduces the quote."""
    lines = body[:MAX_TEXT].splitlines()
    end = next((number for number, line in enumerate(lines) if line.startswith(">")), None)
    if end is None:
        return ""
    paragraphs = "\n".join(lines[:end]).strip().split("\n\n")
    return "\n\n".join(paragraphs[:-1] if paragraphs[-1].rstrip().endswith((":", "：")) else paragraphs)


def _read(text: str, context: ParserContext) -> DataAnswer:
    items = tuple(extraction.extract(text, "answer", context))
    rows: list[Observation] = []
    for line in text.splitlines()[:MAX_LINES]:
        named = extraction.extract(line, "answer", context) if line.strip() else []
        hosts = [item for item in named if item.host is not None]
        port = next((item.port for item in hosts if item.port), None) or _port(line)
        times = eventtimes.stated_times(line, text)
        if port or times:
            rows.append(Observation(port, max(times, default=None), hosts[0].host if hosts else None))
        if len(rows) >= MAX_OBSERVATIONS:
            break
    return DataAnswer(text, _merged(rows), items)


def _port(line: str) -> int | None:
    match = _NAMED_PORT.search(line) or _BARE.match(line.strip())
    port = int(match.group(1)) if match else 0
    return port if 0 < port < 65536 else None


def _merged(rows: list[Observation]) -> tuple[Observation, ...]:
    """One port in one line and one time in another are of one event."""
    ports = {row.port for row in rows if row.port is not None}
    times = {row.seen_at for row in rows if row.seen_at is not None}
    hosts = {row.host for row in rows if row.host is not None}
    if len(ports) <= 1 and len(times) <= 1 and len(hosts) <= 1 and rows:
        return (Observation(next(iter(ports), None), next(iter(times), None), next(iter(hosts), None)),)
    return tuple(dict.fromkeys(rows))
