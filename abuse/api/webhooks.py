"""Subscriptions of other programs to what happens here."""

from __future__ import annotations

from typing import Any, Self

from apiflask import APIBlueprint
from pydantic import Field, RootModel

from abuse.controllers import webhook_sending, webhooks
from abuse.controllers.webhooks import KINDS, Wanted
from abuse.models import Webhook, WebhookDelivery
from abuse.policies import Right

from .access import current_user, needs
from .answers import Answer, EpochSeconds, Message
from .bodies import MESSAGE, Body
from .filters import FiltersParameter, Text, read_filters
from .objects import child

blueprint = APIBlueprint("webhooks", __name__, url_prefix="/api/webhooks", tag="Webhooks")

_EXAMPLE = {
    "id": 1,
    "url": "https://hooks.example.net/cerberus",
    "events": ["ticket.closed", "ticket.created"],
    "categories": None,
    "confidential": False,
    "description": "The dashboard",
    "isActive": True,
    "disabledReason": "",
    "owner": "alice",
    "createdDate": 1767225600,
    "failures": 0,
    "failingSince": None,
    "waiting": 0,
}
_SECRET = "whsec_bXkgdmVyeSBzZWNyZXQga2V5IG9mIDMyIGJ5dGVzISE="  # noqa: S105 - an example
_DELIVERY = {
    "id": 9,
    "eventId": "evt_4711",
    "event": "ticket.created",
    "state": "delivered",
    "attempts": 1,
    "date": 1767225606,
    "lastAttempt": 1767225607,
    "status": 204,
    "error": "",
}


class WebhookText(Body):
    """What is to be sent where."""

    url: Text = Field(min_length=8, max_length=2000, description="https, with the full name of a host.")
    events: list[Text] = Field(min_length=1, max_length=len(KINDS), description=", ".join(KINDS))
    categories: list[Text] | None = Field(
        default=None, max_length=200, description="Events of these categories alone; null for all."
    )
    confidential: bool = Field(default=False, description="Whether events of confidential tickets are sent, too.")
    description: Text = Field(default="", max_length=255)


class WebhookEdit(WebhookText):
    is_active: bool = Field(default=True, description="Whether it is sent anything.")


class WebhookAnswer(Answer):
    """A subscription."""

    id: int
    url: str
    events: list[str]
    categories: list[str] | None
    confidential: bool
    description: str
    is_active: bool
    disabled_reason: str = Field(description="Why it was switched off by the desk; empty when it was not.")
    owner: str
    created_date: EpochSeconds
    failures: int = Field(description="Attempts that failed one after the other; 0 once one was taken.")
    failing_since: EpochSeconds | None
    waiting: int = Field(description="Events that are still to be sent.")

    @classmethod
    def of(cls, row: Webhook, waiting: int = 0) -> Self:
        return cls(**_fields(row, waiting))


class WebhookAnswers(RootModel[list[WebhookAnswer]]):
    """Subscriptions, oldest first."""


class NewWebhook(WebhookAnswer):
    """A subscription with its secret."""

    secret: str = Field(description="With which its events are signed. It is shown only here.")


class DeliveryAnswer(Answer):
    """An event on its way to a subscription."""

    id: int
    event_id: str = Field(description="The same at every attempt: `webhook-id`.")
    event: str
    state: str = Field(description=", ".join(WebhookDelivery.State.values))
    attempts: int
    date: EpochSeconds
    last_attempt: EpochSeconds | None
    status: int | None = Field(description="Of HTTP, at the last attempt; null when there was no answer.")
    error: str

    @classmethod
    def of(cls, row: WebhookDelivery) -> Self:
        return cls(
            id=row.pk,
            event_id=webhook_sending.event_id(row.event),
            event=row.event.kind,
            state=row.state,
            attempts=row.attempts,
            date=row.event.date,
            last_attempt=row.last_attempt_at,
            status=row.status,
            error=row.error,
        )


class DeliveryAnswers(Answer):
    """What was sent to a subscription, newest first."""

    deliveries: list[DeliveryAnswer]
    deliveries_count: int


@blueprint.get("")
@needs(Right.ADMINISTER)
@blueprint.output(WebhookAnswers, example=[_EXAMPLE])
def list_webhooks() -> WebhookAnswers:
    """List the webhooks"""
    rows = list(Webhook.all().select_related("owner").order_by("pk"))
    waiting = webhook_sending.waiting_counts(rows)
    return WebhookAnswers([WebhookAnswer.of(row, waiting.get(row.pk, 0)) for row in rows])


@blueprint.get("/<int:webhook_id>")
@needs(Right.ADMINISTER)
@blueprint.output(WebhookAnswer, example=_EXAMPLE)
def show_webhook(webhook_id: int) -> WebhookAnswer:
    """Show a webhook"""
    return _answer(_the_webhook(webhook_id))


