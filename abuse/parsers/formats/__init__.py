"""Readers of machine-readable reports.

To add one: a module with `read(message, context) -> Finding | None`, listed in `READERS`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..context import ParserContext
from ..message import Message
from . import arf, documents, xarf_json, xarf_mail
from .finding import Finding

Reader = Callable[[Message, ParserContext], Finding | None]

# In order: a mail may carry an XARF document beside a feedback-report part that only announces it.
READERS: tuple[Reader, ...] = (xarf_json.read, xarf_mail.read, arf.read, documents.read)

__all__ = ["READERS", "Finding", "Reader"]
