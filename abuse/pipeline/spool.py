"""Items of a long feed on disk, between the reading of its rows and the transaction that writes them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from typing import IO

from django.db import connection

from abuse.models.fields import clipped
from abuse.parsers.values import ItemKind, ParsedItem

TEXT_LIMIT = 4000
"""Characters of an item that are kept, as in every report."""

_COPY = (
    "COPY abuse_reportitem (report_id, item_type, raw_item, original, place, network, fqdn, port, protocol, seen_at,"
    " times, confidence, date) FROM STDIN"
)
_CHUNK = 1 << 20
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": ""})


class Spool:
    """Lines in PostgreSQL's COPY format, each under the number of the accusation it belongs to.

    The file has no name and is gone with the process, whatever ends it.
    """

    def __init__(self) -> None:
        # buffered by hand: one write for some thousand items
        self._file: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115 - see close
        self.size = 0

    def write(self, items: list[tuple[int, ParsedItem]]) -> None:
        """Keep items, each with the number of its accusation."""
        self._file.write("".join(f"{number}\t{_line(item)}\n" for number, item in items))
        self.size += len(items)

    def copy(self, reports: Mapping[int, int], *, date: datetime) -> None:
        """Write all items into the database, under the reports that their numbers stand for."""
        self._file.flush()
        self._file.seek(0)
        ids = {str(number): str(report) for number, report in reports.items()}
        end = f"\t{date.isoformat()}\n"
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            while lines := self._file.readlines(_CHUNK):
                pieces = []
                for line in lines:
                    number, _, rest = line.partition("\t")
                    pieces.append(f"{ids[number]}\t{rest[:-1]}{end}")
                copy.write("".join(pieces))

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()


def _line(item: ParsedItem) -> str:
    """The columns of an item but the first and the last."""
    network, name = _network_and_name(item)
    cells = (
        str(item.kind), clipped(item.value, TEXT_LIMIT), clipped(item.raw, TEXT_LIMIT), clipped(item.place, 255),
        network, name, item.port, clipped(item.protocol, 32) if item.protocol else None,
        item.seen_at.isoformat() if item.seen_at else None, item.times, item.confidence,
    )  # fmt: skip
    return "\t".join("\\N" if cell is None else str(cell).translate(_ESCAPES) for cell in cells)


def _network_and_name(item: ParsedItem) -> tuple[str | None, str | None]:
    """The columns by which items are looked up: the address or network, or else the host's name."""
    if item.kind in (ItemKind.IP, ItemKind.CIDR):
        return item.value, None
    host = item.host
    if host is None:
        return None, None
    is_address = ":" in host or host.rpartition(".")[2].isdecimal()
    return (host, None) if is_address else (None, clipped(host, 255))
