"""Whatever bytes come, parse() returns, and what it returns can be stored."""

from __future__ import annotations

import json
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abuse.parsers import ParsedEmail, ParserContext, parse
from abuse.parsers.summary import to_json

from . import test_formats as formats
from .samples import mail, multipart

SEEDS = [
    mail("hxxp://bad[.]example[.]org/x 192.0.2.1 2001:db8::1 =?utf-8?Q?a=00?="),
    mail("Prüfung".encode("utf-16"), extra="Content-Type: text/plain; charset=utf-16\n"),
    multipart(
        formats.FOOTER,
        formats.SPAM,
        "Content-Type: text/html\n\n<p>a<br>b <a href='http://x.example.org/'>c</a><!-- d -->",
    ),
    formats.arf(formats.TestARF.FIELDS),
    multipart(f"Content-Type: text/plain; name*0*=utf-8''a%00; name*1=b\n\n{formats.TestXARFMail.YAML}"),
    json.dumps(formats.TestXARFJSON.V3).encode(),
    mail(json.dumps(formats.TestXARFJSON.V4)),
]
CONTEXT = ParserContext(fqdn_re=r".*\.example\.net", domain_to_ignore=("example.com",))
CRUMBS = st.sampled_from(
    [
        b"\0",
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b"--bound",
        b"=?",
        b"?=",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"+2AA-",
        b"=",
        b'"',
        b"(",
        b"<",
        b":",
        b"%00",
        b"[.]",
        b"\\ud800",
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample with pieces removed, doubled, moved and rubbish put in."""
    raw = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 40)))
        piece = draw(st.one_of(CRUMBS, st.binary(max_size=8), st.just(raw[start:end] * 2), st.just(b"")))
        raw = raw[:start] + piece + raw[end:]
    return raw


def strings(parsed: ParsedEmail) -> Iterator[str]:
    yield from (
        parsed.provider,
        parsed.subject,
        parsed.body,
        parsed.kind_reason,
        parsed.category_reason,
        parsed.template,
    )
    yield from (parsed.category or "", parsed.message_id or "", parsed.reporter_reference or "")
    yield from (*parsed.recipients, *parsed.in_reply_to, *parsed.references, *parsed.defects)
    for name, value in parsed.headers:
        yield from (name, value)
    for item in parsed.items:
        yield from (item.value, item.raw, item.place, item.protocol or "")
    for file in parsed.attachments:
        yield from (file.filename, file.content_type)


def check(raw: bytes) -> None:
    parsed = parse(raw, CONTEXT)
    for text in strings(parsed):
        text.encode("utf-8")
        assert "\0" not in text
    assert parsed.date is None or parsed.date.utcoffset() is not None
    for item in parsed.items:
        assert item.seen_at is None or item.seen_at.utcoffset() is not None
    json.dumps(to_json(parsed))


@given(mutated())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_mails(raw: bytes) -> None:
    check(raw)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes(raw: bytes) -> None:
    check(raw)


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_as_body_and_subject(text: str) -> None:
    line = text.replace("\n", " ").replace("\r", " ")
    check(mail(text.encode("utf-8", "surrogatepass"), extra=f"X-A: {line.encode('utf-8', 'replace').decode()}\n"))


def test_parsing_is_a_function_of_its_input() -> None:
    for raw in SEEDS:
        assert parse(raw, CONTEXT) == parse(raw, CONTEXT)
