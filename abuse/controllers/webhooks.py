"""Subscriptions to events: made, changed, switched off and on again by administrators."""

from __future__ import annotations

import base64
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from django.db import transaction
from django.utils import timezone

from abuse.config import current
from abuse.config.web import Webhooks
from abuse.models import Category, Event, User, Webhook, WebhookDelivery
from abuse.queues import SEND_WEBHOOKS, ring_at_most_every
from abuse.services.phishing.addresses import RefusedTarget
from abuse.services.phishing.connecting import Reach
from abuse.services.phishing.resolving import DnsResolver
from abuse.services.webhook_post import Sender

from .editing import NotAllowed, Refused
from .event_rows import BELL
from .sealing import seal, unseal

MAX_WEBHOOKS = 50
KINDS = tuple(kind.value for kind in Event.Kind if kind not in {Event.Kind.NOTIFICATION, Event.Kind.WEBHOOK_TEST})
"""What can be subscribed to."""
_PURPOSE = "webhook secret"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an administrator wants to be sent where."""

    url: str
    kinds: Sequence[str]
    categories: Sequence[str] | None = None
    confidential: bool = False
    description: str = ""


@cache
def _sender(settings: Webhooks) -> Sender:
    reach = Reach(resolver=DnsResolver(settings.dns_servers), allowed=settings.allowed_networks)
    return Sender(
        reach, settings.timeout_seconds, settings.plaintext, ssl.create_default_context(cafile=settings.ca_file)
    )


def sender() -> Sender:
    """Who sends events, as the settings have it."""
    return _sender(current().EVENTS.webhooks)


def new_secret() -> str:
    """A secret as Standard Webhooks writes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def secret_of(webhook: Webhook) -> str:
    """The secret with which its events are signed."""
    return unseal(webhook.secret, purpose=_PURPOSE)


@transaction.atomic
def create(wanted: Wanted, *, actor: User) -> tuple[Webhook, str]:
    """A new subscription, to what happens from now on, and its secret, which is not shown again.

    :raises Refused: naming the field that cannot be.
    """
    _check(wanted)
    if Webhook.count() >= MAX_WEBHOOKS:
        raise NotAllowed(f"There are {MAX_WEBHOOKS} webhooks; expected fewer")
    secret, now = new_secret(), timezone.now()
    row = Webhook.create(
        secret=seal(secret, purpose=_PURPOSE), owner=actor, created_at=now, next_attempt_at=now, **_columns(wanted)
    )
    return row, secret


@transaction.atomic
def change(webhook: Webhook, wanted: Wanted, *, is_active: bool) -> None:
    """Change a subscription. One that is switched on again is sent what waited meanwhile, as far as it is kept.

    :raises Refused: naming the field that cannot be.
    """
    _check(wanted)
    row = Webhook.objects.select_for_update().get(pk=webhook.pk)
    columns = {**_columns(wanted), "is_active": is_active}
    if is_active and (not row.is_active or row.url != wanted.url):
        columns |= {
            "disabled_reason": "", "failures": 0, "failing_since": None, "next_attempt_at": timezone.now(),
        }  # fmt: skip
    _update(webhook, columns)
    if is_active:
        transaction.on_commit(_ring, robust=True)


@transaction.atomic
def renew_secret(webhook: Webhook) -> str:
    """A new secret for a subscription; the old one is worth nothing from now on."""
    secret = new_secret()
    _update(webhook, {"secret": seal(secret, purpose=_PURPOSE)})
    return secret


@transaction.atomic
def delete(webhook: Webhook) -> None:
    """End a subscription. What waits is not sent."""
    Webhook.filter(pk=webhook.pk).delete()


@transaction.atomic
def try_out(webhook: Webhook) -> WebhookDelivery:
    """Have an event sent that says nothing, to see whether it arrives."""
    event = _test_event()
    delivery = WebhookDelivery.create(webhook=webhook, event=event)
    transaction.on_commit(_ring, robust=True)
    return delivery


@transaction.atomic
def send_again(delivery: WebhookDelivery) -> None:
    """Have an event sent once more, under the same id, before all others that wait."""
    delivery.state, delivery.attempts = WebhookDelivery.State.PENDING, 0
    delivery.save(update_fields=["state", "attempts"])
    transaction.on_commit(_ring, robust=True)


def forget_old_events() -> int:
    """Delete events that are older than the settings want them kept, and the deliveries of these; how many events."""
    until = timezone.now() - timedelta(days=current().EVENTS.keep_days)
    old = list(Event.filter(date__lt=until).order_by("date").values_list("pk", flat=True)[:10_000])
    Event.filter(pk__in=old).delete()
    return len(old)


def _test_event() -> Event:
    event = Event(kind=Event.Kind.WEBHOOK_TEST, data={}, date=timezone.now(), transaction_id=0, dispatched=True)
    event.save(force_insert=True)
    return event


def _check(wanted: Wanted) -> None:
    try:
        sender().check_url(wanted.url)
    except RefusedTarget as error:
        raise Refused(f"url: {error}") from None
    except ValueError as error:  # of the settings, or of the machine: there is no name server
        raise Refused(f"url: its host cannot be looked up; EVENTS.webhooks.dns_servers: {error}") from None
    unknown = sorted(set(wanted.kinds) - set(KINDS))
    if unknown or not wanted.kinds:
        raise Refused(f"events: {', '.join(unknown)[:200] or 'none'}; expected some of {', '.join(KINDS)}")
    if wanted.categories is not None:
        known = set(Category.filter(name__in=list(wanted.categories)).values_list("name", flat=True))
        missing = sorted(set(wanted.categories) - known)
        if missing:
            raise Refused(f"categories: {', '.join(missing)[:200]}; expected names of categories, or null for all")


def _columns(wanted: Wanted) -> dict[str, object]:
    return {
        "url": wanted.url,
        "kinds": sorted(set(wanted.kinds)),
        "categories": None if wanted.categories is None else sorted(set(wanted.categories)),
        "confidential": wanted.confidential,
        "description": wanted.description,
    }


def _update(webhook: Webhook, columns: dict[str, object]) -> None:
    for name, value in columns.items():
        setattr(webhook, name, value)
    webhook.save(update_fields=list(columns))


def _ring() -> None:
    ring_at_most_every(BELL, SEND_WEBHOOKS)
