"""When it happened, in free text."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from abuse.parsers.eventtimes import with_times
from abuse.parsers.values import ItemKind, ParsedItem

SENT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def item(value: str = "203.0.113.14", kind: ItemKind = ItemKind.IP, port: int | None = None) -> ParsedItem:
    return ParsedItem(kind, value, value, "body", port)


def read(text: str, *items: ParsedItem, zone: timezone | None = None) -> list[tuple[str | None, int | None]]:
    dated = with_times(items or (item(),), text, sent=SENT, sent_zone=zone)
    return [(one.seen_at.isoformat() if one.seen_at else None, one.port) for one in dated]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2026-11-12T18:40:11Z from 203.0.113.14 port 38112 ssh2", ("2026-11-12T18:40:11+00:00", 38112)),
        ("2026-11-12 18:40:11 +0200 203.0.113.14:4711 login", ("2026-11-12T16:40:11+00:00", 4711)),
        ("2026/11/12 18:40:11 203.0.113.14", ("2026-11-12T18:40:11+00:00", None)),
        ('203.0.113.14 - - [12/Nov/2026:18:40:11 -0300] "GET /"', ("2026-11-12T21:40:11+00:00", None)),
        ("Thu, 12 Nov 2026 18:40:11 +0100 203.0.113.14", ("2026-11-12T17:40:11+00:00", None)),
        ("Nov 12 18:40:11 host sshd: from 203.0.113.14 port 22 ", ("2026-11-12T18:40:11+00:00", 22)),
        ("12.11.2026 um 18:40:11 +0100 203.0.113.14", ("2026-11-12T17:40:11+00:00", None)),
        ("Nov 12 18:40:11 fw: SRC=203.0.113.14 DST=192.0.2.1 SPT=5555 DPT=22", ("2026-11-12T18:40:11+00:00", 5555)),
        ("203.0.113.14 was seen", (None, None)),
        ("2026-13-45T99:99:99Z 203.0.113.14", (None, None)),
    ],
)
def test_a_line_dates_what_it_names(line: str, expected: tuple[str | None, int | None]) -> None:
    assert read(line) == [expected]


def test_the_newest_line_counts_with_its_port() -> None:
    text = "".join(f"2026-11-12T{hour}:00:00Z 203.0.113.14:{port}\n" for hour, port in ((10, 1), (12, 2), (11, 3)))
    assert read(text) == [("2026-11-12T12:00:00+00:00", 2)]


def test_each_item_has_its_own_lines_and_a_longer_address_is_another() -> None:
    text = "2026-11-12T10:00:00Z 203.0.113.1\n2026-11-13T10:00:00Z 203.0.113.14\n"
    assert read(text, item("203.0.113.1"), item("203.0.113.14")) == [
        ("2026-11-12T10:00:00+00:00", None),
        ("2026-11-13T10:00:00+00:00", None),
    ]


def test_the_zone_that_the_text_states_goes_before_that_of_the_mail() -> None:
    log = "Nov 13 03:22:52 nas sshd: from 203.0.113.14"
    assert read(log, zone=timezone(timedelta(hours=2))) == [("2026-11-13T01:22:52+00:00", None)]
    assert read(f"Time zone of the log: +0100\n{log}") == [("2026-11-13T02:22:52+00:00", None)]
    assert read(f"All times are UTC.\n{log}", zone=timezone(timedelta(hours=2))) == [
        ("2026-11-13T03:22:52+00:00", None)
    ]


def test_a_log_of_december_read_in_january() -> None:
    dated = with_times(
        [item()], "Dec 31 23:59:00 x 203.0.113.14", sent=datetime(2026, 1, 2, tzinfo=UTC), sent_zone=None
    )
    assert dated[0].seen_at == datetime(2025, 12, 31, 23, 59, tzinfo=UTC)


def test_one_time_in_the_text_dates_all() -> None:
    assert read("203.0.113.14 sends spam, last at\n2026-11-19T07:58:12Z.") == [("2026-11-19T07:58:12+00:00", None)]


def test_times_of_many_days_apart_from_the_item_date_nothing() -> None:
    assert read("203.0.113.14\n\n2026-10-19T07:58:12Z and 2026-11-19T07:58:12Z") == [(None, None)]


def test_a_time_to_come_is_no_event() -> None:
    assert read("2026-12-24T07:58:12Z 203.0.113.14") == [(None, None)]


def test_a_time_that_is_known_stays() -> None:
    known = ParsedItem(ItemKind.IP, "203.0.113.14", "203.0.113.14", "x", seen_at=SENT)
    assert with_times([known], "2026-11-12T10:00:00Z 203.0.113.14", sent=SENT, sent_zone=None)[0].seen_at == SENT


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000 + ":",
        "2026-11-12T18:40:11Z 203.0.113.14 x\n" * 30_000,
        "1" * 1_000_000 + ":1",
        "jan " * 250_000 + ":",
    ],
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    start = time.process_time()
    read(text)
    assert time.process_time() - start < 2
