"""Mails made to hurt: time and memory stay bounded, and what is left unread is said."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import zipfile
from base64 import encodebytes
from collections.abc import Callable
from pathlib import Path

import pytest

from abuse.parsers import ParserContext, parse

HEAD = b"From: a@example.com\nTo: abuse@example.net\nSubject: abuse\nDate: Tue, 4 Mar 2025 09:15:00 +0100\n"
SECONDS = 4.0  # of the processor; the aim is below 2, the rest is room for a slow machine
MEBIBYTES = 200

MEASURE = """
import sys, time
from abuse.parsers import ParserContext, parse
from abuse.utils.memory import peak_bytes
with open(sys.argv[1], "rb") as file:
    raw = file.read()
parse(b"From: a@example.com\\n\\nhttp://example.org/ 192.0.2.1", ParserContext())
before = peak_bytes()
start = time.process_time()
parsed = parse(raw, ParserContext())
seconds = time.process_time() - start
print(seconds, (peak_bytes() - before) / 2**20, len(parsed.items))
"""


def nested_multiparts() -> bytes:
    opened = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(10_000))
    return HEAD + opened + b"\nspam 192.0.2.5"


def nested_messages() -> bytes:
    return HEAD + b"Content-Type: message/rfc822\n\n" * 10_000 + b"Subject: x\n\nspam 192.0.2.5"


def zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.csv", b"\0" * 50_000_000)
    label = b"Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n"
    return HEAD + label + encodebytes(packed.getvalue())


def yaml_nesting(opening: bytes) -> Callable[[], bytes]:
    return lambda: HEAD + b"\nReported-From: a\nReport-Type: x\nSource: 192.0.2.1\nx: " + opening * 90_000


HOSTILE: dict[str, Callable[[], bytes]] = {
    "one letter": lambda: HEAD + b"\n" + b"a" * 1_000_000,
    "40 MB of lines": lambda: HEAD + b"\n" + b"spam from 192.0.2.1 http://example.org/a\n" * 1_000_000,
    "nested multiparts": nested_multiparts,
    "nested messages": nested_messages,
    "100,000 parts": lambda: (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx 192.0.2.1\n" * 100_000
    ),
    "one boundary for all levels": lambda: (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 10_000
    ),
    "near boundaries": lambda: HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"\n--bx" * 4_000_000,
    "zip bomb": zip_bomb,
    "nested html": lambda: HEAD + b"Content-Type: text/html\n\n" + b"<div>" * 2_000_000,
    "html links": lambda: HEAD + b"Content-Type: text/html\n\n" + b'<a href="http://example.org/x">b</a>' * 200_000,
    "brackets": lambda: HEAD.replace(b"a@example.com", b"(" * 500_000) + b"\nhttp://example.org/" + b")" * 1_000_000,
    "one million header lines": lambda: HEAD + b"X-A: b\n" * 1_000_000 + b"\nx",
    "one folded megabyte": lambda: HEAD + b"X-A: " + b" b\n" * 500_000 + b"\nx",
    "encoded words": lambda: HEAD.replace(b": abuse\n", b": " + b"=?utf-8?q?a?= " * 80_000 + b"\n", 1) + b"\nx",
    "open encoded words": lambda: HEAD.replace(b": abuse\n", b": " + b"=?utf-8?q?" * 90_000 + b"\n", 1) + b"\nx",
    "quotes": lambda: HEAD + b'Content-Type: multipart/mixed; boundary="' + b'\\"' * 400_000 + b'"\n\n--\n',
    "no address": lambda: HEAD + b"\n" + b"999.1.2.3 " * 200_000,
    "70,000 URLs": lambda: HEAD + b"\n" + b"".join(b"http://x%d.example.org/\n" % n for n in range(70_000)),
    "disguised dots": lambda: HEAD + b"\n" + b"a[.]" * 500_000,
    "colons": lambda: HEAD + b"\n" + b"1:" * 1_000_000,
    "keywords": lambda: HEAD + b"\n" + b"spam " * 400_000,
    "received fields": lambda: HEAD + b"\n" + b"Received: from x [192.0.2.1]\n x\n" * 60_000,
    "json nesting": lambda: b'{"Report":{"ReportType":"Spam","SourceIp":"192.0.2.1","x":' + b"[" * 900_000,
    "yaml brackets": yaml_nesting(b"["),
    "yaml dashes": yaml_nesting(b"- "),
    "yaml questions": yaml_nesting(b"? "),
    "feedback fields": lambda: (
        HEAD
        + b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
        + b"Reported-URI: http://example.org/\n" * 200_000
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_bounded(name: str) -> None:
    raw = HOSTILE[name]()
    start = time.process_time()
    parse(raw, ParserContext())
    assert time.process_time() - start < SECONDS


BIG: dict[str, tuple[bytes, bytes, int]] = {  # head, what is repeated, times
    "200 MB of text": (HEAD + b"\n", b"some words here and there\n", 8_000_000),
    "200 MB attachment": (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nspam 192.0.2.1\n--b\n"
        + b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n",
        b"QUJD" * 19 + b"\n",
        2_600_000,
    ),
    "200 MB of boundaries": (HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n", b"\n--b", 50_000_000),
    "nested multiparts": (nested_multiparts(), b"", 0),
    "nested messages": (nested_messages(), b"", 0),
    "zip bomb": (zip_bomb(), b"", 0),
}


@pytest.mark.parametrize("name", BIG)
def test_memory_is_bounded_beyond_the_mail_itself(name: str, tmp_path: Path) -> None:
    head, repeated, times = BIG[name]
    path = tmp_path / "mail"
    with path.open("wb") as file:
        file.write(head)
        for _ in range(times // 100_000):
            file.write(repeated * 100_000)
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    seconds, mebibytes, _ = run.stdout.split()
    assert float(seconds) < SECONDS
    assert float(mebibytes) < MEBIBYTES


def test_what_lies_too_deep_is_still_searched_as_text() -> None:
    parsed = parse(nested_multiparts(), ParserContext())
    assert [item.value for item in parsed.items] == ["192.0.2.5"]
    assert "Parts nested deeper than 50 are read as plain text." in parsed.defects


def test_too_much_text_is_read_in_part_and_said() -> None:
    parsed = parse(HEAD + b"\nspam 192.0.2.1\n" + b"x" * 3_000_000 + b"\n192.0.2.2", ParserContext())
    assert [item.value for item in parsed.items] == ["192.0.2.1"]
    assert "Only the first 2000000 bytes of text are read." in parsed.defects


def test_a_view_of_bytes_is_as_good_as_bytes() -> None:
    raw = HEAD + b"\nspam 192.0.2.1"
    assert parse(memoryview(raw), ParserContext()) == parse(raw, ParserContext())
    assert parse(memoryview(b"x" + raw)[1:], ParserContext()) == parse(raw, ParserContext())
