"""A ticket's conversation: exported in one file, and sent along to the customer."""

from __future__ import annotations

import io
from email import message_from_bytes, policy

import pytest
from django.utils import timezone
from pypdf import PdfReader

from abuse.models import OutgoingMessage, ReceivedMessage, Ticket
from abuse.services.email import EmailService
from abuse.services.storage import StorageService

from ..conftest import Caller
from ..rows import a_defendant, a_provider, a_report, a_ticket
from .wire import ok, refused

pytestmark = pytest.mark.django_db
CUSTOMER, REPORTER = "jo@customer.example", "cert@reporter.example"
WAIT = {"codename": "waiting_answer", "params": {}}


@pytest.fixture
def ticket(ann: Caller) -> Ticket:
    row = a_ticket(defendant=a_defendant(email=CUSTOMER), treated_by=ann.user)
    a_report(ticket=row, provider=a_provider(REPORTER))
    return row


def wrote(ticket: Ticket, sender: str, category: str, text: str) -> None:
    ReceivedMessage.create(
        ticket=ticket, category=category, sender=sender, recipient="ticket", subject="Re: Look", body=text,
        date=timezone.now(),
    )  # fmt: skip


@pytest.mark.parametrize(("form", "begins"), [("eml", b"Subject: Ticket "), ("pdf", b"%PDF-"), ("html", b"<!DOCTYPE")])
def test_a_conversation_is_exported_as_a_download(ann: Caller, ticket: Ticket, form: str, begins: bytes) -> None:
    wrote(ticket, CUSTOMER, "Defendant", "<script>alert(1)</script>")
    path = f"/api/tickets/{ticket.pk}/emails/export?form={form}"
    response = ann.client.get(path, headers={"X-Api-Token": ann.token})
    assert response.status_code == 200
    assert response.mimetype == "application/octet-stream"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith(f"attachment; filename=ticket_{ticket.public_id}_emails_")
    assert disposition.endswith(f".{form}")
    assert response.data.startswith(begins)
    assert b"<script>" not in response.data


def test_an_export_that_cannot_be_is_refused(ann: Caller, ticket: Ticket) -> None:
    path = f"/tickets/{ticket.pk}/emails/export"
    assert "no mails" in refused(ann, "GET", path, status=409)
    wrote(ticket, CUSTOMER, "Defendant", "Done.")
    assert "form" in refused(ann, "GET", f"{path}?form=docx", status=400)


def test_the_customer_gets_the_conversation_with_him_and_with_nobody_else(ann: Caller, ticket: Ticket) -> None:
    wrote(ticket, CUSTOMER, "Defendant", "We removed it.")
    wrote(ticket, REPORTER, "Plaintiff", "Between us: it is still there.")
    mail = {"to": [CUSTOMER], "subject": "Look", "body": "See the file.", "attachEmailThread": True}
    ok(ann, "POST", f"/tickets/{ticket.pk}/interact", {"action": WAIT, "emails": [mail]})
    (file,) = EmailService.get_emails(ticket)[-1].attachments
    assert file.filename.startswith(f"ticket_{ticket.public_id}_emails_")
    assert file.content_type == "application/pdf"
    pages = PdfReader(io.BytesIO(StorageService.read(file.key))).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert "We removed it." in text
    assert "Between us" not in text
    assert REPORTER not in text


def test_the_conversation_goes_to_the_customer_alone(ann: Caller, ticket: Ticket) -> None:
    mail = {"to": [CUSTOMER], "subject": "Look", "body": "See the file.", "attachEmailThread": True}
    path = f"/tickets/{ticket.pk}/interact"
    said = refused(ann, "POST", path, {"action": WAIT, "emails": [mail]}, status=409)
    assert said.startswith("emails.attachEmailThread")
    assert "no mails" in said
    wrote(ticket, CUSTOMER, "Defendant", "We removed it.")
    for to in ([REPORTER], [CUSTOMER, REPORTER], ["other@elsewhere.example"]):
        said = refused(ann, "POST", path, {"action": WAIT, "emails": [{**mail, "to": to}]}, status=409)
        assert "expected only in mails to Defendant" in said
    assert (Ticket.get().status, OutgoingMessage.count()) == ("Open", 0)


def test_an_exported_mail_can_be_read_by_a_mail_client(ann: Caller, ticket: Ticket) -> None:
    wrote(ticket, CUSTOMER, "Defendant", "We removed it.")
    path = f"/api/tickets/{ticket.pk}/emails/export"
    whole = message_from_bytes(ann.client.get(path, headers={"X-Api-Token": ann.token}).data, policy=policy.default)
    (inner,) = [part.get_content() for part in whole.iter_attachments()]
    assert (inner["From"], inner.get_content().strip()) == (CUSTOMER, "We removed it.")
