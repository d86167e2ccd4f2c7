"""The sweeper: whatever bell was lost, the rows still say what is to be done."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.utils import timezone

from abuse.config import current
from abuse.controllers import late, lookups, searching, webhook_sending, webhooks
from abuse.controllers.audit import forget_old_entries
from abuse.controllers.counting import count_stale_days, doubt_the_last_days
from abuse.controllers.drift import look_for_drift
from abuse.controllers.idempotency import forget_old_keys
from abuse.controllers.outbox import is_something_due
from abuse.controllers.url_checks import forget as forget_looks
from abuse.controllers.workflow import run_due
from abuse.models import OutboxState, OutgoingMessage
from abuse.pipeline.claims import waiting_count
from abuse.queues import ASK_AGAIN, LOOK_UP_NAMES, SEND_THE_OUTBOX, SEND_WEBHOOKS, ring, ring_at_most_every
from abuse.services.email import EmailService

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a round found: deadlines settled, mails waiting to be read, messages waiting to be sent."""

    deadlines: int
    waiting: int
    outgoing: int


OUTBOX_BELL = 600
"""Seconds until the outbox is rung for again though no worker has begun to send: the one that should may be dead."""
SEARCH_BELL = 60
"""Seconds until a search system outside of the database is told again though no worker has begun to."""
WEBHOOK_BELL = 180
"""Seconds until webhooks are rung for again though no worker has begun to send."""
HOUR = 3600.0
"""Seconds between two looks at what changes slowly."""


def sweep_slowly() -> int:
    """What need not be looked at every few seconds; how many alarms were raised.

    Reporters who changed their mails are noticed, old looks at pages, entries of the record, keys of calls and events
    forgotten, and the last days counted anew.
    """
    forget_looks()
    webhooks.forget_old_events()
    forget_old_entries(current().API.audit_retention_days)
    forget_old_keys()
    doubt_the_last_days()
    raised = look_for_drift().raised
    for message in raised:
        log.warning("%s", message)
    return len(raised)


def sweep() -> Swept:
    """One round: settle deadlines, ring for mails that wait, for messages to be sent and customers to be asked for."""
    deadlines = run_due()
    count_stale_days()
    waiting = waiting_count()
    if waiting:
        ring()
    outgoing = OutgoingMessage.filter(state=OutboxState.PENDING, next_attempt_at__lte=timezone.now()).count()
    if EmailService.transport(current().MAIL) is not None and is_something_due():
        ring_at_most_every(OUTBOX_BELL, SEND_THE_OUTBOX)
    if current().PIPELINE.late_resolution_days and late.is_due():
        ring_at_most_every(late.SECONDS, ASK_AGAIN)
    if lookups.is_due():
        ring_at_most_every(lookups.BELL, LOOK_UP_NAMES)
    if searching.is_due():
        ring_at_most_every(SEARCH_BELL, searching.INDEX_DUE)
    if webhook_sending.is_due():
        ring_at_most_every(WEBHOOK_BELL, SEND_WEBHOOKS)
    return Swept(deadlines, waiting, outgoing)
