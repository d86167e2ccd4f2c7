"""Where the documents of a mail are: in its parts, its text and its archives, or the file that came without a mail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import re2

from .. import archives, charset
from ..context import ParserContext
from ..message import Message
from ..mime import Part
from . import xmltree
from .xmltree import Element, XMLError

MAX_DOCUMENTS = 50

_HEAD = 4_096
_XML_NAMES = (".xml", ".iodef", ".acns")
_JSON_NAMES = (".json", ".stix", ".tlsrpt")
_ROOT = r"(?:[A-Za-z][A-Za-z0-9]{0,20}:)?(?:Infringement|IODEF-Document|feedback)"
_ROOT_TAG = re2.compile(rf"<({_ROOT})(?:[ \t\r\n][^<>]*)?>")
_ROOT_IN_HEAD = re2.compile(rf"<{_ROOT}[ \t\r\n>]".encode())
_JSON_MARKS = (
    b'"policies"', b'"organization-name"', b'"bundle"', b'"notificationType"', b'"eventType"', b'"Event"',
)  # fmt: skip
_SURROGATE = re2.compile(r"(?i)\\ud[89a-f]")
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_DASHED = re2.compile(r"(?m)^- ")
_QUOTED = re2.compile(r"(?m)^[ \t]*(?:>[ \t]?)+")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a mail, read as far as any format needs it: an XML tree or a JSON object.

    `place` says where it stood, for people; `name` is the sender's name for the file, never to be used as a path.
    """

    place: str
    name: str
    xml: Element | None = None
    json: dict[str, object] | None = None


def documents(message: Message, context: ParserContext) -> Iterator[Document]:
    """The XML and JSON documents of a mail that may be reports, in order; broken ones are told to `message.say`.

    All of them together are bounded by `Limits.max_document_bytes` and `xmltree.MAX_ELEMENTS`.
    """
    reader = _Reader(message, context.limits.max_document_bytes)
    found = 0
    for place, name, data in _candidates(message, context):
        document = reader.document(place, name, data)
        if document is not None:
            yield document
            found += 1
        if found == MAX_DOCUMENTS:
            message.say(f"Only the first {MAX_DOCUMENTS} documents are read.")
            return
    for place, text in _in_texts(message):
        root = reader.xml(text, place)
        if root is not None:
            yield Document(place, "", xml=root)


def _candidates(message: Message, context: ParserContext) -> Iterator[tuple[str, str, bytes]]:
    limits = context.limits
    for part in message.root.walk():
        if part.children or part.content_type == "text/html":
            continue
        head, _ = part.content(_HEAD)
        name = part.filename or (message.filename if part is message.root else "")
        if archives.kind_of(head) is not None:
            if part.size <= 2 * limits.max_attachment_bytes:
                content, _ = part.content()
                for member in archives.members(content, limits, message.say, _may_be_document):
                    if _is_wanted(member.content[:_HEAD], member.name or name, ""):
                        yield f"part {part.path} archive member", member.name or name, member.content
        elif _is_wanted(head, name, part.content_type):
            data, defect = part.content(limits.max_document_bytes + 1)
            message.say(defect)
            yield f"part {part.path}", name, _in_utf8(data, part)


def _may_be_document(member: str) -> bool:
    """Whether a file of an archive is worth unpacking: gzip tells no name, and some files have no ending."""
    name = member.lower().rpartition("/")[2]
    return "." not in name or name.endswith(_XML_NAMES + _JSON_NAMES)


def _in_utf8(data: bytes, part: Part) -> bytes:
    """JSON has no declaration of its own, so what MIME says counts; XML says it itself."""
    label = part.parameters.get("charset")
    if label is None or data.lstrip()[:1] == b"<":
        return data
    return charset.decode(data, label)[0].encode("utf-8")


def _is_wanted(head: bytes, name: str, content_type: str) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    lowered = name.lower()
    if start == b"<" or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content_type.endswith("xml") or lowered.endswith(_XML_NAMES) or _ROOT_IN_HEAD.search(head) is not None
    if start != b"{":
        return False
    return content_type.endswith("json") or lowered.endswith(_JSON_NAMES) or any(mark in head for mark in _JSON_MARKS)


class _Reader:
    """Reads the documents of one mail, as long as there is room for more."""

    def __init__(self, message: Message, bytes_left: int) -> None:
        self.say = message.say
        self.bytes_left = bytes_left
        self.elements_left = xmltree.MAX_ELEMENTS

    def document(self, place: str, name: str, data: bytes) -> Document | None:
        if len(data) > self.bytes_left:
            self.say(f"The documents are too large together; of that in {place} only the beginning is read.")
            data = data[: self.bytes_left]
        if not data:
            return None
        if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
            self.bytes_left -= len(data)
            content = self._json(charset.decode(data)[0], place)
            return None if content is None else Document(place, name, json=content)
        root = self.xml(xmltree.decoded(data), place)
        return None if root is None else Document(place, name, xml=root)

    def xml(self, text: str, place: str) -> Element | None:
        text = text[: self.bytes_left]
        self.bytes_left -= len(text)
        if not text or self.elements_left <= 0:
            return None
        try:
            tree = xmltree.read(text, self.elements_left)
        except XMLError as error:
            self.elements_left -= text.count("<") // 2  # about what was read in vain
            self.say(f"The XML in {place} is not read: {error}.")
            return None
        self.elements_left -= tree.elements
        if not tree.is_whole:
            self.say(f"Only the first {xmltree.MAX_ELEMENTS} elements of XML are read.")
        return tree.root

    def _json(self, text: str, place: str) -> dict[str, object] | None:
        try:
            content, _ = json.JSONDecoder(strict=False).raw_decode(text.lstrip("\ufeff \t\r\n"))
            if not isinstance(content, dict):
                return None
            # a lone "\ud800" is half a character: valid JSON and no valid text
            return _without_surrogates(content) if _SURROGATE.search(text) else content
        except ValueError:
            self.say(f"The JSON in {place} is not valid.")
        except RecursionError:
            self.say(f"The JSON in {place} is nested too deeply.")
        return None


def _without_surrogates(content: dict[str, object]) -> dict[str, object]:
    cleaned: dict[str, object] = json.loads(charset.clean(json.dumps(content, ensure_ascii=False)))
    return cleaned


def _in_texts(message: Message) -> Iterator[tuple[str, str]]:
    """Documents that stand in the text of a mail, also in a clear-signed or quoted one."""
    for text in message.texts:
        if text.text.lstrip()[:1] == "<":
            continue  # the part as a whole was read above
        opening = _ROOT_TAG.search(text.text)
        if opening is None:
            continue
        content = text.text
        if _SIGNED in content:
            content = _DASHED.sub("", content)
        line = content.rfind("\n", 0, opening.start()) + 1
        if content[line : opening.start()].lstrip().startswith(">"):
            content = _QUOTED.sub("", content)
        place = f"the text ({text.place})"
        for piece, _ in zip(_pieces(content), range(MAX_DOCUMENTS), strict=False):
            yield place, piece


def _pieces(text: str) -> Iterator[str]:
    """The texts from a known root's opening to its closing tag."""
    opening = _ROOT_TAG.search(text)
    while opening is not None:
        closing = f"</{opening.group(1)}>"
        end = text.find(closing, opening.end())
        if end < 0:
            return
        yield text[opening.start() : end + len(closing)]
        opening = _ROOT_TAG.search(text, end + len(closing))
