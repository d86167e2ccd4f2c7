"""Texts made to hurt: each way of taking stays linear in them."""

from __future__ import annotations

import time

import pytest

from abuse.parsers import ParserContext, parse
from abuse.parsers.templating import TemplateSet

from .building import SENDER, template

SECONDS = 4.0  # the worst takes 0.8 where nothing else runs
MEGABYTE = 1_000_000

RULES = {
    "line": "{what: ip, line: IP, port: {line: Port}, time: {line: Date}}",
    "names": "{what: [fqdn, url, email, hash], line: [IP, Host Name]}",
    "pattern": r"{what: auto, pattern: '(?:[0-9a-f]{1,80}|x)+([0-9a-z.:-]{1,200})!'}",
    "block": "{what: [url, ip, fqdn], after: a, until: b}",
    "lines": "{what: url, after: IP, lines: 1}",
    "columns": "{what: ip, table: {columns: [a, b], column: a, delimiter: '|'}, time: {column: b}}",
    "header": "{what: ip, table: {header: [a], column: a, delimiter: spaces}}",
    "xml": "{what: ip, xml: a/b}",
    "qp": "{what: url, line: IP, decode: qp}",
    "html": "{what: url, line: IP, decode: html}",
}
TEXTS = {
    "one letter": b"a" * MEGABYTE,
    "records": b"IP: 192.0.2.1\nPort: 80\nDate: 2025-01-01 00:00:00\n" * 20_000,
    "addresses": b"".join(b"IP: 192.0.%d.%d\n" % (n // 250, n % 250) for n in range(60_000)),
    "labels": b"IP:\n" * 250_000,
    "blanks": b"IP" + b" " * MEGABYTE,
    "tags": b"<a><b>" * 160_000,
    "closing tags": b"<a>" * 100 + b"</b>" * 250_000,
    "bars": b"1|2\n" * 250_000,
    "quotes": b'"' * MEGABYTE,
    "blocks": b"a b\n" * 250_000,
    "names": b"IP: " + b"a.example.org " * 70_000,
    "equals": b"=" * MEGABYTE,
    "urls": b"IP a http://e.example.org/x \n" * 34_000,
    "all bytes": bytes(range(256)) * 4_000,
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("rule", RULES)
def test_a_megabyte_is_read_in_bounded_time(rule: str, text: str) -> None:
    raw = f"From: <{SENDER}>\nSubject: s\nDate: Tue, 4 Mar 2025 09:15:00 +0100\n\n".encode() + TEXTS[text]
    context = ParserContext(templates=TemplateSet([template(f"take: [{RULES[rule]}]", fallback=False)]))
    start = time.process_time()
    parsed = parse(raw, context)
    assert time.process_time() - start < SECONDS
    assert "The templates read only the first 500000 bytes of a text." in parsed.defects
    assert not any("failed" in sentence for sentence in parsed.defects)


def test_marks_in_a_megabyte_are_found_in_bounded_time() -> None:
    templates = TemplateSet(
        template(f"match: {{body: ['(a|aa){{1,50}}b{number}', '(?:x.{{0,40}}y){{2}}{number}z']}}", f"t{number}")
        for number in range(50)
    )
    for text in (b"a" * MEGABYTE, b"xy" * (MEGABYTE // 2)):
        start = time.process_time()
        parse(b"From: <x@other.example>\n\n" + text, ParserContext(templates=templates))
        assert time.process_time() - start < SECONDS
