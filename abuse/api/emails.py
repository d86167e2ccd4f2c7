"""Mails that came in: what became of each, the bytes as they came, and another try for those that are parked."""

from __future__ import annotations

from typing import Any, Self

from apiflask import APIBlueprint
from flask import Response
from pydantic import Field

from abuse import queues
from abuse.models import Email, EmailState, Report
from abuse.pipeline.claims import retry
from abuse.policies import Right
from abuse.services.storage import StorageService, StorageServiceException

from .access import needs
from .answers import Answer, EpochSeconds, Message, Paged
from .bodies import not_found
from .conditions import Condition, Kind
from .filters import FiltersParameter, read_filters
from .listing import Listing
from .objects import child
from .stored_files import as_download

blueprint = APIBlueprint("emails", __name__, url_prefix="/api/emails", tag="Mails")

MAX_COUNT = 10_000
MAX_REPORTS = 1000
RETRIABLE = (EmailState.FAILED, EmailState.IGNORED)
_EXAMPLE: dict[str, Any] = {
    "id": 7, "state": "failed", "reason": "gave up after 5 attempts", "error": "ValueError: …", "kind": "",
    "size": 2048,
    "subject": "Phishing", "provider": "cert@reporter.example", "envelopeSender": "cert@reporter.example",
    "source": "imap://mail.example.net/INBOX", "attempts": 5, "deliveries": 1, "receivedAt": 1767225600,
    "nextAttemptAt": 1767225900, "doneAt": 1767225900,
}  # fmt: skip
_COLUMNS = (
    "state", "reason", "error", "kind", "size", "subject", "provider", "envelope_sender", "source", "attempts",
    "deliveries", "received_at", "next_attempt_at", "done_at",
)  # fmt: skip


class EmailRow(Answer):
    """A mail that came in."""

    id: int
    state: str = Field(
        description="received, processing, processed, answer, duplicate, ignored, or failed: parked for a person."
    )
    reason: str = Field(description="Why it ended so.")
    error: str = Field(description="The last failure.")
    kind: str
    size: int = Field(description="Bytes.")
    subject: str
    provider: str
    envelope_sender: str | None
    source: str = Field(description="Where it came from.")
    attempts: int
    deliveries: int = Field(description="How often the same bytes came.")
    received_at: EpochSeconds
    next_attempt_at: EpochSeconds
    done_at: EpochSeconds | None

    @classmethod
    def of(cls, row: Email) -> Self:
        return cls(id=row.pk, **{name: getattr(row, name) for name in _COLUMNS})


class EmailPage(Paged):
    emails: list[EmailRow]
    emails_count: int = Field(description="How many fulfil the conditions; 10000 stands for more.")


class EmailOutcome(Answer):
    """A report that the mail became, and the ticket that it is on."""

    report: int
    category: str
    status: str
    ticket: int | None

    @classmethod
    def of(cls, row: Report) -> Self:
        return cls(report=row.pk, category=row.category_id, status=row.status, ticket=row.ticket_id)


class EmailDetail(EmailRow):
    envelope_recipients: list[str]
    message_id: str | None
    template: str = Field(description="By which it was read.")
    defects: list[Any]
    authentication: dict[str, Any] = Field(description="SPF, DKIM, DMARC and ARC: what was found, and by whom.")
    duplicate_of: int | None = Field(description="The mail that came before it.")
    ticket: int | None = Field(description="The ticket that it answers.")
    reports: list[EmailOutcome] = Field(description=f"The first {MAX_REPORTS}.")
    can_be_retried: bool

    @classmethod
    def of(cls, row: Email) -> Self:
        return cls(
            id=row.pk,
            **{name: getattr(row, name) for name in _COLUMNS},
            envelope_recipients=row.envelope_recipients,
            message_id=row.message_id,
            template=row.template,
            defects=row.defects,
            authentication=row.authentication,
            duplicate_of=row.duplicate_of_id,
            ticket=row.ticket_id,
            reports=[EmailOutcome.of(one) for one in row.reports.defer("body").order_by("pk")[:MAX_REPORTS]],
            can_be_retried=row.state in RETRIABLE,
        )


