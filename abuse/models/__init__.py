"""Rows: fields, constraints and properties of own fields. One concept a file; all writes are in `abuse.controllers`."""

from .audit import AuditEntry
from .campaigns import MassContact, MassContactResult, MassContactTarget, News
from .categories import Category, ReportThreshold
from .cdn import CdnRequest
from .correspondence import (
    AnswerGiven,
    MessageFile,
    OutgoingAttachment,
    OutgoingMessage,
    ReceivedAttachment,
    ReceivedMessage,
)
from .defendants import Comment, Defendant, DefendantComment, DefendantHistory, DefendantRevision, Service
from .directory import DirectoryCustomer, DirectoryResource, DirectoryService
from .drift import DriftAlarm, ReporterReading
from .emails import Email
from .events import Event, Webhook, WebhookDelivery
from .history import History
from .idempotency import IdempotentCall
from .logins import ApiToken, ExternalIdentity, LoginAttempt, RecoveryCode, SecondFactor, TokenScope
from .notifications import Notification
from .obligations import Deadline
from .pages import ScreenshotView, UrlCheck
from .people import ROBOT_NAME, AbusePermission, ApiRoute, Operator, Profile, Role, User
from .providers import Provider
from .registry import RegistryContact
from .reporter_mail import ReporterQuestion
from .reports import AttachedDocument, ItemScreenshotFeedback, Report, ReportItem, UrlStatus
from .rules import (
    BusinessRules,
    BusinessRulesHistory,
    BusinessRulesVersion,
    RuleActionUse,
    RuleMode,
    RulesType,
)
from .search import NewSearchEntry, SearchDue, SearchEntry
from .sla import ServiceLevel
from .statistics import KpiCount, KpiDay
from .statuses import (
    EMAIL_MOVES,
    OUTBOX_MOVES,
    REPORT_MOVES,
    TICKET_MOVES,
    DeadlineState,
    EmailState,
    MoveRefused,
    OutboxState,
    Priority,
    ReportStatus,
    TicketStatus,
    check_move,
)
from .submissions import Submission
from .tags import EmailFilter, EmailFilterTag, Tag
from .texts import (
    MailTemplate,
    MailTemplateVersion,
    TicketAction,
    TicketActionParams,
    TicketWorkflowPreset,
    TicketWorkflowPresetConfig,
)
from .tickets import Proof, Resolution, ServiceAction, ServiceActionJob, StarredTicket, Ticket, TicketComment
from .trust import ReportOutcome

__all__ = [
    "EMAIL_MOVES",
    "OUTBOX_MOVES",
    "REPORT_MOVES",
    "ROBOT_NAME",
    "TICKET_MOVES",
    "AbusePermission",
    "AnswerGiven",
    "ApiRoute",
    "ApiToken",
    "AttachedDocument",
    "AuditEntry",
    "BusinessRules",
    "BusinessRulesHistory",
    "BusinessRulesVersion",
    "Category",
    "CdnRequest",
    "Comment",
    "Deadline",
    "DeadlineState",
    "Defendant",
    "DefendantComment",
    "DefendantHistory",
    "DefendantRevision",
    "DirectoryCustomer",
    "DirectoryResource",
    "DirectoryService",
    "DriftAlarm",
    "Email",
    "EmailFilter",
    "EmailFilterTag",
    "EmailState",
    "Event",
    "ExternalIdentity",
    "History",
    "IdempotentCall",
    "ItemScreenshotFeedback",
    "KpiCount",
    "KpiDay",
    "LoginAttempt",
    "MailTemplate",
    "MailTemplateVersion",
    "MassContact",
    "MassContactResult",
    "MassContactTarget",
    "MessageFile",
    "MoveRefused",
    "NewSearchEntry",
    "News",
    "Notification",
    "Operator",
    "OutboxState",
    "OutgoingAttachment",
    "OutgoingMessage",
    "Priority",
    "Profile",
    "Proof",
    "Provider",
    "ReceivedAttachment",
    "ReceivedMessage",
    "RecoveryCode",
    "RegistryContact",
    "Report",
    "ReportItem",
    "ReportOutcome",
    "ReportStatus",
    "ReportThreshold",
    "ReporterQuestion",
    "ReporterReading",
    "Resolution",
    "Role",
    "RuleActionUse",
    "RuleMode",
    "RulesType",
    "ScreenshotView",
    "SearchDue",
    "SearchEntry",
    "SecondFactor",
    "Service",
    "ServiceAction",
    "ServiceActionJob",
    "ServiceLevel",
    "StarredTicket",
    "Submission",
    "Tag",
    "Ticket",
    "TicketAction",
    "TicketActionParams",
    "TicketComment",
    "TicketStatus",
    "TicketWorkflowPreset",
    "TicketWorkflowPresetConfig",
    "TokenScope",
    "UrlCheck",
    "UrlStatus",
    "User",
    "Webhook",
    "WebhookDelivery",
    "check_move",
]
