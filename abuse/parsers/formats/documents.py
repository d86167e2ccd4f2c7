"""Reports that are one document each: told apart by what the document says of itself, not by who sends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..context import ParserContext
from ..message import Message
from . import acns, dmarc, iodef, mailservices, misp, stix, tlsrpt
from .building import unique
from .carriers import Document, documents
from .finding import Finding

DocumentReader = Callable[[Document, ParserContext], Finding | None]

# To add a format: a module with `read(document, context)`, listed here.
READERS: tuple[DocumentReader, ...] = (
    acns.read,
    iodef.read,
    dmarc.read,
    tlsrpt.read,
    stix.read,
    misp.read,
    mailservices.read,
)


def read(message: Message, context: ParserContext) -> Finding | None:
    """The first report among the documents of a mail, with the items of others of its format; None without any."""
    first: Finding | None = None
    for document in documents(message, context):
        finding = _read(document, context)
        if finding is None:
            continue
        if first is None:
            first = finding
        elif finding.template == first.template and finding.items:
            first = _joined(first, finding, context)
    return first or dmarc.by_name(message, context)


def _read(document: Document, context: ParserContext) -> Finding | None:
    return next((finding for read in READERS if (finding := read(document, context)) is not None), None)


def _joined(first: Finding, other: Finding, context: ParserContext) -> Finding:
    return replace(first, items=unique([*first.items, *other.items], context.limits.max_items))
