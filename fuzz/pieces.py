"""Mails and feeds put together from pieces, for Hypothesis: it tells the smallest one that breaks something."""

from __future__ import annotations

import gzip
import json
import zipfile
from base64 import encodebytes
from binascii import b2a_qp, b2a_uu
from collections.abc import Callable, Iterator
from xml.sax.saxutils import escape, quoteattr

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from . import samples, targets, tokens

_CHARSETS = ("utf-8", "utf-16", "utf-16-le", "utf-7", "iso-2022-jp", "shift_jis", "gb18030", "cp1252", "utf-32", "big5")
_FIELDS = (
    "Subject", "From", "To", "Cc", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To", "Sender", "X-XARF",
    "Auto-Submitted", "Precedence", "List-Id", "Received", "Authentication-Results", "DKIM-Signature", "X-ARF",
    "X-Original-From", "X-HmXmrOriginalRecipient", "Return-Path", "Content-Type", "X-Failed-Recipients",
)  # fmt: skip
_TYPES = tuple(label.decode() for label in tokens.LABELS if b"/" in label and not label.startswith(b"multipart/"))
_NAMES = ("", "a.csv", "report.xml", "xarf.json", "mail.eml", "feed.zip", "x.gz", "winmail.dat", "a/../b.txt", "é.log")
_ROOTS = ("IODEF-Document", "Infringement", "feedback", "x:IODEF-Document", "other")
_ELEMENTS = (
    "Incident", "IncidentID", "EventData", "Flow", "System", "Node", "Address", "Counter", "Service", "Port", "Source",
    "IP_Address", "TimeStamp", "URL", "Case", "ID", "Content", "Item", "Title", "report_metadata", "record", "row",
    "source_ip", "count", "date_range", "begin", "Indicator", "Observable", "BulkObservableList", "DetectTime",
)  # fmt: skip
_COLUMNS = ("ip", "timestamp", "port", "url", "host", "protocol", "category", "start", "end", "sha256", "details", "x")


def _names_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _names_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names_in(inner)


_DOCUMENTS = (samples.XARF3, samples.XARF4, samples.STIX, samples.MISP, samples.TLSRPT, samples.SES)
_KEYS = tuple(dict.fromkeys(name for document in _DOCUMENTS for name in _names_in(document)))

raw_values = st.sampled_from(tokens.VALUES + tokens.HOSTS + tokens.DATES + tokens.NUMBERS)
words = st.one_of(
    raw_values.map(lambda value: value.decode("utf-8", "replace")),
    st.text(max_size=30),
    st.sampled_from([sample.decode("utf-8", "replace") for sample in samples.texts()]),
)
json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), words,
        st.text(st.characters(codec=None, categories=["Cs", "Cc", "L", "N"]), max_size=8),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=15,
)  # fmt: skip


@st.composite
def json_documents(draw: st.DrawFn) -> bytes:
    """A report in JSON in which some values are not what they should be."""
    document: object = draw(st.sampled_from(_DOCUMENTS))
    for _ in range(draw(st.integers(0, 4))):
        document = _with_strange_value(draw, document)
    if draw(st.integers(0, 5)) == 0:
        document = [document, draw(json_values)]
    return json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


def _with_strange_value(draw: st.DrawFn, value: object) -> object:
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        name = draw(st.sampled_from([*value]) | st.sampled_from(_KEYS))
        return {**value, name: _with_strange_value(draw, value.get(name))}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], _with_strange_value(draw, value[place]), *value[place + 1 :]]
    return draw(json_values)


