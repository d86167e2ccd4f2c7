"""The words for where a thing stands, and which moves between them are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from django.db import models

_Status = TypeVar("_Status", bound=models.TextChoices)


class EmailState(models.TextChoices):
    """Where a received mail stands. RECEIVED and PROCESSING are on the way; all others are visible ends."""

    RECEIVED = "received", "Received"
    PROCESSING = "processing", "Processing"
    PROCESSED = "processed", "Processed"
    ANSWER = "answer", "Answer to a ticket"
    DUPLICATE = "duplicate", "Duplicate"
    IGNORED = "ignored", "Ignored"
    FAILED = "failed", "Failed"


EMAIL_ENDS = frozenset(
    {EmailState.PROCESSED, EmailState.ANSWER, EmailState.DUPLICATE, EmailState.IGNORED, EmailState.FAILED}
)

EMAIL_MOVES: Mapping[EmailState, frozenset[EmailState]] = {
    EmailState.RECEIVED: frozenset({EmailState.PROCESSING}),
    EmailState.PROCESSING: EMAIL_ENDS | {EmailState.RECEIVED},
    EmailState.PROCESSED: frozenset(),
    EmailState.ANSWER: frozenset(),
    EmailState.DUPLICATE: frozenset(),
    EmailState.IGNORED: frozenset({EmailState.RECEIVED}),
    EmailState.FAILED: frozenset({EmailState.RECEIVED}),
}


class ReportStatus(models.TextChoices):
    NEW = "New", "New"
    ARCHIVED = "Archived", "Archived"
    ATTACHED = "Attached", "Attached"
    PHISH_TO_CHECK = "PhishToCheck", "PhishToCheck"
    TO_VALIDATE = "ToValidate", "ToValidate"


REPORT_MOVES: Mapping[ReportStatus, frozenset[ReportStatus]] = {
    ReportStatus.NEW: frozenset(set(ReportStatus) - {ReportStatus.NEW}),
    ReportStatus.ARCHIVED: frozenset({ReportStatus.NEW, ReportStatus.ATTACHED}),
    ReportStatus.ATTACHED: frozenset({ReportStatus.NEW, ReportStatus.ARCHIVED}),
    ReportStatus.PHISH_TO_CHECK: frozenset({ReportStatus.NEW, ReportStatus.ATTACHED, ReportStatus.ARCHIVED}),
    ReportStatus.TO_VALIDATE: frozenset({ReportStatus.NEW, ReportStatus.ATTACHED, ReportStatus.ARCHIVED}),
}


class TicketStatus(models.TextChoices):
    OPEN = "Open", "Open"
    ANSWERED = "Answered", "Answered"
    WAITING_ANSWER = "WaitingAnswer", "Waiting for an answer"
    ALARM = "Alarm", "Alarm"
    PAUSED = "Paused", "Paused"
    ACTION_ERROR = "ActionError", "Action error"
    REOPENED = "Reopened", "Reopened"
    CLOSED = "Closed", "Closed"


_S = TicketStatus
_LIVE = frozenset(set(TicketStatus) - {_S.CLOSED})

# Open is where tickets begin and Reopened where closed ones come back: no live ticket moves there, except out of a
# pause, which gives back the status it interrupted, and Open when a missing customer has been found.
TICKET_MOVES: Mapping[TicketStatus, frozenset[TicketStatus]] = {
    _S.OPEN: frozenset({_S.ANSWERED, _S.WAITING_ANSWER, _S.ALARM, _S.PAUSED, _S.ACTION_ERROR, _S.CLOSED}),
    _S.ANSWERED: frozenset({_S.OPEN, _S.WAITING_ANSWER, _S.ALARM, _S.PAUSED, _S.ACTION_ERROR, _S.CLOSED}),
    _S.WAITING_ANSWER: frozenset(
        {_S.OPEN, _S.ANSWERED, _S.WAITING_ANSWER, _S.ALARM, _S.PAUSED, _S.ACTION_ERROR, _S.CLOSED}
    ),
    _S.ALARM: frozenset({_S.OPEN, _S.ANSWERED, _S.WAITING_ANSWER, _S.PAUSED, _S.ACTION_ERROR, _S.CLOSED}),
    _S.PAUSED: _LIVE - {_S.PAUSED} | {_S.CLOSED},
    _S.ACTION_ERROR: frozenset({_S.OPEN, _S.ANSWERED, _S.WAITING_ANSWER, _S.ALARM, _S.PAUSED, _S.CLOSED}),
    _S.REOPENED: frozenset({_S.OPEN, _S.ANSWERED, _S.WAITING_ANSWER, _S.ALARM, _S.PAUSED, _S.ACTION_ERROR, _S.CLOSED}),
    _S.CLOSED: frozenset({_S.REOPENED}),
}


TO_DO = (_S.ACTION_ERROR, _S.ANSWERED, _S.ALARM, _S.REOPENED, _S.OPEN)
"""The statuses of tickets that wait for somebody of the desk."""


class Priority(models.TextChoices):
    LOW = "Low", "Low"
    NORMAL = "Normal", "Normal"
    HIGH = "High", "High"
    CRITICAL = "Critical", "Critical"

    @property
    def rank(self) -> int:
        """0 for Low up to 3 for Critical."""
        return list(Priority).index(self)


class OutboxState(models.TextChoices):
    """Where a mail of ours stands.

    SENDING: the mail server is being given it. UNCERTAIN: whoever gave it died, or heard no answer, so that it may have
    been taken; a person decides whether it is sent again.
    """

    PENDING = "pending", "Pending"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    UNCERTAIN = "uncertain", "Uncertain"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


_O = OutboxState
OUTBOX_MOVES: Mapping[OutboxState, frozenset[OutboxState]] = {
    _O.PENDING: frozenset({_O.SENDING, _O.FAILED, _O.CANCELLED}),
    _O.SENDING: frozenset({_O.SENT, _O.PENDING, _O.FAILED, _O.UNCERTAIN}),
    _O.UNCERTAIN: frozenset({_O.SENT, _O.PENDING, _O.FAILED, _O.CANCELLED}),
    _O.SENT: frozenset(),
    _O.FAILED: frozenset({_O.PENDING, _O.CANCELLED}),
    _O.CANCELLED: frozenset({_O.PENDING}),
}


class DeadlineState(models.TextChoices):
    PENDING = "pending", "Pending"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


class MoveRefused(Exception):
    """A status move that the table does not allow."""

    def __init__(self, what: str, old: str, new: str, allowed: frozenset[str]) -> None:
        self.old, self.new = old, new
        expected = ", ".join(sorted(allowed)) or "none: it is an end"
        super().__init__(f"{what}: {old} -> {new} is not allowed; expected one of: {expected}")


def check_move(what: str, moves: Mapping[_Status, frozenset[_Status]], old: _Status, new: _Status) -> None:
    """Refuse a move that the table does not list.

    :raises MoveRefused: naming what, from where to where, and which moves are allowed.
    """
    if new not in moves[old]:
        raise MoveRefused(what, str(old), str(new), frozenset(str(move) for move in moves[old]))
