"""The MIME tree of a mail of any quality, without copying it.

The standard library's parser recurses to death on hostile nesting and needs several times the mail's size in memory;
this one only notes where each part starts and ends. What it meets in the wild and survives: bare CR line ends, missing
or unclosed boundaries, transfer encodings on multiparts, header lines broken without indentation, mbox lines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import re2

from . import header, transfer
from .context import Limits
from .header import Headers

# A line that is no field is skipped when such a field follows: a folded line that lost its indentation.
_COMMON_FIELDS = frozenset(
    b"received from to cc subject date message-id mime-version content-type content-transfer-encoding "
    b"content-disposition return-path reply-to delivered-to dkim-signature".split()
)
_MAIL_FIELDS = _COMMON_FIELDS | frozenset(
    b"sender list-id x-mailer auto-submitted feedback-type x-arf x-xarf in-reply-to references importance status "
    b"x-priority precedence organization user-agent".split()
)
_MESSAGE_TYPES = frozenset(("message/rfc822", "message/global", "message/news"))
_BOUNDARY_LINE = re2.compile(rb"(?m)^--([^\s-][^\r\n]{0,200}?|-+[^\s-][^\r\n]{0,200}?)[ \t]*\r?$")


@dataclass(slots=True)
class Part:
    """One node: its header, and where its body lies in `source`. `path` counts as IMAP does ("1.2")."""

    path: str
    headers: Headers
    content_type: str
    parameters: dict[str, str]
    source: bytes = field(repr=False)
    start: int = 0
    end: int = 0
    children: list[Part] = field(default_factory=list)
    is_message: bool = False  # the one child is the message inside

    @property
    def size(self) -> int:
        return self.end - self.start

    @property
    def encoding(self) -> str:
        return self.headers.get("content-transfer-encoding").lower().partition(";")[0].strip().strip('"')

    def content(self, at_most: int | None = None) -> tuple[bytes, str | None]:
        """The decoded body, at most about `at_most` bytes of it, and a sentence if the encoding was broken."""
        encoding = self.encoding
        end = self.end
        if at_most is not None:
            end = min(end, self.start + transfer.encoded_size(encoding, at_most))
        data, defect = transfer.decode(self.source[self.start : end], encoding)
        return (data if at_most is None else data[:at_most]), defect

    @property
    def disposition(self) -> str:
        return header.parse_parameters(self.headers.get("content-disposition"))[0]

    @property
    def filename(self) -> str:
        """The sender's name for the file, decoded; never to be used as a path."""
        _, parameters = header.parse_parameters(self.headers.get("content-disposition"))
        return parameters.get("filename") or self.parameters.get("name") or ""

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in order of appearance."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting.extend(reversed(part.children))


def read(raw: bytes, limits: Limits, defects: list[str]) -> Part:
    """The tree of `raw`. What is wrong goes to `defects` as sentences; never raises on content."""
    if b"\r" in raw[: limits.max_header_bytes] and b"\n" not in raw[: limits.max_header_bytes]:
        raw = raw.replace(b"\r", b"\n")
        defects.append("The lines end in a bare CR.")
    return _Reader(raw, limits, defects).message(raw, 0, len(raw), path="", depth=0)


def read_fields(data: bytes, limits: Limits) -> Headers:
    """The fields of a part whose body is a header block, such as message/feedback-report."""
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    fields, _ = _Reader(data, limits, [])._headers(data.lstrip(b"\r\n"), 0, len(data))
    return Headers(fields)


