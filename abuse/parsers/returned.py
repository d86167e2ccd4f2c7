"""What a bounce says: which mail did not arrive, for whom, and why (RFC 3464, 3463, and servers that know neither)."""

from __future__ import annotations

import re2

from . import header, mime
from .header import Headers
from .message import Message, message_ids
from .mime import Part
from .values import Returned

MAX_BYTES = 100_000
"""Bytes of a status part, and characters of a text, that are looked at."""
MAX_IDENTIFIERS = 100
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_HEADER_TYPES = ("text/rfc822-headers", "text/rfc822-header", "message/global-headers")
_STATUS = re2.compile(r"(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|\.\D|\.?$)")
_FAULT = re2.compile(r"(?:^|[^\d.])([45]\.\d{1,3}\.\d{1,3})(?:[^\d.]|\.\D|\.?$)")
_REPLY = re2.compile(r"(?:^|[^\d.])([45]\d\d)[ -]")
_IDENTIFIER = re2.compile(r"<([^<>\s@]{1,200}@[^<>\s@]{1,255})>")
_STATED = re2.compile(r"(?im)^[\s>*]*(?:x-original-)?message-?id[ \t]*:[ \t]*<?([^<>\s@]{1,200}@[^<>\s@]{1,255})>?")
_DELAYED = re2.compile(
    r"(?i)(?:delivery (?:is |has been )?delayed|delayed mail|(?:still )?(?:being )?retried|"
    r"will (?:keep|continue) trying|"
    r"could not send message for past|warning message only|do not need to resend|not yet been delivered|"
    r"will (?:be retried|retry)|noch nicht zugestellt|wird verzögert|retard(?:é|ée) (?:dans|de))"
)


def read_returned(message: Message) -> Returned:
    """What a bounce tells. Everything may be missing: servers return what they like."""
    groups = _groups(message)
    failed = (one for one in groups if _action(one) == "failed")
    about = next(failed, groups[0] if groups else None)
    text = message.body[:MAX_BYTES]
    action = _action(about) if about else ""
    diagnostic = about.get("diagnostic-code") if about else ""
    stated = about.get("status") if about else ""
    status = _first(_STATUS, f" {stated} ") or _first(_FAULT, diagnostic) or ("" if about else _first(_FAULT, text))
    if not status:
        reply = _first(_REPLY, diagnostic) or ("" if about else _first(_REPLY, text))
        status = f"{reply[0]}.0.0" if reply else ""
    if not action and _DELAYED.search(f"{message.subject[:300]}\n{text[:5_000]}"):
        action = "delayed"
    return Returned(
        recipient=_recipient(message, about),
        action=action[:32],
        status=status,
        diagnostic=" ".join((diagnostic or _line_with(text, status)).split())[:1_000],
        message_ids=_identifiers(message, text),
    )


def _action(fields: Headers) -> str:
    return fields.get("action").strip().lower().partition(" ")[0].partition("(")[0]


def _groups(message: Message) -> list[Headers]:
    """The fields of each recipient in the delivery status part."""
    for part in message.root.walk():
        if part.content_type in _STATUS_TYPES:
            data, _ = part.content(MAX_BYTES)
            blocks = [block for block in data.replace(b"\r\n", b"\n").split(b"\n\n") if block.strip()][:50]
            fields = [mime.read_fields(block, message.limits) for block in blocks]
            return [one for one in fields if "final-recipient" in one or "action" in one or "status" in one]
    return []


def _recipient(message: Message, about: Headers | None) -> str:
    """The address that did not take the mail, as the server calls it; empty when it names none."""
    named = [about.get("original-recipient"), about.get("final-recipient")] if about else []
    named.append(message.headers.get("x-failed-recipients"))
    for value in named:
        found = header.addresses(value.partition(";")[2] or value)
        if found:
            return found[0].lower()
    return ""


def _identifiers(message: Message, text: str) -> tuple[str, ...]:
    """The Message-IDs of what was returned, the surest first."""
    found: list[str] = []
    for inner in message.inner:
        found += message_ids(inner.headers.get("message-id"), limit=1)
    for part in message.root.walk():
        if part.content_type in _HEADER_TYPES:
            found += message_ids(_fields_in(part, message).get("message-id"), limit=1)
    for name in ("x-original-message-id", "original-message-id", "in-reply-to", "references"):
        found += message_ids(message.headers.get(name))
    found += [match.group(1) for match, _ in zip(_STATED.finditer(text), range(MAX_IDENTIFIERS), strict=False)]
    found += [match.group(1) for match, _ in zip(_IDENTIFIER.finditer(text), range(MAX_IDENTIFIERS), strict=False)]
    return tuple(dict.fromkeys(found))[:MAX_IDENTIFIERS]


def _fields_in(part: Part, message: Message) -> Headers:
    data, _ = part.content(MAX_BYTES)
    return mime.read_fields(data, message.limits)


def _first(pattern: re2._Regexp[str], text: str) -> str:
    match = pattern.search(text)
    return match.group(1) if match else ""


def _line_with(text: str, status: str) -> str:
    """The line of a text that says why, for people."""
    if not status:
        return ""
    wanted = (status, f"{status[0]}50", f"{status[0]}5", f"{status[0]}4")
    return next((line for mark in wanted for line in text.splitlines() if mark in line), "")
