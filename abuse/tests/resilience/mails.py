"""Complaints as they come by mail."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

REPORTER = "reporter@cert.example"
STRANGER = "somebody@elsewhere.example"
CUSTOMERS = 5
_SENT = format_datetime(datetime.now(UTC))


def address(customer: int) -> str:
    """The address of one of the customers, counted from 0."""
    return f"203.0.113.{10 + customer}"


def complaint(
    number: int, *, about: str | None = None, sender: str = REPORTER, received: str = "", subject: str = "Spam"
) -> bytes:
    """A complaint of category Spam. Equal arguments give equal bytes; `received` is the last hop of its way here."""
    about = about or address(0)
    hop = f"Received: from mx.cert.example by {received}; {_SENT}\r\n" if received else ""
    return (
        f"{hop}From: Reporter <{sender}>\r\nTo: abuse@desk.example\r\n"
        f"Subject: {subject} from {about}, case {number}\r\n"
        f"Message-ID: <{number}.{sender}>\r\nDate: {_SENT}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        f"We received spam from your address {about} today, our case {number}. Please stop it.\r\n"
    ).encode()
