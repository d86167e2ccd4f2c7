"""Feeds for tests: files, and mails that carry them."""

from __future__ import annotations

import base64
import io
import zipfile
from email.message import EmailMessage

from abuse.parsers import ParsedEmail, ParsedItem, ParserContext, parse

CONTEXT = ParserContext()


def read(text: str | bytes, name: str = "", context: ParserContext = CONTEXT) -> ParsedEmail:
    """A bare file, as parsed."""
    return parse(text.encode() if isinstance(text, str) else text, context, name)


def values(parsed: ParsedEmail) -> list[tuple[str, str]]:
    """Kind and value of each item."""
    return [(str(item.kind), item.value) for item in parsed.items]


def only(parsed: ParsedEmail) -> ParsedItem:
    """The one item."""
    (item,) = parsed.items
    return item


def mailed(content: bytes, name: str, *, subject: str = "Report", text: str = "See the file.", kind: str = "") -> bytes:
    """A mail with one file."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "reports@scanner.example", "abuse@isp.example.net", subject
    mail["Date"] = "Mon, 23 Nov 2026 06:00:00 +0000"
    mail.set_content(text)
    main, _, sub = (kind or "application/octet-stream").partition("/")
    mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return mail.as_bytes()


def zipped(files: dict[str, str | bytes]) -> bytes:
    """A zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def base64_mail(content: bytes, name: str) -> bytes:
    """As `mailed`, for contents for which the standard library takes too long."""
    head = (
        "From: reports@scanner.example\nTo: abuse@isp.example.net\nSubject: Report\n"
        "Date: Mon, 23 Nov 2026 06:00:00 +0000\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nSee the file.\n--b\n'
        f'Content-Type: application/octet-stream; name="{name}"\nContent-Transfer-Encoding: base64\n'
        f'Content-Disposition: attachment; filename="{name}"\n\n'
    )
    return head.encode() + base64.encodebytes(content) + b"--b--\n"
