"""Mails of ours: to be sent, given up, or maybe sent; and what a person makes of them."""

from __future__ import annotations

from typing import Any, Self

from apiflask import APIBlueprint
from pydantic import Field

from abuse.controllers import outbox
from abuse.models import OUTBOX_MOVES, OutboxState, OutgoingMessage
from abuse.policies import Right

from .access import current_user, needs
from .answers import Answer, EpochSeconds, Paged
from .conditions import Condition, Kind
from .filters import FiltersParameter, read_filters
from .listing import Listing
from .objects import child

blueprint = APIBlueprint("outbox", __name__, url_prefix="/api/outbox", tag="Mails")

MAX_COUNT = 10_000
_EXAMPLE: dict[str, Any] = {
    "id": 9, "state": "failed", "error": "550 5.1.1 no such user", "category": "Defendant",
    "sender": "abuse@example.net",
    "recipient": "owner@customer.example", "subject": "Abuse from your service", "messageId": "<1@example.net>",
    "templateCodename": "first_notice", "attempts": 12, "createdAt": 1767225600, "nextAttemptAt": 1767225900,
    "sentAt": None, "bouncedAt": None, "bounceStatus": "", "bounceDiagnostic": "", "ticket": 42, "report": None,
    "canBeSentAgain": True, "canBeCancelled": True,
}  # fmt: skip
_COLUMNS = (
    "state", "error", "category", "sender", "recipient", "subject", "message_id", "template_codename", "attempts",
    "created_at", "next_attempt_at", "sent_at", "bounced_at", "bounce_status", "bounce_diagnostic",
)  # fmt: skip


class OutgoingRow(Answer):
    """A mail of ours, without its text."""

    id: int
    state: str = Field(
        description="pending, sending, sent, failed: given up, uncertain: may have been sent, or cancelled."
    )
    error: str
    category: str
    sender: str
    recipient: str
    subject: str
    message_id: str
    template_codename: str
    attempts: int
    created_at: EpochSeconds
    next_attempt_at: EpochSeconds
    sent_at: EpochSeconds | None
    bounced_at: EpochSeconds | None = Field(description="When it came back.")
    bounce_status: str = Field(description="RFC 3463, such as 5.1.1.")
    bounce_diagnostic: str
    ticket: int | None
    report: int | None
    can_be_sent_again: bool
    can_be_cancelled: bool

    @classmethod
    def of(cls, row: OutgoingMessage) -> Self:
        moves = OUTBOX_MOVES[OutboxState(row.state)]
        return cls(
            id=row.pk,
            **{name: getattr(row, name) for name in _COLUMNS},
            ticket=row.ticket_id,
            report=row.report_id,
            can_be_sent_again=OutboxState.PENDING in moves and row.state != OutboxState.SENDING,
            can_be_cancelled=OutboxState.CANCELLED in moves,
        )


class OutgoingPage(Paged):
    messages: list[OutgoingRow]
    messages_count: int = Field(description="How many fulfil the conditions; 10000 stands for more.")


OUTGOING: Listing[OutgoingMessage] = Listing(
    fields=frozenset(OutgoingRow.json_names()),
    always=frozenset(OutgoingRow.json_names()),
    sorts={"id": "pk", "createdAt": "created_at", "sentAt": "sent_at", "nextAttemptAt": "next_attempt_at"},
    default_sort=("-pk",),
    conditions={
        "id": [Condition("pk", Kind.ID)],
        "state": [Condition("state")],
        "category": [Condition("category")],
        "recipient": [Condition("recipient")],
        "subject": [Condition("subject")],
        "messageId": [Condition("message_id")],
        "templateCodename": [Condition("template_codename")],
        "error": [Condition("error")],
        "bounceStatus": [Condition("bounce_status")],
        "ticket": [Condition("ticket_id", Kind.ID, nullable=True)],
    },
)


@blueprint.get("")
@needs(Right.ADMINISTER)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(OutgoingPage, example={"messages": [_EXAMPLE], "messagesCount": 1})
@blueprint.doc(description=OUTGOING.description("Newest first; rows are always whole.", passes_over=("queryFields",)))
def list_outgoing(query_data: FiltersParameter) -> OutgoingPage:
    """List the mails of the desk"""
    filters = read_filters(query_data.filters)
    rows = OUTGOING.chosen(OutgoingMessage.all(), filters)
    page = OUTGOING.page(rows.defer("body", "body_html"), filters)
    count = rows.order_by()[:MAX_COUNT].count()
    return OutgoingPage(messages=[OutgoingRow.of(row) for row in page], messages_count=count, next=page.next)


@blueprint.post("/<int:message_id>/requeue")
@needs(Right.ADMINISTER)
@blueprint.output(OutgoingRow, example=_EXAMPLE)
@blueprint.doc(responses={409: "It waits, is being sent, or was sent."})
def requeue(message_id: int) -> OutgoingRow:
    """Send a mail again that was given up, cancelled, or maybe sent"""
    outbox.send_again(_message(message_id), actor=current_user())
    return OutgoingRow.of(_message(message_id))


@blueprint.post("/<int:message_id>/cancel")
@needs(Right.ADMINISTER)
@blueprint.output(OutgoingRow, example={**_EXAMPLE, "state": "cancelled", "canBeCancelled": False})
@blueprint.doc(responses={409: "It is being sent, or was."})
def cancel(message_id: int) -> OutgoingRow:
    """Take a mail back that is not sent"""
    outbox.cancel(_message(message_id), actor=current_user())
    return OutgoingRow.of(_message(message_id))


def _message(message_id: int) -> OutgoingMessage:
    return child(OutgoingMessage.all(), "outgoing mail", message_id)
