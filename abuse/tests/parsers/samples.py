"""Mails built for these tests; addresses and names of the documentation ranges only."""

from __future__ import annotations

from abuse.parsers import ItemKind, ParsedEmail, ParserContext, parse


def mail(
    body: str | bytes = "",
    *,
    sender: str = "Reporter <soc@victim.example.com>",
    to: str = "abuse@isp.example.net",
    subject: str = "Complaint",
    date: str = "Tue, 04 Mar 2025 09:15:00 +0100",
    extra: str = "",
) -> bytes:
    """A mail with the usual fields; `extra` holds further header lines, each ended by a line feed."""
    head = f"From: {sender}\nTo: {to}\nSubject: {subject}\nDate: {date}\nMessage-ID: <1@victim.example.com>\n{extra}\n"
    return head.encode() + (body if isinstance(body, bytes) else body.encode())


def multipart(*parts: str, subtype: str = "mixed", extra: str = "", **fields: str) -> bytes:
    """A multipart mail; each part is its header lines, a blank line and its body."""
    body = "".join(f"--bound\n{part}\n" for part in parts) + "--bound--\n"
    content_type = f'MIME-Version: 1.0\nContent-Type: multipart/{subtype}; boundary="bound"\n'
    return mail(body, extra=extra + content_type, **fields)


def read(raw: bytes, **context: object) -> ParsedEmail:
    return parse(raw, ParserContext(**context))  # type: ignore[arg-type]


def values(parsed: ParsedEmail, *kinds: ItemKind) -> list[str]:
    return [item.value for item in parsed.items if not kinds or item.kind in kinds]
