"""XML of strangers as a plain tree: no document type, no entities of its own, nothing fetched, bounded in every way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

import re2

from .. import charset

MAX_ELEMENTS = 100_000
MAX_DEPTH = 64
MAX_ATTRIBUTES = 100
MAX_CHARACTERS = 20_000
"""Of the text of one element; a title or an address is short, and evidence in base64 is not read."""

_DECLARED = re2.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_AMPERSAND = re2.compile(r"&(#[0-9]{1,7};|#x[0-9A-Fa-f]{1,6};|amp;|lt;|gt;|quot;|apos;)?")
# What an unescaped "&" gives.
_AMPERSAND_ERRORS = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_UNDEFINED_ENTITY,
        expat.errors.XML_ERROR_INVALID_TOKEN,
        expat.errors.XML_ERROR_BAD_CHAR_REF,
    )
)
_CONTROL = {code: None for code in range(32) if code not in (9, 10, 13)}


class XMLError(ValueError):
    """The XML is refused or broken. The message says why, in words for people."""


@dataclass(slots=True)
class Element:
    """One element. `name` is without prefix or name space, as the formats read here are told apart by their root."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, *path: str) -> Iterator[Element]:
        """The elements that a path of child names leads to, in order."""
        if not path:
            yield self
            return
        for child in self.children:
            if child.name == path[0]:
                yield from child.all(*path[1:])

    def first(self, *path: str) -> Element | None:
        return next(self.all(*path), None)

    def value(self, *path: str) -> str:
        """The text of the first element at a path, one line without margins; empty when there is none."""
        found = self.first(*path)
        return " ".join(found.text.split()) if found is not None else ""

    def below(self, *names: str) -> Iterator[Element]:
        """All elements of the given names at any depth, in order of appearance."""
        waiting = list(reversed(self.children))
        while waiting:
            element = waiting.pop()
            if element.name in names:
                yield element
            waiting.extend(reversed(element.children))


def decoded(data: bytes) -> str:
    """The text of an XML document, by what its declaration says of the encoding, else as UTF-8 or windows-1252."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return charset.decode(data, "utf-16")[0]
    declared = _DECLARED.match(data[:400].removeprefix(b"\xef\xbb\xbf"))
    return charset.decode(data, declared.group(1).decode("ascii") if declared else None)[0]


class Tree(NamedTuple):
    """A document: its root, how many elements were read, and whether those were all."""

    root: Element
    elements: int
    is_whole: bool


def read(text: str, most: int = MAX_ELEMENTS) -> Tree:
    """The tree of a document, of which only the first `most` elements are read.

    A "&" that starts no entity, which writers of titles forget to
    escape, is taken as it stands.

    :raises XMLError: for a document type declaration (entities and external files come only that way), for nesting
        deeper than `MAX_DEPTH`, and for what is no XML.
    """
    text = text.lstrip("\ufeff \t\r\n").translate(_CONTROL)
    try:
        return _read(text, most)
    except expat.ExpatError as error:
        if "&" not in text or error.code not in _AMPERSAND_ERRORS:
            raise _broken(error) from None
    try:
        return _read(_AMPERSAND.sub(lambda match: match.group() if match.group(1) else "&amp;", text), most)
    except expat.ExpatError as error:
        raise _broken(error) from None


def _broken(error: expat.ExpatError) -> XMLError:
    return XMLError(f"it is no valid XML ({expat.ErrorString(error.code)}, line {error.lineno})")


class _EnoughError(Exception):
    """Raised out of the parser when as many elements were read as are wanted."""


def _read(text: str, most: int) -> Tree:
    builder = _Builder(most)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.EntityDeclHandler = builder.refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    is_whole = True
    try:
        # text and not bytes, so that the document's own word on its encoding chooses no codec
        parser.Parse(text, True)
    except _EnoughError:
        is_whole = False
    if builder.root is None:
        raise XMLError("it has no element")
    return Tree(builder.root, builder.count, is_whole)


class _Builder:
    def __init__(self, most: int) -> None:
        self.most = most
        self.root: Element | None = None
        self.count = 0
        self.open: list[tuple[Element, list[str]]] = []

    def refuse(self, *_: object) -> None:
        raise XMLError("it declares a document type, which can hide what it says")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.count >= self.most:
            raise _EnoughError
        self.count += 1
        if len(self.open) >= MAX_DEPTH:
            raise XMLError(f"it is nested deeper than {MAX_DEPTH}")
        if len(attributes) > MAX_ATTRIBUTES:
            raise XMLError(f"an element has more than {MAX_ATTRIBUTES} attributes")
        if attributes:
            attributes = {key.rpartition(":")[2]: value[:MAX_CHARACTERS] for key, value in attributes.items()}
        element = Element(name.rpartition(":")[2][:200] if ":" in name else name[:200], attributes)
        if self.open:
            self.open[-1][0].children.append(element)
        else:
            self.root = element
        self.open.append((element, []))

    def end(self, _: str) -> None:
        element, pieces = self.open.pop()
        if pieces:
            element.text = "".join(pieces)[:MAX_CHARACTERS]

    def characters(self, text: str) -> None:
        pieces = self.open[-1][1]
        # white space first, and text between many children, is layout
        if (pieces or not text.isspace()) and len(pieces) < 100:
            pieces.append(text[:MAX_CHARACTERS])
