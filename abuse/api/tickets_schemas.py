"""Tickets as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field, RootModel

from abuse.models import BusinessRulesHistory, History, ServiceAction, ServiceActionJob, Tag, Ticket, TicketComment

from .answers import Answer, EpochSeconds
from .parties_schemas import (
    CommentAnswer,
    DecisionAnswer,
    DefendantAnswer,
    DefendantDetail,
    ServiceAnswer,
    TagAnswer,
    tags_of,
)
from .sentences import sentence


class ActionAnswer(Answer):
    id: int
    name: str
    module: str
    level: str

    @classmethod
    def of(cls, action: ServiceAction) -> Self:
        return cls(id=action.pk, name=action.name, module=action.module, level=action.level)


_OWN_WORDS = {
    "pending": "pending", "applying": "doing", "doing": "doing", "cancelled": "cancelled", "unknown": "unknown",
    "actionError": "actionError",
}  # fmt: skip
"""What the desk itself writes on a job, in the words of the older client. Any other word is that of who took it."""


class JobAnswer(Answer):
    """An order to carry out an action on the service, and what came of it."""

    id: int
    ip: str | None
    action: ActionAnswer
    creation_date: EpochSeconds
    execution_date: EpochSeconds | None
    status: str = Field(description="pending, doing, done, cancelled, actionError, or unknown: it may have been done.")
    answer: str | None = Field(description="The word of the system that took it: ok, or one of its own.")
    comment: str | None

    @classmethod
    def of(cls, job: ServiceActionJob) -> Self:
        is_own = job.status in _OWN_WORDS
        return cls(
            id=job.pk,
            ip=job.ip,
            action=ActionAnswer.of(job.action),
            creation_date=job.creation_date,
            execution_date=job.execution_date,
            status=_OWN_WORDS[job.status] if is_own else "done",
            answer=None if is_own else job.status,
            comment=job.comment,
        )


class HistoryAnswer(Answer):
    """One thing that happened to the ticket. `log` says it in words; `action` is the same under its older name."""

    username: str
    date: EpochSeconds
    log: str
    action: str
    action_type: str

    @classmethod
    def of(cls, row: History) -> Self:
        log = sentence(row)
        return cls(username=row.user.username, date=row.date, log=log, action=log, action_type=row.action_type)


class _TicketFields(Answer):
    id: int
    public_id: str
    mailer_id: int | None
    category: str
    status: str
    previous_status: str
    priority: str
    level: int
    treated_by: str | None = Field(description="The name of the user who works on it.")
    resolution: str | None = Field(description="Why it was closed.")
    creation_date: EpochSeconds
    modification_date: EpochSeconds
    snooze_start: EpochSeconds | None
    snooze_duration: int | None = Field(description="Seconds.")
    pause_start: EpochSeconds | None
    pause_duration: int | None = Field(description="Seconds.")
    alarm: bool
    confidential: bool
    moderation: bool
    protected: bool
    escalated: bool
    locked: bool
    update: bool = Field(description="Whether new reports may join.")
    version: int
    service: ServiceAnswer | None
    action: ActionAnswer | None
    tags: list[TagAnswer]
    attached_reports_count: int
    comments_count: int
    starred_by_me: bool


class TicketRow(_TicketFields):
    """A ticket in a list."""

    defendant: DefendantAnswer | None


class TicketRows(RootModel[list[TicketRow]]):
    """A list of tickets."""


class TicketDetail(_TicketFields):
    """A ticket with all that belongs to it. `tags` are its own and those of its reports."""

    defendant: DefendantDetail | None
    comments: list[CommentAnswer]
    jobs: list[JobAnswer]
    history: list[HistoryAnswer] = Field(description="Newest first; the latest 1000.")
    decisions: list[DecisionAnswer] = Field(
        description="Why it is as it is: what the rules decided on it and its reports. Newest first; the latest 200."
    )
    just_assigned: bool = Field(description="Whether this call made the caller the one who works on it.")

    @classmethod
    def of(
        cls,
        ticket: Ticket,
        *,
        tags: Sequence[Tag],
        comments: Sequence[TicketComment],
        jobs: Sequence[ServiceActionJob],
        history: Sequence[History],
        decisions: Sequence[BusinessRulesHistory],
        just_assigned: bool = False,
    ) -> Self:
        return cls(
            **_ticket_fields(ticket),
            tags=tags_of(tags),
            defendant=DefendantDetail.of(ticket.defendant) if ticket.defendant else None,
            comments=[CommentAnswer.of(one.comment) for one in comments],
            jobs=[JobAnswer.of(job) for job in jobs],
            history=[HistoryAnswer.of(row) for row in history],
            decisions=[DecisionAnswer.of(decision) for decision in decisions],
            just_assigned=just_assigned,
        )


TICKET_FIELDS = (
    "public_id", "mailer_id", "status", "previous_status", "priority", "level", "creation_date", "modification_date",
    "snooze_start", "snooze_duration", "pause_start", "pause_duration", "alarm", "confidential", "moderation",
    "protected", "escalated", "locked", "update", "version", "attached_reports_count", "comments_count",
    "starred_by_me",
)  # fmt: skip
"""Those that are the same in the JSON as in a ticket that `with_ticket_counts` read."""


def _ticket_fields(ticket: Ticket) -> dict[str, Any]:
    return {
        "id": ticket.pk,
        **{name: getattr(ticket, name) for name in TICKET_FIELDS},
        "category": ticket.category_id,
        "treated_by": ticket.treated_by.username if ticket.treated_by else None,
        "resolution": ticket.resolution.codename if ticket.resolution else None,
        "service": ServiceAnswer.of(ticket.service) if ticket.service else None,
        "action": ActionAnswer.of(ticket.action) if ticket.action else None,
    }
