"""What happened to tickets and reports: facts in columns, never sentences to be read back."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from .base import Model
from .people import User
from .reports import Report
from .statuses import TicketStatus
from .tickets import Ticket


class History(Model):
    """One thing that happened. `old` and `new` are the values before and after; `refs` names what else it is about."""

    class Type(models.TextChoices):
        CREATE_TICKET = "CreateTicket"
        ATTACH_REPORT = "AttachReport"
        DETACH_REPORT = "DetachReport"
        CHANGE_STATUS = "ChangeStatus"
        CHANGE_REPORT_STATUS = "ChangeReportStatus"
        CHANGE_TREATED_BY = "ChangeTreatedby"
        UPDATE_PROPERTY = "UpdateProperty"
        ADD_TAG = "AddTag"
        REMOVE_TAG = "RemoveTag"
        ADD_ITEM = "AddItem"
        UPDATE_ITEM = "UpdateItem"
        DELETE_ITEM = "DeleteItem"
        ADD_PROOF = "AddProof"
        UPDATE_PROOF = "UpdateProof"
        DELETE_PROOF = "DeleteProof"
        ADD_COMMENT = "AddComment"
        UPDATE_COMMENT = "UpdateComment"
        DELETE_COMMENT = "DeleteComment"
        VALIDATE_PHISHTOCHECK = "ValidatePhishtocheck"
        DENY_PHISHTOCHECK = "DenyPhishtocheck"
        SEND_EMAIL = "SendEmail"
        RECEIVE_EMAIL = "ReceiveEmail"
        FAIL_EMAIL = "FailEmail"
        BOUNCE_EMAIL = "BounceEmail"
        REQUEUE_EMAIL = "RequeueEmail"
        CANCEL_EMAIL = "CancelEmail"
        SET_ACTION = "SetAction"
        CANCEL_ACTION = "CancelAction"
        SET_DEADLINE = "SetDeadline"
        CANCEL_DEADLINE = "CancelDeadline"
        MERGE_TICKET = "MergeTicket"
        SPLIT_TICKET = "SplitTicket"
        APPLY_ACTION = "ApplyAction"
        CREATE_THRESHOLD = "CreateThreshold"
        CREATE_MASSCONTACT = "CreateMasscontact"

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, null=True, blank=True, related_name="history")
    report = models.ForeignKey(Report, on_delete=models.PROTECT, null=True, blank=True, related_name="history")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="history")
    action_type = models.CharField(max_length=32, choices=Type)
    field = models.CharField(max_length=64, blank=True)
    old = models.TextField(null=True, blank=True)
    new = models.TextField(null=True, blank=True)
    refs = models.JSONField(default=dict, blank=True)
    ticket_status = models.CharField(max_length=32, choices=TicketStatus, null=True, blank=True)
    date = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["ticket", "date"], name="history_ticket"),
            models.Index(fields=["report", "date"], name="history_report"),
            BrinIndex(fields=["date"], name="history_date", autosummarize=True),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ticket__isnull=False) | Q(report__isnull=False), name="history_about_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d %H:%M} {self.action_type} {self.old} -> {self.new}"
