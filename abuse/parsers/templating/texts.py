"""A mail as templates see it: sender, subject, text, other forms of the text, files; each made once, when asked for."""

from __future__ import annotations

import quopri
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import cached_property

import re2

from .. import archives, charset, header, htmltext, mime
from ..header import Headers
from ..message import Message, provider, written
from .compiled import Files

MAX_TEXT = 500_000  # bytes of one text that templates read
MAX_FILE_TEXT = 2_000_000  # bytes of one file; patterns are only searched in the first MAX_TEXT of it
MAX_FILES = 20

# Who wrote a mail that a ticket system (RT) or a mailing list (Google Groups) sends on under its own address.
_WRITER_FIELDS = ("x-rt-originator", "x-original-from", "x-original-sender")

_SIGNER = re2.compile(rb"(?i)(?:^|;)[ \t\r\n]*d[ \t]*=[ \t\r\n]*([a-z0-9_.-]{3,253})")


class View:
    """One mail. Texts are UTF-8, because offsets into bytes are what RE2 works with."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self._other_forms: list[tuple[str, bytes]] | None = None
        self._files: dict[tuple[bytes, str], list[tuple[str, bytes]]] = {}
        self._text_left = message.limits.max_text_bytes
        self.is_cut = False  # whether a text was longer than templates read
        self._decoded: dict[tuple[str, int], bytes] = {}

    @cached_property
    def senders(self) -> tuple[str, ...]:
        """The address of From, then those of the writers whose mail was sent on. All are claims: they choose how a
        mail is read, never whom to trust."""
        found = [provider(self.message.headers)]
        for name, value in self.message.headers.fields:
            if name.lower() in _WRITER_FIELDS and len(found) < 5:
                found += [address.lower() for address in header.addresses(header.decode_value(value[:1_000]))[:1]]
        return tuple(dict.fromkeys(found))

    @cached_property
    def subject(self) -> bytes:
        return self._bounded(self.message.subject)

    @cached_property
    def body(self) -> bytes:
        return self._bounded(self.message.body)

    @cached_property
    def written(self) -> tuple[datetime | None, tzinfo | None]:
        """When the mail was written, and in which zone its writer lives, as far as its Date field says."""
        return written(self.message.headers, UTC)

    @cached_property
    def signers(self) -> frozenset[str]:
        """The domains that DKIM signatures claim (RFC 6376, d=). Nothing is verified."""
        found: set[str] = set()
        for name, value in self.message.headers.fields:
            if name.lower() == "dkim-signature" and len(found) < 10:
                match = _SIGNER.search(value[:10_000])
                if match:
                    found.add(match.group(1).decode("ascii").lower().rstrip("."))
        return frozenset(found)

    def header(self, name: str) -> list[str]:
        return self.message.headers.get_all(name)[:50]

    def other_forms(self) -> list[tuple[str, bytes]]:
        """The HTML forms of texts that also came as plain text, as a person would read them."""
        if self._other_forms is None:
            self._other_forms = [
                (f"part {part.path}", self._text_of(part)) for text in self.message.texts for part in text.hidden
            ]
        return self._other_forms

    def files(self, wanted: Files) -> list[tuple[str, bytes]]:
        """The texts of the files asked for, those in archives included, each with its place."""
        key = (wanted.name.pattern if wanted.name else b"", wanted.type)
        if key not in self._files:
            self._files[key] = list(self._file_texts(wanted))
        return self._files[key]

    def decoded(self, data: bytes, way: str) -> bytes:
        """`data` with HTML or quoted-printable undone."""
        if way == "none":
            return data
        key = (way, id(data))
        if key not in self._decoded:
            plain = quopri.decodestring(data) if way == "qp" else data
            text = charset.decode(plain)[0]
            self._decoded[key] = self._bounded(htmltext.to_text(text) if way == "html" else text)
        return self._decoded[key]

    def searched(self, data: bytes) -> bytes:
        """The part of a file's text that patterns are searched in."""
        return self._cut(data, MAX_TEXT) if len(data) > MAX_TEXT else data

    def _bounded(self, text: str, at_most: int = MAX_TEXT) -> bytes:
        data = text[:at_most].encode("utf-8", "replace")
        return data if len(text) <= at_most and len(data) <= at_most else self._cut(data, at_most)

    def _cut(self, data: bytes, at_most: int) -> bytes:
        self.is_cut = True
        return data[:at_most].decode("utf-8", "ignore").encode()

    def _text_of(self, part: mime.Part, at_most: int = MAX_TEXT) -> bytes:
        """The text of a part. The bound is this view's own: what templates read is not missing to others."""
        before = self.message.text_left
        self.message.text_left = self._text_left
        text = self.message.text_of(part, at_most)
        self._text_left, self.message.text_left = self.message.text_left, before
        return self._bounded(text, at_most)

    def _file_texts(self, wanted: Files) -> Iterator[tuple[str, bytes]]:
        message = self.message
        left = MAX_FILES
        for part in message.root.walk():
            if part.children or not left:
                continue
            name, content_type = part.filename, part.content_type
            if _is_wanted(name, content_type, wanted):
                left -= 1
                yield f"attachment {part.path}", self._text_of(part, MAX_FILE_TEXT)
            elif archives.is_archive(name, content_type) and part.size <= message.limits.max_attachment_bytes:
                content, _ = part.content()
                for member in archives.members(content, message.limits, message.say):
                    if left and _is_wanted(member.name or name.removesuffix(".gz"), "", wanted):
                        left -= 1
                        leaf = mime.Part(
                            part.path, Headers([]), "text/plain", {}, member.content, 0, len(member.content)
                        )
                        yield f"attachment {part.path} archive member", self._text_of(leaf, MAX_FILE_TEXT)


def _is_wanted(name: str, content_type: str, wanted: Files) -> bool:
    if wanted.name is not None and not (name and wanted.name.search(name[:300].encode("utf-8", "replace"))):
        return False
    if not wanted.type:
        return True
    # what is packed has no type: only its name counts
    return content_type.startswith(wanted.type) if content_type else wanted.name is not None
