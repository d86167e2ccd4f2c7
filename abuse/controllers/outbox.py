"""Where each mail of ours stands, from waiting to its end. Every end that is not "sent" is seen by people.

    pending --claim--> pending (attempt counted, the next one later) --begin--> sending --> sent
                                                                        |--> pending, failed: the server refused it
                                                                        '--> uncertain: nobody heard what it said

A mail is `sending` from just before its text is given away until the server has answered. Whoever dies in between
leaves it so: after a while it is uncertain, since it may have been taken, and only a person sends it again. So every
mail is sent once, or visibly not.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from abuse.models import (
    OUTBOX_MOVES,
    History,
    MoveRefused,
    OutboxState,
    OutgoingMessage,
    Ticket,
    TicketStatus,
    User,
    check_move,
)

from . import moves
from .editing import edit
from .history import record, robot

State = OutboxState
MAX_ATTEMPTS = 12
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
TO_CUSTOMERS = frozenset({"Defendant"})
"""Categories of mails that a ticket cannot go on without."""
NOT_KNOWN = "whoever was sending it stopped; the mail server may have taken it"


def due(limit: int) -> list[int]:
    """The ids of mails that are to be sent now."""
    rows = OutgoingMessage.filter(state=State.PENDING, next_attempt_at__lte=timezone.now())
    return list(rows.order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:limit])


def is_something_due() -> bool:
    """Whether there is a mail to be sent, or one whose sender is taken for dead."""
    under_way = [State.PENDING, State.SENDING]
    return OutgoingMessage.filter(state__in=under_way, next_attempt_at__lte=timezone.now()).exists()


@transaction.atomic
def claim(pk: int) -> OutgoingMessage | None:
    """Take a mail that is due and count the attempt, so that none is tried for ever; None when another has it."""
    message = (
        OutgoingMessage.filter(pk=pk, state=State.PENDING, next_attempt_at__lte=timezone.now())
        .select_for_update(skip_locked=True)
        .first()
    )
    if message is None:
        return None
    message.attempts += 1
    message.next_attempt_at = timezone.now() + min(FIRST_RETRY * 2 ** (message.attempts - 1), LONGEST_RETRY)
    message.save(update_fields=["attempts", "next_attempt_at"])
    return message


def begin(message: OutgoingMessage, *, dead_at: datetime) -> bool:
    """Mark a claimed mail as being sent; False when it is not ours any more. Its sender is taken for dead later on."""
    mine = OutgoingMessage.filter(pk=message.pk, state=State.PENDING, attempts=message.attempts)
    return mine.update(state=State.SENDING, next_attempt_at=dead_at) == 1


def sent(message: OutgoingMessage) -> None:
    """The mail server took it: whatever others have thought of it meanwhile."""
    OutgoingMessage.filter(pk=message.pk).update(state=State.SENT, sent_at=timezone.now(), error="")


@transaction.atomic
def refused(message: OutgoingMessage, error: str, *, permanent: bool) -> None:
    """The mail server did not take it: it is tried again later, or given up and shown to people."""
    row = _lock(message)
    if row is None or row.state not in {State.PENDING, State.SENDING}:
        return
    gives_up = permanent or row.attempts >= MAX_ATTEMPTS
    row.state, row.error = State.FAILED if gives_up else State.PENDING, error[:2000]
    if not gives_up:
        row.next_attempt_at = message.next_attempt_at
    row.save(update_fields=["state", "error", "next_attempt_at"])
    if gives_up:
        _tell(row, error)


@transaction.atomic
def in_doubt(message: OutgoingMessage, error: str, *, resend: bool) -> None:
    """Nobody knows whether the mail server took it. `resend`: send it again all the same, with the same Message-ID."""
    row = _lock(message)
    if row is None or row.state != State.SENDING:
        return
    row.error, row.next_attempt_at = error[:2000], timezone.now()
    row.state = State.PENDING if resend and row.attempts < MAX_ATTEMPTS else State.UNCERTAIN
    row.save(update_fields=["state", "error", "next_attempt_at"])
    if row.state == State.UNCERTAIN:
        _tell(row, error)


def note_dead_senders(*, resend: bool, limit: int = 1000) -> int:
    """Find the mails whose sender died while he gave them away; how many."""
    lost = OutgoingMessage.filter(state=State.SENDING, next_attempt_at__lte=timezone.now()).order_by("pk")[:limit]
    found = list(lost)
    for message in found:
        in_doubt(message, NOT_KNOWN, resend=resend)
    return len(found)


@transaction.atomic
def send_again(message: OutgoingMessage, *, actor: User) -> None:
    """Have a mail sent that was given up, cancelled, or of which nobody knows whether it was sent.

    :raises MoveRefused: for one that waits, is being sent, or was sent.
    """
    row = _locked(message)
    if row.state == State.SENDING:
        # Back to pending is the sender's own move, when the server refused: a person's would send it twice.
        raise MoveRefused(str(row), row.state, State.PENDING, OUTBOX_MOVES[State.SENDING] - {State.PENDING})
    check_move(str(row), OUTBOX_MOVES, State(row.state), State.PENDING)
    old, row.state, row.attempts, row.next_attempt_at = row.state, State.PENDING, 0, timezone.now()
    row.save(update_fields=["state", "attempts", "next_attempt_at"])
    _record(History.Type.REQUEUE_EMAIL, row, actor=actor, old=old)


@transaction.atomic
def cancel(message: OutgoingMessage, *, actor: User) -> None:
    """Take back a mail that is not sent.

    :raises MoveRefused: for one that is being sent, or was.
    """
    row = _locked(message)
    check_move(str(row), OUTBOX_MOVES, State(row.state), State.CANCELLED)
    old, row.state = row.state, State.CANCELLED
    row.save(update_fields=["state"])
    _record(History.Type.CANCEL_EMAIL, row, actor=actor, old=old)


def people_must_look(ticket: Ticket, *, actor: User) -> None:
    """A mail that the ticket depends on did not arrive: it becomes an alarm, unless it is closed."""
    edit(ticket, actor=actor)
    if ticket.status not in {TicketStatus.ALARM, TicketStatus.CLOSED}:
        moves.set_status(ticket, TicketStatus.ALARM, actor=actor)


def _lock(message: OutgoingMessage) -> OutgoingMessage | None:
    """The row, locked after its ticket: as the working off of mails locks."""
    if message.ticket_id is not None:
        list(Ticket.filter(pk=message.ticket_id).select_for_update(no_key=True).values_list("pk"))
    return OutgoingMessage.filter(pk=message.pk).select_for_update(of=("self",)).select_related("ticket").first()


def _locked(message: OutgoingMessage) -> OutgoingMessage:
    row = _lock(message)
    if row is None:
        raise OutgoingMessage.DoesNotExist(f"outgoing mail {message.pk}: there is none of that id")
    return row


def _tell(row: OutgoingMessage, error: str) -> None:
    actor = robot()
    _record(History.Type.FAIL_EMAIL, row, actor=actor, error=error[:300])
    if row.ticket is not None and row.category in TO_CUSTOMERS:
        people_must_look(row.ticket, actor=actor)


def _record(
    action: History.Type, row: OutgoingMessage, *, actor: User, old: str | None = None, error: str | None = None
) -> None:
    """History is about tickets: a mail without one has its state alone."""
    if row.ticket is not None:
        record(
            action, actor=actor, ticket=row.ticket, new=row.recipient, message_id=row.message_id,
            category=row.category, template=row.template_codename, state=str(row.state), error=error, before=old,
        )  # fmt: skip