EMAILS: Listing[Email] = Listing(
    fields=frozenset(EmailRow.json_names()),
    always=frozenset(EmailRow.json_names()),
    sorts={"id": "pk", "receivedAt": "received_at", "doneAt": "done_at", "size": "size", "attempts": "attempts"},
    default_sort=("-received_at", "-pk"),
    conditions={
        "id": [Condition("pk", Kind.ID)],
        "state": [Condition("state")],
        "kind": [Condition("kind")],
        "provider": [Condition("provider")],
        "envelopeSender": [Condition("envelope_sender", nullable=True)],
        "subject": [Condition("subject")],
        "source": [Condition("source")],
        "reason": [Condition("reason")],
        "error": [Condition("error")],
        "messageId": [Condition("message_id", nullable=True)],
        "ticket": [Condition("ticket_id", Kind.ID, nullable=True)],
    },
)
_MAIL = "From: reporter@example.com\r\nTo: abuse@example.net\r\nSubject: Spam from 203.0.113.9\r\n\r\nHello\r\n"
_RAW: dict[int, Any] = {
    200: {
        "description": "The mail.",
        "content": {"message/rfc822": {"schema": {"type": "string", "format": "binary"}, "example": _MAIL}},
    },
    404: "There is no such mail, or its bytes are not kept any more.",
}


@blueprint.get("")
@needs(Right.ADMINISTER)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(EmailPage, example={"emails": [_EXAMPLE], "emailsCount": 1})
@blueprint.doc(description=EMAILS.description("Newest first; rows are always whole.", passes_over=("queryFields",)))
def list_emails(query_data: FiltersParameter) -> EmailPage:
    """List the mails that came in"""
    filters = read_filters(query_data.filters)
    rows = EMAILS.chosen(Email.all(), filters)
    page = EMAILS.page(rows, filters)
    count = rows.order_by()[:MAX_COUNT].count()
    return EmailPage(emails=[EmailRow.of(row) for row in page], emails_count=count, next=page.next)


@blueprint.get("/<int:email_id>")
@needs(Right.ADMINISTER, recorded=True)
@blueprint.output(
    EmailDetail,
    example={
        **_EXAMPLE, "envelopeRecipients": ["abuse@example.net"], "messageId": "<1@reporter.example>", "template": "",
        "defects": [], "authentication": {}, "duplicateOf": None, "ticket": None, "canBeRetried": True,
        "reports": [{"report": 17, "category": "Phishing", "status": "Attached", "ticket": 42}],
    },
)  # fmt: skip
def show_email(email_id: int) -> EmailDetail:
    """Show what became of a mail"""
    return EmailDetail.of(_email(email_id))


@blueprint.get("/<int:email_id>/raw")
@needs(Right.ADMINISTER, recorded=True)
@blueprint.doc(responses=_RAW)
def get_raw_email(email_id: int) -> Response:
    """Download a mail as it came

    Always as a download that no browser opens.
    """
    try:
        content = StorageService.read(_email(email_id).sha256)
    except StorageServiceException as error:
        if not error.permanent:
            raise
        raise not_found("stored mail", email_id) from None
    response = as_download(content, f"mail-{email_id}.eml")
    response.mimetype = "message/rfc822"
    return response


@blueprint.post("/<int:email_id>/retry")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example={"message": "Mail 7 waits to be worked on again"})
@blueprint.doc(responses={409: "It has not failed, and was not ignored."})
def retry_email(email_id: int) -> Message:
    """Let a parked or ignored mail be tried again"""
    row = _email(email_id)
    retry([row.pk])
    queues.ring()
    return Message(message=f"Mail {row.pk} waits to be worked on again")


def _email(email_id: int) -> Email:
    return child(Email.all(), "mail", email_id)
