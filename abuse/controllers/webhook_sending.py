"""Sending events to those who subscribed: each at least once, under one id, in order, one at a time per subscription.

    event --dispatch--> a delivery for each subscription that wants it --send--> delivered, or failed

A subscription that does not answer is tried again, ever less often, and nothing of it is skipped meanwhile; after
`give_up_days` it is switched off and its owner told. An event that is refused by its receiver is tried MAX_REFUSALS
times, then it is given up and the next one is sent. Whoever dies while he sends leaves the delivery waiting: another
worker sends it again, with the same id.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from abuse.config import current
from abuse.config.web import Webhooks
from abuse.models import Event, Webhook, WebhookDelivery
from abuse.services.webhook_post import MAX_BODY, Posted

from .notifications import notify_of_webhook
from .webhooks import secret_of, sender

log = logging.getLogger(__name__)

State = WebhookDelivery.State
BATCH = 500
MAX_REFUSALS = 5
LONGEST_PAUSE = timedelta(hours=1)
LONGEST = 120.0
"""Seconds of one call: others want the worker, too."""
SHARE = 50
"""Events that one subscription is sent before it is another one's turn."""
_DISPATCHING = 0x63657262
_GONE = 410


def dispatch() -> int:
    """Put new events on the list of each subscription that wants them; how many events were looked at.

    One process at a time: two could put the events of one ticket on a list in the wrong order.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_DISPATCHING])
        if not cursor.fetchone()[0]:
            return 0
        events = list(Event.filter(dispatched=False).select_related("ticket").order_by("pk")[:BATCH])
        webhooks = list(Webhook.all())
        WebhookDelivery.objects.bulk_create(
            [
                WebhookDelivery(webhook=webhook, event=event)
                for event in events for webhook in webhooks if _wants(webhook, event)
            ],
            ignore_conflicts=True,
        )  # fmt: skip
        Event.filter(pk__in=[event.pk for event in events]).update(dispatched=True)
        return len(events)


def is_due() -> bool:
    """Whether there is something to be put on lists, or to be sent."""
    return Event.filter(dispatched=False).exists() or _due().exists()


def send_due(*, seconds: float = LONGEST) -> int:
    """Send what is due; how many events were taken."""
    end = time.monotonic() + seconds
    taken = 0
    while time.monotonic() < end:
        looked_at = dispatch()
        due = list(_due().order_by("next_attempt_at", "pk").values_list("pk", flat=True))
        taken += sum(_send_share(pk, end) for pk in due)
        if not due and looked_at < BATCH:
            break
    return taken


def _wants(webhook: Webhook, event: Event) -> bool:
    # One that is off is kept a list, too: it is sent what it missed when it is switched on again.
    if event.kind not in webhook.kinds or event.date < webhook.created_at:
        return False
    if event.ticket is not None and event.ticket.confidential and not webhook.confidential:
        return False
    return webhook.categories is None or event.category in webhook.categories


def _due() -> QuerySet[Webhook]:
    now = timezone.now()
    waiting = WebhookDelivery.filter(webhook=OuterRef("pk"), state=State.PENDING)
    free = Q(busy_until__isnull=True) | Q(busy_until__lte=now)
    return Webhook.filter(free, Exists(waiting), is_active=True, next_attempt_at__lte=now)


def _send_share(pk: int, end: float) -> int:
    """Send a subscription what waits for it, until it fails, has had its share, or the time is over."""
    settings = current().EVENTS.webhooks
    if not _take(pk, settings):
        return 0
    taken = 0
    try:
        for _ in range(SHARE):
            if time.monotonic() >= end:
                break
            if not _send_next(pk, settings):
                break
            taken += 1
    finally:
        Webhook.filter(pk=pk).update(busy_until=None)
    return taken


def _take(pk: int, settings: Webhooks) -> bool:
    """Take a subscription for oneself for as long as one event may take; False when another worker has it."""
    now = timezone.now()
    return _due().filter(pk=pk).update(busy_until=now + _lease(settings)) == 1


def _lease(settings: Webhooks) -> timedelta:
    return timedelta(seconds=settings.timeout_seconds + 30)


def _send_next(pk: int, settings: Webhooks) -> bool:
    """Send the first event that waits; whether it was taken. If not, no more is to be sent now."""
    webhook = Webhook.filter(pk=pk, is_active=True).first()
    waiting = WebhookDelivery.filter(webhook=pk, state=State.PENDING).select_related("event")
    delivery = waiting.order_by("event_id").first()
    if webhook is None or delivery is None:
        return False
    now = timezone.now()
    Webhook.filter(pk=pk).update(busy_until=now + _lease(settings))
    WebhookDelivery.filter(pk=delivery.pk).update(attempts=delivery.attempts + 1, last_attempt_at=now)
    return _note(webhook.pk, delivery.pk, _post(webhook, delivery.event), settings)


def _post(webhook: Webhook, event: Event) -> Posted:
    try:
        by = sender()
    except ValueError as error:  # the machine has no name server, which may pass as any network trouble does
        return Posted(None, f"not asked: EVENTS.webhooks.dns_servers: {error}"[:500])
    return by.post(webhook.url, secret_of(webhook), event_id(event), as_body(event))


def event_id(event: Event) -> str:
    """The id of an event, the same at every attempt and for every subscription."""
    return f"evt_{event.pk}"


def as_body(event: Event) -> bytes:
    """What is sent of an event."""
    content = {"id": event_id(event), "type": event.kind, "date": int(event.date.timestamp()), "data": event.data}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > MAX_BODY:  # every part of it is bounded where it is written
        raise ValueError(f"event {event.pk}: {len(body)} bytes; expected at most {MAX_BODY}")
    return body


@transaction.atomic
def _note(webhook_id: int, delivery_id: int, answer: Posted, settings: Webhooks) -> bool:
    """Keep what came of an attempt; whether the event was taken."""
    webhook = Webhook.objects.select_for_update().filter(pk=webhook_id).first()
    delivery = WebhookDelivery.objects.select_for_update().filter(pk=delivery_id).first()
    if webhook is None or delivery is None:  # deleted meanwhile
        return False
    delivery.status, delivery.error = answer.status, answer.error[:500]
    now = timezone.now()
    if answer.was_taken:
        delivery.state = State.DELIVERED
        webhook.failures, webhook.failing_since = 0, None
    else:
        webhook.failures += 1
        webhook.failing_since = webhook.failing_since or now
        pause = timedelta(seconds=settings.retry_seconds) * 2 ** min(webhook.failures - 1, 20)
        webhook.next_attempt_at = now + max(min(pause, LONGEST_PAUSE), timedelta(seconds=answer.wait))
        if not answer.may_pass and delivery.attempts >= MAX_REFUSALS:
            delivery.state = State.FAILED
        if answer.status == _GONE:
            _switch_off(webhook, "the receiver says that it is gone (410)")
        elif now - webhook.failing_since >= timedelta(days=settings.give_up_days):
            _switch_off(webhook, f"nothing was taken for {settings.give_up_days:g} days: {answer.error}")
    delivery.save(update_fields=["state", "status", "error"])
    webhook.save(update_fields=["failures", "failing_since", "next_attempt_at", "is_active", "disabled_reason"])
    return answer.was_taken


def _switch_off(webhook: Webhook, reason: str) -> None:
    log.warning("%s was switched off: %s", webhook, reason)
    webhook.is_active, webhook.disabled_reason = False, reason[:255]
    notify_of_webhook(webhook.owner, webhook.url, reason)


def waiting_counts(webhooks: Sequence[Webhook]) -> dict[int, int]:
    """How many events wait for each subscription."""
    waiting = WebhookDelivery.filter(webhook__in=webhooks, state=State.PENDING).order_by().values("webhook")
    return {row["webhook"]: row["number"] for row in waiting.annotate(number=Count("pk"))}
