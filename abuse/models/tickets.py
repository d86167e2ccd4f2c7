"""Tickets: the unit of human work."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable

from .base import Model
from .categories import Category
from .defendants import Comment, Defendant, Service
from .people import User
from .reports import AttachedDocument
from .statuses import TO_DO, Priority, TicketStatus
from .tags import Tag

PRIORITY_RANK = Case(
    *[When(priority=priority.value, then=Value(priority.rank)) for priority in Priority], output_field=IntegerField()
)
"""To order tickets by urgency instead of by the alphabet."""
_QUEUE_RANK = Case(
    When(status=TicketStatus.ACTION_ERROR, then=Value(0)),
    When(status=TicketStatus.ANSWERED, then=Value(4)),
    When(status__in=[TicketStatus.ALARM, TicketStatus.REOPENED], then=Value(8)),
    default=Value(12),
) + Case(
    When(priority=Priority.CRITICAL, then=Value(0)),
    When(priority=Priority.HIGH, then=Value(17)),
    When(priority=Priority.NORMAL, then=Value(18)),
    default=Value(19),
)
"""Critical ones first, whatever their status; then by status, then by urgency."""
_LIVE = Q(status__in=[status.value for status in TicketStatus if status != TicketStatus.CLOSED])
_CHOSEN_BY = ("status", "category", "priority", "treated_by", "confidential", "alarm")
"""What lists leave rows out by."""
_SHOWN = [*_CHOSEN_BY, "creation_date", "modification_date", "attached_reports_count"]
"""That, and what they are sorted by."""


def _ordered(*keys: str | Combinable, name: str, condition: Q | None = None) -> models.Index:
    """An index in the order of a list: rows that are far from the page or left out need not be read themselves."""
    include = [column for column in _CHOSEN_BY if column not in {str(key).lstrip("-") for key in keys}]
    if isinstance(keys[0], str):
        return models.Index(fields=[str(key) for key in keys], include=include, name=name, condition=condition)
    return models.Index(*keys, include=include, name=name, condition=condition)


class Resolution(Model):
    """Why a ticket was closed."""

    codename = models.CharField(max_length=255, unique=True)

    def __str__(self) -> str:
        return self.codename


class ServiceAction(Model):
    """A technical measure that the action service can carry out."""

    name = models.CharField(max_length=1024)
    module = models.CharField(max_length=32)
    level = models.CharField(max_length=8)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["module", "level", "name"], name="service_action_once")]

    def __str__(self) -> str:
        return f"{self.level} {self.name}"


class ServiceActionJob(Model):
    """One order to carry out an action, and what came of it."""

    action = models.ForeignKey(ServiceAction, on_delete=models.PROTECT, related_name="jobs")
    asynchronous_job_id = models.CharField(max_length=128, null=True, blank=True)
    action_todo_id = models.CharField(max_length=128, null=True, blank=True)
    status = models.CharField(max_length=32, default="pending")
    comment = models.CharField(max_length=256, null=True, blank=True)
    creation_date = models.DateTimeField()
    execution_date = models.DateTimeField(null=True, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=64, null=True, blank=True, unique=True)
    attempts = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.action}: {self.status}"


class Ticket(Model):
    """Work on one category, usually of one customer and service, with all the reports about it.

    `update` says whether new reports may join; at most one open ticket of a (defendant, category, service) may.
    `version` counts the changes, so that a stale edit is seen.
    """

    public_id = models.CharField(max_length=10, unique=True)
    defendant = models.ForeignKey(
        Defendant, on_delete=models.PROTECT, null=True, blank=True, related_name="tickets", db_index=False
    )
    # Where a key has no index of its own, one below begins with it.
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="tickets", db_index=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="tickets")
    resolution = models.ForeignKey(Resolution, on_delete=models.PROTECT, null=True, blank=True, related_name="tickets")
    level = models.IntegerField(default=0)
    creation_date = models.DateTimeField()
    modification_date = models.DateTimeField()
    status = models.CharField(max_length=32, choices=TicketStatus, default=TicketStatus.OPEN)
    previous_status = models.CharField(max_length=32, choices=TicketStatus, default=TicketStatus.OPEN)
    treated_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="treated_tickets", db_index=False
    )
    alarm = models.BooleanField(default=False)
    confidential = models.BooleanField(default=False)
    moderation = models.BooleanField(default=False)
    protected = models.BooleanField(default=False)
    escalated = models.BooleanField(default=False)
    locked = models.BooleanField(default=False)
    update = models.BooleanField(default=True)
    priority = models.CharField(max_length=32, choices=Priority, default=Priority.NORMAL)
    priority_is_manual = models.BooleanField(default=False)
    snooze_start = models.DateTimeField(null=True, blank=True)
    snooze_duration = models.PositiveIntegerField(null=True, blank=True, help_text="seconds")
    pause_start = models.DateTimeField(null=True, blank=True)
    pause_duration = models.PositiveIntegerField(null=True, blank=True, help_text="seconds")
    action = models.ForeignKey(ServiceAction, on_delete=models.PROTECT, null=True, blank=True, related_name="tickets")
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged")
    look_due_at = models.DateTimeField(null=True, blank=True, help_text="when somebody must have looked at it")
    looked_at = models.DateTimeField(null=True, blank=True)
    solution_due_at = models.DateTimeField(null=True, blank=True)
    sla_breached_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    attached_reports_count = models.PositiveIntegerField(
        default=0, db_default=0, help_text="how many reports are in it, whatever their status: lists are sorted by it"
    )
    queue_rank = models.GeneratedField(expression=_QUEUE_RANK, output_field=models.SmallIntegerField(), db_persist=True)
    tags = models.ManyToManyField(Tag, related_name="tickets", blank=True)
    jobs = models.ManyToManyField(ServiceActionJob, related_name="tickets", blank=True)
    attachments = models.ManyToManyField(AttachedDocument, related_name="tickets", blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["queue_rank", "modification_date", "id"],
                include=["treated_by", "category", "confidential", "escalated", "moderation", "priority", "status"],
                condition=Q(status__in=[status.value for status in TO_DO]),
                name="ticket_queue",
            ),
            models.Index(fields=["defendant", "status"], name="ticket_of_defendant"),
            _ordered("category", "id", name="ticket_by_category"),
            _ordered("-category", "id", name="ticket_by_category_down"),
            _ordered("status", "id", name="ticket_by_status"),
            _ordered("-status", "id", name="ticket_by_status_down"),
            _ordered(PRIORITY_RANK, "id", name="ticket_by_urgency"),
            _ordered(PRIORITY_RANK.desc(), "id", name="ticket_by_urgency_down"),
            _ordered("attached_reports_count", "id", name="ticket_by_reports"),
            _ordered("-attached_reports_count", "id", name="ticket_by_reports_down"),
            _ordered("creation_date", "id", name="ticket_by_creation"),
            _ordered("modification_date", "id", name="ticket_by_change"),
            _ordered("treated_by", "id", name="ticket_by_operator"),
            # Most tickets are closed: whoever looks for the oldest live ones must not pass all of those.
            _ordered("id", name="ticket_live_by_id", condition=_LIVE),
            _ordered("creation_date", "id", name="ticket_live_by_creation", condition=_LIVE),
            _ordered("modification_date", "id", name="ticket_live_by_change", condition=_LIVE),
            _ordered("category", "id", name="ticket_live_by_category", condition=_LIVE),
            _ordered("-category", "id", name="ticket_live_by_category_down", condition=_LIVE),
            models.Index(
                fields=["status", "priority", "modification_date", "id"],
                include=["treated_by", "category", "confidential", "escalated", "moderation", "defendant"],
                condition=_LIVE,
                name="ticket_todo",
            ),
            GinIndex(fields=["public_id"], opclasses=["gin_trgm_ops"], name="ticket_public_id_part"),
            # Few tickets are any of these: all are read from the index and sorted by whatever is wished.
            models.Index(fields=["id"], include=_SHOWN, condition=Q(escalated=True), name="ticket_few_escalated"),
            models.Index(fields=["id"], include=_SHOWN, condition=Q(moderation=True), name="ticket_few_moderation"),
            models.Index(fields=["id"], include=_SHOWN, condition=Q(confidential=True), name="ticket_few_confidential"),
            models.Index(fields=["id"], include=_SHOWN, condition=Q(alarm=True), name="ticket_few_alarm"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["defendant", "category", "service"],
                condition=~Q(status=TicketStatus.CLOSED)
                & Q(update=True, defendant__isnull=False, service__isnull=False),
                name="one_open_ticket",
            ),
            models.CheckConstraint(condition=Q(status__in=TicketStatus.values), name="ticket_status_known"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="ticket_priority_known"),
            models.CheckConstraint(
                condition=~Q(status=TicketStatus.PAUSED) | Q(pause_start__isnull=False, pause_duration__isnull=False),
                name="paused_ticket_has_pause",
            ),
        ]

    def __str__(self) -> str:
        return f"ticket {self.public_id}"

    @property
    def is_open(self) -> bool:
        return self.status != TicketStatus.CLOSED


class TicketComment(Model):
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="comments")
    comment = models.OneToOneField(Comment, on_delete=models.CASCADE, related_name="ticket_comment")

    def __str__(self) -> str:
        return str(self.comment)


class Proof(Model):
    """A text that shows what is wrong, to be put into mails."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="proof")
    content = models.TextField()

    def __str__(self) -> str:
        return self.content[:80]


class StarredTicket(Model):
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="starred_by")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="starred_tickets")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ticket", "user"], name="star_once")]

    def __str__(self) -> str:
        return f"{self.user} * {self.ticket}"
