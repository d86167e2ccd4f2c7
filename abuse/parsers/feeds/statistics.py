"""What a feed says as a whole: counts, times and networks of all of its rows, in memory that does not grow with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from ..context import ParserContext
from ..values import ItemKind, ParsedEmail
from .cells import Fact
from .reader import FeedReader, Tally
from .rows import Row

MAX_NETWORKS = 100_000
"""Networks that are counted at a time; of more the least frequent are forgotten, and the counts become lower bounds."""
TOP = 10


@dataclass(slots=True)
class Statistics:
    """Counts over rows. Times are the earliest and latest that any row states."""

    rows: int = 0
    categories: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    networks: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None
    undated: int = 0
    are_networks_exact: bool = True

    def add(self, rows: Iterable[Row]) -> None:
        """Count rows. One loop with all of it: it runs for every row of a feed."""
        categories, kinds, networks = self.categories, self.kinds, self.networks
        first, last = self.first, self.last
        previous: datetime | None = None
        for row in rows:
            self.rows += 1
            categories[row.category] += 1
            for kind, value, _, _ in row.facts:
                kinds[kind] += 1
                if kind is ItemKind.IP:
                    networks[value.rpartition(".")[0] if "." in value else _prefix_of(value)] += 1
            if len(networks) > MAX_NETWORKS:
                self._forget_rare_networks()
            seen = row.seen_at
            if seen is None:
                self.undated += 1
            elif seen is not previous:  # equal texts give the same object
                previous = seen
                first = seen if first is None or seen < first else first
                last = seen if last is None or seen > last else last
        self.first, self.last = first, last

    def _forget_rare_networks(self) -> None:
        kept = dict(self.networks.most_common(MAX_NETWORKS // 2))
        self.networks.clear()
        self.networks.update(kept)
        self.are_networks_exact = False

    def to_json(self) -> dict[str, Any]:
        """The counts as plain values."""
        return {
            "rows": self.rows,
            "categories": dict(self.categories.most_common()),
            "kinds": {str(kind): count for kind, count in self.kinds.most_common()},
            "top_networks": {_network(prefix): count for prefix, count in self.networks.most_common(TOP)},
            "top_networks_are_exact": self.are_networks_exact,
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
            "undated": self.undated,
        }


def _prefix_of(address: str) -> str:
    return str(ip_network(f"{address}/48", strict=False).network_address)


def _network(prefix: str) -> str:
    return f"{prefix}/48" if ":" in prefix else f"{prefix}.0/24"


def summarise(raw: bytes, parsed: ParsedEmail, context: ParserContext) -> dict[str, Any]:
    """The statistics of a mail or file: of all rows when it is a feed, else of its items."""
    statistics = Statistics()
    tally = Tally()
    if parsed.feed is None:
        statistics.add(_rows_of(parsed))
    else:
        reader = FeedReader(raw, parsed.feed, context)
        statistics.add(row for _, row in reader.rows())
        tally = reader.tally
    return {
        "kind": str(parsed.kind),
        "template": parsed.template,
        **statistics.to_json(),
        "rejected": tally.rejected,
        "rejected_examples": tally.examples,
        "unknown_columns": list(parsed.feed.unknown_columns) if parsed.feed else [],
        "defects": list(dict.fromkeys((*parsed.defects, *tally.defects))),
    }


def _rows_of(parsed: ParsedEmail) -> Iterable[Row]:
    for item in parsed.items:
        fact = Fact(item.kind, item.value, item.raw, item.port)
        yield Row((fact,), item.category or parsed.category or "Other", item.seen_at, item.protocol)