@st.composite
def xml_documents(draw: st.DrawFn) -> bytes:
    """A document of known names in any order and depth, escaped as it should be or not."""

    def element(depth: int) -> str:
        name = draw(st.sampled_from(_ELEMENTS))
        attributes = "".join(
            f" {key}={quoteattr(draw(words))}"
            for key in draw(st.lists(st.sampled_from(["category", "type"]), unique=True))
        )
        inner = "".join(element(depth + 1) for _ in range(draw(st.integers(0, 3)))) if depth < 6 else ""
        text = draw(words)
        return f"<{name}{attributes}>{escape(text) if draw(st.integers(0, 4)) else text}{inner}</{name}>"

    root = draw(st.sampled_from(_ROOTS))
    content = "".join(element(0) for _ in range(draw(st.integers(0, 5))))
    start = draw(
        st.sampled_from(("", '<?xml version="1.0"?>', "<?xml version='1.0' encoding='utf-16'?>", "<!DOCTYPE a>"))
    )
    return _encoded(draw, f"{start}<{root}>{content}</{root}>")


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Rows of values with or without a header, parted by any delimiter, quoted or not."""
    delimiter = draw(st.sampled_from((",", ";", "\t", "|", " ")))
    columns = draw(st.lists(st.sampled_from(_COLUMNS), min_size=1, max_size=6))
    rows = [delimiter.join(columns)] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 6))):
        cells = [draw(words) for _ in range(len(columns) + draw(st.sampled_from((0, 0, 0, -1, 2))))]
        quoted = ['"' + cell.replace('"', '""') + '"' if draw(st.booleans()) else cell for cell in cells]
        rows.append(delimiter.join(quoted))
    return _encoded(draw, draw(st.sampled_from(("\n", "\r\n", "\r"))).join(rows))


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """A zip, gzip or tar archive of documents, sometimes cut or with a byte changed."""
    content = draw(st.one_of(tables(), xml_documents(), json_documents(), st.binary(max_size=50)))
    match draw(st.integers(0, 2)):
        case 0:
            packed = gzip.compress(content, 1)
        case 1:
            packed = samples.tarred(content)
        case _:
            method = draw(
                st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
            )
            name = draw(st.sampled_from(("a__csv", "b__json", "c__xml", "d__eml", "e")))
            packed = samples.zipped(method, **{name: content})
    if draw(st.booleans()):
        place = draw(st.integers(0, len(packed) - 1))
        packed = packed[:place] + bytes([draw(st.integers(0, 255))]) + packed[place + 1 :]
    return packed


def _encoded(draw: st.DrawFn, text: str) -> bytes:
    return text.encode(draw(st.sampled_from(_CHARSETS)) if draw(st.integers(0, 4)) == 0 else "utf-8", "replace")


def _uuencoded(data: bytes) -> bytes:
    lines = (b2a_uu(data[start : start + 45]) for start in range(0, len(data), 45))
    return b"begin 644 a\n" + b"".join(lines) + b"`\nend\n"


_ENCODERS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"", lambda data: data),
    (b"8bit", lambda data: data),
    (b"base64", encodebytes),
    (b"quoted-printable", lambda data: b2a_qp(data)),
    (b"x-uuencode", _uuencoded),
    (b"x-unknown", lambda data: data),
)


@st.composite
def fields(draw: st.DrawFn) -> bytes:
    """Header fields: some that a mail has, some of the names that matter with any value."""
    lines = [samples.HEAD.encode()] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 4))):
        value = draw(
            st.one_of(raw_values, st.binary(max_size=20), words.map(lambda text: text.encode("utf-8", "replace")))
        )
        lines.append(draw(st.sampled_from(_FIELDS)).encode() + b": " + value.replace(b"\n", b"\n ") + b"\n")
    return b"".join(lines)


@st.composite
def leaves(draw: st.DrawFn) -> bytes:
    """One part that is no multipart: its header, a blank line, its body."""
    content = draw(
        st.one_of(
            words.map(lambda text: text.encode("utf-8", "replace")),
            json_documents(),
            xml_documents(),
            tables(),
            archives(),
            st.sampled_from([samples.ARF.encode().partition(b"\n\n")[2], samples.YAML.encode().partition(b"\n\n")[2]]),
            st.sampled_from([samples.SPAM.encode().partition(b"\n\n")[2], samples.winmail(samples.LOG.encode())]),
            st.binary(max_size=60),
        )
    )
    name, encode = draw(st.sampled_from(_ENCODERS))
    # the label is right, or wrong, as senders like it
    labelled = encode(content) if draw(st.integers(0, 6)) else content
    head = f"Content-Type: {draw(st.sampled_from(_TYPES))}; charset={draw(st.sampled_from((*_CHARSETS, 'x', '')))}"
    file = draw(st.sampled_from(_NAMES))
    head += f'\nContent-Disposition: attachment; filename="{file}"' if file else ""
    return head.encode() + (b"\nContent-Transfer-Encoding: " + name if name else b"") + b"\n\n" + labelled


@st.composite
def multiparts(draw: st.DrawFn, inner: st.SearchStrategy[bytes]) -> bytes:
    """A multipart of parts, the boundary sometimes missing, too long, or the same as around it."""
    boundary = draw(st.sampled_from((b"a", b"b", b"a b", b"=_x", b"c" * 80, b"a", b"b")))
    subtype = draw(
        st.sampled_from((b"mixed", b"alternative", b"report", b"digest", b"related", b"signed", b"encrypted"))
    )
    parts = draw(st.lists(inner, max_size=3))
    body = b"".join(b"\n--" + boundary + b"\n" + part for part in parts)
    body += draw(st.sampled_from((b"\n--" + boundary + b"--\n", b"\n--" + boundary, b"")))
    stated = draw(st.sampled_from((boundary, boundary, boundary, boundary, b"wrong", b"")))
    return b"Content-Type: multipart/" + subtype + b'; boundary="' + stated + b'"\n\n' + body


@st.composite
def messages(draw: st.DrawFn, inner: st.SearchStrategy[bytes]) -> bytes:
    """A message inside a message."""
    encoded = draw(st.integers(0, 5)) == 0
    content = draw(fields()) + draw(inner)
    head = b"Content-Type: " + draw(st.sampled_from((b"message/rfc822", b"text/rfc822-headers", b"message/global")))
    if encoded:
        return head + b"\nContent-Transfer-Encoding: base64\n\n" + encodebytes(content)
    return head + b"\n\n" + content


parts = st.recursive(leaves(), lambda inner: st.one_of(multiparts(inner), messages(inner)), max_leaves=5)


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    """A whole mail."""
    return draw(fields()) + draw(parts)


feeds = st.one_of(tables(), json_documents(), xml_documents(), archives())


def run(count: int) -> int:
    """Tries `count` mails and as many feeds; raises with the smallest that breaks something."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    without = settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=checks,
        phases=[Phase.generate, Phase.shrink], print_blob=False,
    )  # fmt: skip

    @without
    @given(mails())
    def try_mails(data: bytes) -> None:
        targets.mail(data)

    @without
    @given(mails())
    def try_templates(data: bytes) -> None:
        targets.template(data)

    @without
    @given(feeds)
    def try_feeds(data: bytes) -> None:
        targets.feed(data)

    for attempt in (try_mails, try_templates, try_feeds):
        attempt()
        print(f"{attempt.__name__}: {count:,} inputs, nothing found")
    return 0