class _Reader:
    """The bounds left while one mail is read."""

    def __init__(self, raw: bytes, limits: Limits, defects: list[str]) -> None:
        self.limits = limits
        self.defects = defects
        self.parts_left = limits.max_parts
        self.messages_left = limits.max_messages
        # Each level of nesting searches its whole body again, so depth alone does not bound the work.
        self.bytes_left = 12 * len(raw) + 50_000_000
        self.deadline = time.monotonic() + limits.max_seconds

    def message(self, source: bytes, start: int, end: int, path: str, depth: int) -> Part:
        """A whole message: leading blank lines and mbox lines are skipped, text without any header is a body."""
        begin = start
        while begin < end and source[begin : begin + 1] in (b"\n", b"\r"):
            begin += 1
        for mark in (b"From ", b">From "):
            if source.startswith(mark, begin, end):
                begin = _next_line(source, begin, end)
        fields, body = self._headers(source, begin, end)
        if not any(name.lower().encode() in _MAIL_FIELDS or name.lower().startswith("x-") for name, _ in fields):
            if not path:
                self.defects.append("The mail has no header.")
            fields, body = [], start
        return self._part(source, fields, body, end, path, depth, "text/plain")

    def _headers(self, source: bytes, start: int, end: int) -> tuple[list[tuple[str, bytes]], int]:
        """The fields of a header block and where the body starts."""
        fields: list[tuple[str, bytes]] = []
        is_full = False
        position = start
        stop = min(end, start + self.limits.max_header_bytes)
        while position < stop:
            line_end = source.find(b"\n", position, stop)
            following = line_end + 1 if line_end >= 0 else stop
            line = source[position:following].rstrip(b"\r\n")
            if not line:
                return fields, following
            name = None if line[:1] in b" \t" else header.field_name(line)
            if name is not None:
                is_full = len(fields) >= self.limits.max_headers
                if is_full:
                    self._say(f"Only the first {self.limits.max_headers} header fields are read.")
                else:
                    fields.append((name.decode("ascii"), line[line.index(b":") + 1 :]))
            elif line[:1] in b" \t" and fields:
                # a long folded field is one piece of the source: found at once, not joined line by line
                following = _end_of_folding(source, position, stop)
                last, value = fields[-1]
                if not is_full:
                    fields[-1] = (last, value + b"\n" + source[position:following].rstrip(b"\r\n"))
            elif fields and self._is_broken_folding(source, following, stop):
                self._say("A header line is neither a field nor a continuation.")
            else:
                if fields:
                    self._say("No blank line between header and body.")
                return fields, position
            position = following
        if position < end:
            self._say(f"The header is longer than {self.limits.max_header_bytes} bytes; the rest is read as body.")
        return fields, position

    def _is_broken_folding(self, source: bytes, following: int, stop: int) -> bool:
        name = header.field_name(source[following : min(stop, following + 200)].partition(b"\n")[0])
        return name is not None and (name.lower() in _COMMON_FIELDS or name.lower().startswith(b"x-"))

    def _part(
        self, source: bytes, fields: list[tuple[str, bytes]], start: int, end: int, path: str, depth: int, default: str
    ) -> Part:
        headers = Headers(fields)
        content_type, parameters = header.parse_parameters(headers.get("content-type"))
        if "/" not in content_type:
            content_type = {"text": "text/plain", "multipart": "multipart/mixed"}.get(content_type, default)
        part = Part(path or "0", headers, content_type, parameters, source, start, end)
        if depth >= self.limits.max_depth:
            if content_type.startswith(("multipart/", "message/")):
                self._say(f"Parts nested deeper than {self.limits.max_depth} are read as plain text.")
                part.content_type = "text/plain"
        elif content_type.startswith("multipart/"):
            self._open_multipart(part, path, depth)
        elif content_type in _MESSAGE_TYPES or part.filename.lower().endswith(".eml"):
            self._open_message(part, path, depth)
        return part

    def _open_multipart(self, part: Part, path: str, depth: int) -> None:
        boundary = part.parameters.get("boundary", "").rstrip()
        bodies = self._split(part, boundary.encode("utf-8", "replace")) if boundary else []
        if not bodies and part.encoding in ("base64", "quoted-printable"):
            decoded, _ = part.content(self.limits.max_document_bytes)
            if boundary and b"--" + boundary.encode("utf-8", "replace") in decoded:
                self._say("A multipart is encoded as a whole, which RFC 2045 forbids.")
                part.source, part.start, part.end = decoded, 0, len(decoded)
                bodies = self._split(part, boundary.encode("utf-8", "replace"))
        if not bodies:
            guess = _BOUNDARY_LINE.search(part.source, part.start, min(part.end, part.start + 100_000))
            if guess:
                bodies = self._split(part, guess.group(1))
            self._say("A multipart has no usable boundary" + ("; it was guessed." if bodies else "."))
        if not bodies:
            part.content_type = "text/plain"
            return
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        for number, (start, end) in enumerate(bodies, 1):
            child_path = f"{path}.{number}" if path else str(number)
            fields, body = self._headers(part.source, start, end)
            if self._spend(0):
                part.children.append(self._part(part.source, fields, body, end, child_path, depth + 1, default))

    def _open_message(self, part: Part, path: str, depth: int) -> None:
        """The message inside, also when it is encoded against the rules or only called .eml."""
        self.messages_left -= 1
        if self.messages_left < 0:
            self._say(f"Only {self.limits.max_messages} messages inside the mail are opened.")
            return
        if not self._spend(part.size):
            return
        source, start, end = part.source, part.start, part.end
        if part.encoding in ("base64", "quoted-printable"):
            source, _ = part.content(self.limits.max_attachment_bytes)
            start, end = 0, len(source)
        part.is_message = True
        part.children.append(self.message(source, start, end, f"{path}.1" if path else "1", depth + 1))

    def _split(self, part: Part, boundary: bytes) -> list[tuple[int, int]]:
        """Where the bodies of a multipart lie; empty when the boundary never occurs."""
        if not boundary or not self._spend(part.size):
            return []
        source, end = part.source, part.end
        mark = b"\n--" + boundary
        bodies: list[tuple[int, int]] = []
        body_start = -1
        hit = part.start - 1 if source.startswith(mark[1:], part.start, end) else source.find(mark, part.start, end)
        hits_left = 20 * self.limits.max_parts
        while hit >= 0 and hits_left:
            hits_left -= 1
            after = hit + len(mark)
            closing = source.startswith(b"--", after, end)
            line_end = source.find(b"\n", after, min(end, after + 500))
            line_end = end if line_end < 0 else line_end
            rest = source[after:line_end].strip()
            if rest == b"" or (closing and not rest.strip(b"-")):
                if body_start >= 0:
                    body_end = hit - 1 if source[hit - 1 : hit] == b"\r" else hit
                    bodies.append((body_start, max(body_start, body_end)))
                body_start = min(line_end + 1, end)
                if closing:
                    return bodies
                if len(bodies) >= self.parts_left:
                    self._say(f"Only the first {self.limits.max_parts} parts are read.")
                    self.parts_left = 0
                    return bodies
            # the line end may open the next delimiter
            hit = source.find(mark, min(line_end, after), end)
        if body_start >= 0:
            self._say("A multipart has no closing boundary.")
            bodies.append((body_start, end))
        self.parts_left -= len(bodies)
        return bodies

    def _spend(self, size: int) -> bool:
        """Whether there is still time and work left to read `size` bytes once more."""
        self.bytes_left -= size
        if self.bytes_left < 0 or time.monotonic() > self.deadline:
            self._say("The nesting of the parts costs too much; deeper parts are not read.")
            return False
        return True

    def _say(self, sentence: str) -> None:
        if sentence not in self.defects:
            self.defects.append(sentence)


def _next_line(source: bytes, position: int, end: int) -> int:
    line_end = source.find(b"\n", position, end)
    return end if line_end < 0 else line_end + 1


def _end_of_folding(source: bytes, position: int, stop: int) -> int:
    """The start of the first line after `position` that is not indented."""
    while position < stop:
        position = _next_line(source, position, stop)
        if source[position : position + 1] not in (b" ", b"\t"):
            return position
    return stop
