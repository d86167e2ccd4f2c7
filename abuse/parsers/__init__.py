"""Mails and reports to structured facts: `parse(raw, context)` is the door.

Pure: no database, no network, no web framework; bounded in time and memory whatever is sent.
"""

from __future__ import annotations

from .context import Limits, ParserContext
from .flow import parse
from .values import ItemKind, MailKind, ParsedAttachment, ParsedEmail, ParsedItem

__all__ = [
    "ItemKind",
    "Limits",
    "MailKind",
    "ParsedAttachment",
    "ParsedEmail",
    "ParsedItem",
    "ParserContext",
    "parse",
]
