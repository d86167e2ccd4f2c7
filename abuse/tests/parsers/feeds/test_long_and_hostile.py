"""Long feeds in bounded memory and time, and files that are made to break readers."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from abuse.config import PROJECT_ROOT
from abuse.parsers import Limits, MailKind, ParserContext, parse
from abuse.parsers.feeds import statistics
from abuse.parsers.feeds.reader import FeedReader
from abuse.parsers.feeds.statistics import summarise

from .building import CONTEXT, base64_mail, mailed, read, values, zipped

HEADER = "timestamp,ip,protocol,port,hostname,tag,asn,geo\n"
NAME = "2026-11-22-scan_ntp-isp.csv"


def rows(count: int, start: int = 0) -> str:
    return "".join(
        f"2026-11-22 {n % 24:02}:00:{n % 60:02},203.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255},udp,123,"
        f"h{n * 7919}.isp.example,ntp,64500,FR\n"
        for n in range(start, start + count)
    )


def test_a_feed_of_more_rows_than_fit_can_be_read_as_often_as_asked() -> None:
    context = ParserContext(limits=Limits(max_items=50))
    raw = base64_mail(zipped({NAME: HEADER + rows(1_000)}), NAME + ".zip")
    parsed = parse(raw, context)
    assert parsed.kind is MailKind.FEED
    assert parsed.feed is not None
    assert (len(parsed.items), parsed.feed.is_whole) == (50, False)
    assert any("more rows" in defect for defect in parsed.defects)
    reader = FeedReader(raw, parsed.feed, context)
    for _ in range(2):
        items = list(reader)
        assert len({item.value for item in items}) == 1_000
        assert items[:50] == list(parsed.items)
        assert (reader.tally.rows, reader.tally.rejected) == (1_000, 0)


def test_the_tables_of_a_mail_are_read_one_after_the_other() -> None:
    context = ParserContext(limits=Limits(max_items=5))
    raw = base64_mail(zipped({"a.csv": HEADER + rows(10), "b.csv": "ip,time\n198.51.100.1,\n"}), "reports.zip")
    parsed = parse(raw, context)
    assert parsed.feed is not None
    assert [item.value for item in FeedReader(raw, parsed.feed, context)][9:] == ["203.0.0.9", "198.51.100.1"]


def test_the_number_of_rows_is_bounded() -> None:
    context = ParserContext(limits=Limits(max_items=5, max_feed_rows=100))
    raw = (HEADER + rows(1_000)).encode()
    parsed = parse(raw, context)
    assert parsed.feed is not None
    reader = FeedReader(raw, parsed.feed, context)
    assert len(list(reader)) == 100
    assert reader.tally.defects == ["Only the first 100 rows of the feed are read."]


def test_the_size_of_a_table_is_bounded() -> None:
    context = ParserContext(limits=Limits(max_items=5, max_feed_bytes=10_000))
    raw = base64_mail(gzip.compress((HEADER + rows(1_000)).encode()), "feed.csv.gz")
    parsed = parse(raw, context)
    assert parsed.feed is not None
    reader = FeedReader(raw, parsed.feed, context)
    assert 50 < len(list(reader)) < 250
    assert reader.tally.is_cut


def test_a_summary_counts_all_rows() -> None:
    text = "time,ip,category,oddity\n2026-11-22 01:00:00,203.0.113.7,spam,1\n2026-11-21 01:00:00,203.0.113.8,phish,1\n"
    raw = (text + "2026-11-23 01:00:00,2001:db8:1:2::3,spam,2\n,nonsense,spam,3\n").encode()
    counts = summarise(raw, parse(raw, CONTEXT), CONTEXT)
    assert {key: counts[key] for key in ("rows", "categories", "kinds", "top_networks", "rejected", "undated")} == {
        "rows": 3,
        "categories": {"Spam": 2, "Phishing": 1},
        "kinds": {"IP": 3},
        "top_networks": {"203.0.113.0/24": 2, "2001:db8:1::/48": 1},
        "rejected": 1,
        "undated": 0,
    }
    assert (counts["first"], counts["last"]) == ("2026-11-21T01:00:00+00:00", "2026-11-23T01:00:00+00:00")
    assert counts["rejected_examples"] == [",nonsense,spam,3"]
    assert counts["unknown_columns"] == ["oddity"]


def test_a_mail_that_is_no_feed_has_a_summary_of_its_items() -> None:
    raw = b"From: a@b.example\nSubject: Spam\n\nSpam from 203.0.113.7\n"
    counts = summarise(raw, parse(raw, CONTEXT), CONTEXT)
    assert (counts["rows"], counts["categories"], counts["kinds"]) == (1, {"Spam": 1}, {"IP": 1})


def test_networks_are_counted_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "MAX_NETWORKS", 20)
    text = "ip,time\n" + "".join(f"198.51.{n}.1,\n203.0.113.{n},\n" for n in range(200))
    counts = summarise(text.encode(), read(text), CONTEXT)
    assert counts["rows"] == 400
    assert next(iter(counts["top_networks"].items())) == ("203.0.113.0/24", 200)
    assert counts["top_networks_are_exact"] is False


@pytest.mark.parametrize("is_mail", [False, True])
def test_the_command_reads_a_long_feed_fast_and_in_little_memory(tmp_path: Path, is_mail: bool) -> None:
    content = (HEADER + rows(150_000)).encode()
    file = tmp_path / ("feed.eml" if is_mail else NAME)
    file.write_bytes(base64_mail(zipped({NAME: content}), NAME + ".zip") if is_mail else content)
    command = [sys.executable, "main.py", "parse-email", "--summary", "--json", str(file)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    counts = json.loads(done.stdout)
    assert (counts["rows"], counts["rejected"], counts["categories"]) == (150_000, 0, {"Network Attack": 150_000})
    assert counts["peak_memory_mb"] < 250
    assert counts["rows_per_second"] > 10_000, "a machine with nothing else to do reads ten times as many"


@pytest.mark.parametrize(
    "broken",
    [
        '2026-11-22 01:00:00,"203.0.113.1,udp,123,,ntp,64500,FR\n',  # a quote that is never closed
        "2026-11-22 01:00:00,\0,udp,123,,ntp,64500,FR\n",
        "," * 100_000 + "\n",
        "x" * 3_000_000 + "\n",
        '"' + "y" * 200_000 + '"\n',
    ],
    ids=["quote", "nul", "commas", "long", "long quote"],
)
def test_a_broken_line_costs_only_itself(broken: str) -> None:
    started = time.process_time()
    parsed = read(HEADER + rows(300) + broken + rows(300, start=300))
    assert len({item.value for item in parsed.items} - {"203.0.113.1"}) == 600
    assert time.process_time() - started < 5


def test_line_ends_of_every_kind() -> None:
    for end in ("\n", "\r\n", "\r"):
        raw = mailed((HEADER + rows(5)).replace("\n", end).encode(), "feed.csv")
        assert len(parse(raw, CONTEXT).items) == 5, repr(end)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_charsets(codec: str) -> None:
    parsed = parse(mailed("ip,zeit\n203.0.113.7,März\n".encode(codec), "feed.csv"), CONTEXT)
    assert values(parsed) == [("IP", "203.0.113.7")]


def test_of_a_damaged_archive_what_can_be_read_is_kept() -> None:
    content = gzip.compress((HEADER + rows(9_000)).encode())
    parsed = parse(mailed(content[: len(content) // 2], NAME + ".gz"), CONTEXT)
    assert len(parsed.items) > 1_000
    assert parsed.feed is not None
    assert not parsed.feed.is_whole
    assert any("damaged" in defect for defect in parsed.defects)
    nothing = parse(mailed(b"PK\x03\x04" + b"z" * 500, NAME + ".zip"), CONTEXT)
    assert nothing.feed is None
    assert any("damaged" in defect for defect in nothing.defects)


def test_a_bomb_is_read_no_further_than_unpacked_files_may_be_long() -> None:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = squeezer.compress((HEADER + rows(5)).encode())
    packed += b"".join(squeezer.compress(b"\0" * 1_000_000) for _ in range(300)) + squeezer.flush()
    started = time.process_time()
    parsed = parse(mailed(packed, NAME + ".gz"), CONTEXT)
    assert len(parsed.items) == 5
    assert parsed.feed is not None
    assert not parsed.feed.is_whole
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 50_000,
        '[{"ip": "203.0.113.7", "x": ' + "[[" * 200 + "]]" * 200 + "}]",
        '{"data": [' * 200 + '{"ip": "203.0.113.7"}' + "]}" * 200,
        '[{"ip": "\\ud800203.0.113.7", "\\udc00": "\\ud800"}, {"ip": "203.0.113.7"}]',
        "[" + ",".join(['{"ip": "203.0.113.7"}'] * 60_000) + "]",
        '[{"ip": "203.0.113.7"}' + ', {"a": 1' * 1_000,
    ],
    ids=["brackets", "braces", "deep cell", "deep list", "surrogates", "one line", "never closed"],
)
def test_documents_that_are_made_to_hurt(text: str) -> None:
    started = time.process_time()
    parsed = read(text)
    assert time.process_time() - started < 5
    assert {value for _, value in values(parsed)} <= {"203.0.113.7"}


def test_a_long_array_on_one_line_is_read_to_its_end() -> None:
    entries = ",".join(f'{{"ip": "203.0.{n >> 8}.{n & 255}", "note": "{"x" * 300}"}}' for n in range(9_000))
    assert len(read(f"[{entries}]").items) == 9_000


def test_pages_that_are_made_to_hurt() -> None:
    started = time.process_time()
    read("<table><tr><td>" * 200_000)
    read("<table><tr><td>203.0.113.7</td></tr>" * 20_000)
    read("<!--" * 500_000)
    assert time.process_time() - started < 8


def test_many_columns_without_names() -> None:
    started = time.process_time()
    read("".join(",".join(f"198.51.100.{n % 250}" for n in range(400)) + "\n" for _ in range(3_000)))
    assert time.process_time() - started < 5


def test_not_every_file_of_a_mail_is_looked_at() -> None:
    archive = zipped({f"f{n}.csv": f"ip,time\n203.0.113.{n},\n" for n in range(90)})
    parsed = parse(mailed(archive, "many.zip"), CONTEXT)
    assert len(parsed.items) == 50
    assert any("50 files" in defect for defect in parsed.defects)
