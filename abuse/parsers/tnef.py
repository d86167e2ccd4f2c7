"""What Outlook hides in winmail.dat: files and text in the Transport Neutral Encapsulation Format (MS-OXTNEF)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import charset, htmltext, rtf

SIGNATURE = b"\x78\x9f\x3e\x22"
MAX_ATTRIBUTES = 5_000
MAX_PROPERTIES = 5_000  # of one attribute
MAX_VALUES = 1_000  # of one property
MAX_FILES = 100
MAX_DEPTH = 3  # of messages attached to messages

# attributes, by their number without the type
_SUBJECT, _BODY, _MESSAGE_PROPERTIES, _CODE_PAGE = 0x8004, 0x800C, 0x9003, 0x9007
_NEW_FILE, _FILE_NAME, _FILE_DATA, _FILE_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005

# MAPI properties, by their number without the type
_P_SUBJECT, _P_BODY, _P_HTML, _P_RTF = 0x0037, 0x1000, 0x1013, 0x1009
_P_DATA, _P_SHORT_NAME, _P_LONG_NAME, _P_MIME_TYPE, _P_SHOWN_NAME = 0x3701, 0x3704, 0x3707, 0x370E, 0x3001

_MULTIPLE = 0x1000
_FIXED_SIZES = {
    0x0002: 4, 0x0003: 4, 0x0004: 4, 0x000A: 4, 0x000B: 4,
    0x0005: 8, 0x0006: 8, 0x0007: 8, 0x0014: 8, 0x0040: 8,
    0x0048: 16,
}  # fmt: skip
_STRING8, _UNICODE, _BINARY, _OBJECT = 0x001E, 0x001F, 0x0102, 0x000D


class TNEFError(ValueError):
    """The file is no TNEF stream."""


@dataclass(slots=True)
class TNEFFile:
    """A file inside. `name` is the sender's word: show it, never use it as a path."""

    name: str = ""
    content_type: str = "application/octet-stream"
    content: bytes = b""


@dataclass(slots=True)
class TNEF:
    """A TNEF stream, read as far as it is whole. `text` is for people; `defects` are sentences."""

    subject: str = ""
    text: str = ""
    files: list[TNEFFile] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)


def read(data: bytes, depth: int = 0) -> TNEF:
    """The files and the text of a TNEF stream. A damaged one is read up to the damage.

    :raises TNEFError: when `data` does not begin as such a stream does.
    """
    if not data.startswith(SIGNATURE):
        raise TNEFError("it does not begin as TNEF does")
    return _Reader(data, depth).read()


