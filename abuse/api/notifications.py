"""What the caller is to be told."""

from __future__ import annotations

from typing import Self

from apiflask import APIBlueprint
from pydantic import Field, RootModel

from abuse.controllers import notifications
from abuse.models import Notification
from abuse.policies import Right

from .access import current_sight, current_user, needs
from .answers import Answer, EpochSeconds
from .bodies import Body
from .filters import FiltersParameter, read_filters
from .objects import child

blueprint = APIBlueprint("notifications", __name__, url_prefix="/api/notifications", tag="Notifications")

_EXAMPLE = {
    "id": 5,
    "message": "Ticket BCDFGHJKLM (Phishing): an answer has come",
    "kind": "answered",
    "ticket": 42,
    "date": 1767229200,
    "read": False,
}


class NotificationAnswer(Answer):
    id: int
    message: str
    kind: str = Field(description=", ".join(Notification.Kind.values))
    ticket: int | None
    date: EpochSeconds
    read: bool

    @classmethod
    def of(cls, row: Notification) -> Self:
        return cls(
            id=row.pk,
            message=row.message,
            kind=row.kind,
            ticket=row.ticket_id,
            date=row.date,
            read=row.read_at is not None,
        )


class NotificationAnswers(RootModel[list[NotificationAnswer]]):
    """What there is to be told."""


class ReadState(Body):
    read: bool


@blueprint.get("")
@needs(Right.SELF)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(NotificationAnswers, example=[_EXAMPLE])
@blueprint.doc(description="Of `filters`, `paginate` counts here.")
def list_notifications(query_data: FiltersParameter) -> NotificationAnswers:
    """Ask what is new, or with `filters` what there was

    Without `filters`: what the caller was not told yet, oldest first. With: all of the last 90 days, newest first.
    """
    if query_data.filters is None:
        rows = notifications.show_new(current_user(), current_sight())
    else:
        page = read_filters(query_data.filters).paginate
        own = notifications.told(current_user(), current_sight()).order_by("-date", "-pk")
        rows = list(own[page.start : page.start + page.size])
    return NotificationAnswers([NotificationAnswer.of(row) for row in rows])


@blueprint.put("/<int:notification_id>")
@needs(Right.SELF)
@blueprint.input(ReadState, example={"read": True})
@blueprint.output(NotificationAnswer, example={**_EXAMPLE, "read": True})
def update_notification(notification_id: int, json_data: ReadState) -> NotificationAnswer:
    """Put a notification away as read"""
    row = child(notifications.told(current_user(), current_sight()), "notification", notification_id)
    notifications.mark_read(row, json_data.read)
    return NotificationAnswer.of(row)
