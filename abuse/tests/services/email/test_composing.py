"""What goes over the wire."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from django.utils import timezone

from abuse.models import OutgoingMessage
from abuse.services.email.composing import as_bytes, as_mail


@pytest.mark.parametrize("length", range(60, 100, 3))
@pytest.mark.parametrize("letter", ["a", "é"])
def test_no_field_begins_with_an_empty_line(length: int, letter: str) -> None:
    subject = ("[Case BCDFGHJKLM] Please act: a complaint about " + f"{letter} service " * 9)[:length].strip()
    message = OutgoingMessage(
        sender="ticket+BCDFGHJKLM.Defendant.0123456789abcdef@desk.example", recipient="jo@customer.example",
        subject=subject, body="Hello\r\n\r\nReferences: \r\n of the text are left alone\r\n",
        message_id="<one@desk.example>", created_at=timezone.now(), headers={},
    )  # fmt: skip
    thread = [f"<{number:036}.{'x' * 30}@desk.example>" for number in range(3)]
    raw = as_bytes(as_mail(message, thread))
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert [line for line in lines if line.rstrip().endswith(b":") or not line.strip()] == []
    assert max(len(line) for line in lines) <= 100
    assert b"References: \r\n of the text" in body.replace(b"=20", b" ")
    read = message_from_bytes(raw, policy=policy.default)
    assert read["Subject"] == subject
    assert str(read["References"]).split() == thread
