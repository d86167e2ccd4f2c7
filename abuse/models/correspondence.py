"""The desk's mail with people: what is to be sent, what came in, and the files that went with either."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .base import Model
from .reports import Report
from .statuses import OutboxState
from .tickets import Ticket


class OutgoingMessage(Model):
    """The outbox: a mail written in the transaction that caused it, sent after the commit, by whoever comes first.

    `dedupe_key` makes the same cause write the same mail once. `headers` are fields that this mail has besides those
    that every mail has. A mail that was sent and came back is still sent: `bounced_at` says when that was told.
    """

    dedupe_key = models.CharField(max_length=255, unique=True)
    message_id = models.CharField(max_length=255, unique=True)
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, null=True, blank=True, related_name="outgoing")
    report = models.ForeignKey(Report, on_delete=models.PROTECT, null=True, blank=True, related_name="outgoing")
    category = models.CharField(max_length=32, help_text="Defendant, Plaintiff, Other or MassContact")
    sender = models.CharField(max_length=512)
    recipient = models.CharField(max_length=512)
    subject = models.CharField(max_length=1023)
    body = models.TextField()
    body_html = models.TextField(null=True, blank=True, help_text="the same as HTML, sent beside the plain text")
    template_codename = models.CharField(max_length=255, blank=True, default="")
    headers = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=16, choices=OutboxState, default=OutboxState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(help_text="of a mail that is being sent: when its sender is taken for dead")
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    bounced_at = models.DateTimeField(null=True, blank=True)
    bounce_status = models.CharField(max_length=16, blank=True, default="", help_text="RFC 3463, such as 5.1.1")
    bounce_diagnostic = models.TextField(blank=True, default="", help_text="what the server said that refused it")
    bounce_email = models.ForeignKey(
        "abuse.Email", on_delete=models.PROTECT, null=True, blank=True, related_name="bounced"
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=[OutboxState.PENDING, OutboxState.SENDING]),
                name="outgoing_under_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} to {self.recipient}"


class ReceivedMessage(Model):
    """A mail in a ticket's conversation. `email` is the mail as it came.

    `authentic`: it came from somebody whom the ticket knows, or over an address that was given to one.
    `new_text` is what its writer added: without what he quotes, and without his signature.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="received")
    email = models.ForeignKey("abuse.Email", on_delete=models.PROTECT, null=True, blank=True, related_name="received")
    category = models.CharField(max_length=32)
    sender = models.CharField(max_length=512)
    recipient = models.CharField(max_length=512)
    subject = models.CharField(max_length=1023, blank=True)
    body = models.TextField(blank=True)
    new_text = models.TextField(blank=True, default="")
    message_id = models.CharField(max_length=998, blank=True, default="")
    kind = models.CharField(max_length=32, blank=True, default="", help_text="such as reply_to_ticket, auto_reply")
    authentic = models.BooleanField(default=False)
    date = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["email", "ticket", "category"], name="answer_once_per_ticket")]

    def __str__(self) -> str:
        return f"{self.subject} from {self.sender}"


class MessageFile(Model):
    """A file that goes with a mail: its bytes lie in the storage under `key`, `name` is the sender's word.

    Names are for people and for the recipient's program only; two files of a mail may have the same.
    """

    key = models.CharField(max_length=64, help_text="SHA-256 of the content")
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=255)
    size = models.BigIntegerField(help_text="bytes")
    position = models.PositiveIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class OutgoingAttachment(MessageFile):
    message = models.ForeignKey(OutgoingMessage, on_delete=models.CASCADE, related_name="attachments")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["message", "position"], name="outgoing_file_place")]


class ReceivedAttachment(MessageFile):
    message = models.ForeignKey(ReceivedMessage, on_delete=models.CASCADE, related_name="attachments")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["message", "position"], name="received_file_place")]


class AnswerGiven(Model):
    """That a sender was answered by machine about something: not again within the period (RFC 3834 section 2)."""

    sender = models.CharField(max_length=512, help_text="lower case")
    about = models.CharField(max_length=255, help_text="the ticket, or the subject where there is none")
    given_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sender", "about"], name="one_answer_a_period")]

    def __str__(self) -> str:
        return f"{self.sender} about {self.about}"