class _Reader:
    def __init__(self, data: bytes, depth: int) -> None:
        self.data = data
        self.depth = depth
        self.result = TNEF()
        self.codec = "cp1252"
        self.texts: dict[int, str] = {}  # by the property they come from
        self.file: TNEFFile | None = None

    def read(self) -> TNEF:
        for number, content in self._attributes():
            self._attribute(number, content)
        self.result.text = next(
            (self.texts[name] for name in (_P_BODY, _P_HTML, _P_RTF) if self.texts.get(name, "").strip()), ""
        )
        self.result.files = [file for file in self.result.files if file.content or file.name]
        return self.result

    def _attributes(self) -> Iterator[tuple[int, bytes]]:
        data, position = self.data, 6
        for _ in range(MAX_ATTRIBUTES):
            if position + 9 > len(data):
                return
            _, number, size = struct.unpack_from("<BII", data, position)
            position += 9
            if size > len(data) - position:
                self._say("A winmail.dat file is damaged; what could be read was kept.")
                size = len(data) - position
            yield number & 0xFFFF, data[position : position + size]
            position += size + 2  # a checksum
        self._say(f"Only the first {MAX_ATTRIBUTES} attributes of a winmail.dat file are read.")

    def _attribute(self, number: int, content: bytes) -> None:
        if number == _CODE_PAGE and len(content) >= 4:
            page = struct.unpack_from("<I", content)[0]
            self.codec = charset.codec_for("utf-8" if page == 65001 else f"cp{page}") or self.codec
        elif number == _SUBJECT:
            self.result.subject = self._string8(content)
        elif number == _BODY:
            self.texts[_P_BODY] = self._string8(content)
        elif number == _MESSAGE_PROPERTIES:
            self._message_properties(content)
        elif number == _NEW_FILE:
            self._new_file()
        elif number in (_FILE_NAME, _FILE_DATA, _FILE_PROPERTIES):
            file = self.file or self._new_file()
            if file is None:
                return
            if number == _FILE_NAME:
                file.name = file.name or self._string8(content)
            elif number == _FILE_DATA:
                file.content = content
            else:
                self._file_properties(file, content)

    def _new_file(self) -> TNEFFile | None:
        if len(self.result.files) >= MAX_FILES:
            self._say(f"Only the first {MAX_FILES} files of a winmail.dat file are read.")
            self.file = None
            return None
        self.file = TNEFFile()
        self.result.files.append(self.file)
        return self.file

    def _message_properties(self, content: bytes) -> None:
        for number, type_, value in self._properties(content):
            if number == _P_SUBJECT:
                self.result.subject = self._text(type_, value) or self.result.subject
            elif number == _P_BODY:
                self.texts[_P_BODY] = self._text(type_, value)
            elif number == _P_HTML:
                self.texts[_P_HTML] = htmltext.to_text(self._text(type_, value))
            elif number == _P_RTF:
                self.texts[_P_RTF] = rtf.to_text(rtf.decompressed(value), self.codec)

    def _file_properties(self, file: TNEFFile, content: bytes) -> None:
        for number, type_, value in self._properties(content):
            if number == _P_LONG_NAME:
                file.name = self._text(type_, value) or file.name
            elif number in (_P_SHORT_NAME, _P_SHOWN_NAME):
                file.name = file.name or self._text(type_, value)
            elif number == _P_MIME_TYPE:
                label = self._text(type_, value).strip().lower()
                file.content_type = (
                    label if "/" in label and label.isascii() and len(label) < 100 else file.content_type
                )
            elif number == _P_DATA:
                self._file_data(file, type_, value)

    def _file_data(self, file: TNEFFile, type_: int, value: bytes) -> None:
        inner = value[16:]  # behind the identifier of the object's interface
        if type_ != _OBJECT or not inner.startswith(SIGNATURE):
            file.content = file.content or (inner if type_ == _OBJECT else value)
            return
        if self.depth + 1 >= MAX_DEPTH:
            self._say(f"Messages inside a winmail.dat file deeper than {MAX_DEPTH} are not read.")
            return
        message = read(inner, self.depth + 1)
        file.content_type = "text/plain"
        file.content = f"{message.subject}\n\n{message.text}".encode()
        self.result.files += message.files[: MAX_FILES - len(self.result.files)]
        for sentence in message.defects:
            self._say(sentence)

    def _properties(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """The number, type and first value of each MAPI property."""
        if len(data) < 4:
            return
        count = min(struct.unpack_from("<I", data)[0], MAX_PROPERTIES)
        position = 4
        try:
            for _ in range(count):
                type_, number = struct.unpack_from("<HH", data, position)
                position += 4
                if number >= 0x8000:
                    position = _after_name(data, position)
                value, position = _first_value(data, position, type_)
                yield number, type_ & ~_MULTIPLE, value
        except (struct.error, _DamagedError):
            self._say("A winmail.dat file is damaged; what could be read was kept.")

    def _text(self, type_: int, value: bytes) -> str:
        if type_ == _UNICODE:
            return charset.clean(value.decode("utf-16-le", "replace").rstrip("\0"))
        return self._string8(value)

    def _string8(self, value: bytes) -> str:
        return charset.decode(value.rstrip(b"\0"), self.codec)[0]

    def _say(self, sentence: str) -> None:
        if sentence not in self.result.defects:
            self.result.defects.append(sentence)


class _DamagedError(Exception):
    """A property says that it is longer than what there is."""


def _after_name(data: bytes, position: int) -> int:
    """The position behind a property's own name: the set it is of, and a number or a string."""
    kind = struct.unpack_from("<I", data, position + 16)[0]
    position += 20
    if kind == 0:
        return position + 4
    size = struct.unpack_from("<I", data, position)[0]
    return _within(data, position + 4 + size + (-size % 4))


def _first_value(data: bytes, position: int, type_: int) -> tuple[bytes, int]:
    plain = type_ & ~_MULTIPLE
    fixed = _FIXED_SIZES.get(plain)
    count = 1
    if type_ & _MULTIPLE or fixed is None:
        count = struct.unpack_from("<I", data, position)[0]
        position += 4
        if count > MAX_VALUES:
            raise _DamagedError
    if fixed is None and plain not in (_STRING8, _UNICODE, _BINARY, _OBJECT):
        raise _DamagedError
    first = b""
    for number in range(count):
        size = fixed
        if size is None:
            size = struct.unpack_from("<I", data, position)[0]
            position += 4
        end = _within(data, position + size)
        if number == 0:
            first = data[position:end]
        position = min(end + (-size % 4), len(data))
    return first, position


def _within(data: bytes, position: int) -> int:
    if position > len(data):
        raise _DamagedError
    return position