@blueprint.post("")
@needs(Right.ADMINISTER)
@blueprint.input(
    WebhookText, example={"url": "https://hooks.example.net/cerberus", "events": ["ticket.created", "ticket.closed"]}
)
@blueprint.output(NewWebhook, example={**_EXAMPLE, "secret": _SECRET})
def create_webhook(json_data: WebhookText) -> NewWebhook:
    """Subscribe to events

    They are sent from now on, signed with the `secret` of the answer, which is not shown again.
    """
    row, secret = webhooks.create(_wanted(json_data), actor=current_user())
    return NewWebhook(**_fields(row, 0), secret=secret)


@blueprint.put("/<int:webhook_id>")
@needs(Right.ADMINISTER)
@blueprint.input(WebhookEdit, example={**_EXAMPLE, "isActive": False})
@blueprint.output(WebhookAnswer, example={**_EXAMPLE, "isActive": False})
def update_webhook(webhook_id: int, json_data: WebhookEdit) -> WebhookAnswer:
    """Change a webhook, switch it off or on

    One that is switched on again is sent what it missed, as far as that is kept.
    """
    row = _the_webhook(webhook_id)
    webhooks.change(row, _wanted(json_data), is_active=json_data.is_active)
    return _answer(row)


@blueprint.delete("/<int:webhook_id>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example=MESSAGE)
def delete_webhook(webhook_id: int) -> Message:
    """End a subscription; what waits is not sent"""
    webhooks.delete(_the_webhook(webhook_id))
    return Message(message="Webhook deleted")


@blueprint.post("/<int:webhook_id>/secret")
@needs(Right.ADMINISTER)
@blueprint.output(NewWebhook, example={**_EXAMPLE, "secret": _SECRET})
def renew_webhook_secret(webhook_id: int) -> NewWebhook:
    """Give a webhook a new secret

    The next event is signed with it, and no more with the old one.
    """
    row = _the_webhook(webhook_id)
    secret = webhooks.renew_secret(row)
    return NewWebhook(**_fields(row, webhook_sending.waiting_counts([row]).get(row.pk, 0)), secret=secret)


@blueprint.post("/<int:webhook_id>/test")
@needs(Right.ADMINISTER)
@blueprint.output(DeliveryAnswer, example={**_DELIVERY, "event": "webhook.test", "state": "pending", "status": None})
def try_webhook(webhook_id: int) -> DeliveryAnswer:
    """Have an event sent that says nothing

    Its kind is `webhook.test`. Whether it arrived is to be seen in the deliveries.
    """
    return DeliveryAnswer.of(webhooks.try_out(_the_webhook(webhook_id)))


@blueprint.get("/<int:webhook_id>/deliveries")
@needs(Right.ADMINISTER)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(DeliveryAnswers, example={"deliveries": [_DELIVERY], "deliveriesCount": 1})
@blueprint.doc(description="Newest first. Of `filters`, `paginate` counts here.")
def list_webhook_deliveries(webhook_id: int, query_data: FiltersParameter) -> DeliveryAnswers:
    """See what was sent to a webhook, and what waits"""
    page = read_filters(query_data.filters).paginate
    rows = WebhookDelivery.filter(webhook=_the_webhook(webhook_id)).select_related("event").order_by("-event_id")
    shown = [DeliveryAnswer.of(row) for row in rows[page.start : page.start + page.size]]
    return DeliveryAnswers(deliveries=shown, deliveries_count=rows.count())


@blueprint.post("/<int:webhook_id>/deliveries/<int:delivery_id>/redeliver")
@needs(Right.ADMINISTER)
@blueprint.output(DeliveryAnswer, example={**_DELIVERY, "state": "pending", "attempts": 0})
def redeliver(webhook_id: int, delivery_id: int) -> DeliveryAnswer:
    """Send an event once more

    Under the same id, and before all others that wait.
    """
    own = WebhookDelivery.filter(webhook=_the_webhook(webhook_id)).select_related("event")
    delivery = child(own, "delivery", delivery_id)
    webhooks.send_again(delivery)
    return DeliveryAnswer.of(delivery)


def _the_webhook(webhook_id: int) -> Webhook:
    return child(Webhook.all().select_related("owner"), "webhook", webhook_id)


def _answer(row: Webhook) -> WebhookAnswer:
    return WebhookAnswer.of(row, webhook_sending.waiting_counts([row]).get(row.pk, 0))


def _wanted(text: WebhookText) -> Wanted:
    return Wanted(text.url, text.events, text.categories, text.confidential, text.description)


def _fields(row: Webhook, waiting: int) -> dict[str, Any]:
    return {
        "id": row.pk,
        "url": row.url,
        "events": row.kinds,
        "categories": row.categories,
        "confidential": row.confidential,
        "description": row.description,
        "is_active": row.is_active,
        "disabled_reason": row.disabled_reason,
        "owner": row.owner.username,
        "created_date": row.created_at,
        "failures": row.failures,
        "failing_since": row.failing_since,
        "waiting": waiting,
    }
