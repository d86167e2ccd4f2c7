"""Rows: fields, constraints and properties of own fields. One concept a file; all writes are in `abuse.controllers`."""

from .campaigns import MassContact, MassContactResult, News
from .categories import Category, ReportThreshold
from .defendants import Comment, Defendant, DefendantComment, DefendantHistory, DefendantRevision, Service
from .directory import DirectoryCustomer, DirectoryResource, DirectoryService
from .emails import Email
from .history import History
from .obligations import Deadline, OutgoingMessage, ReceivedMessage
from .people import ROBOT_NAME, AbusePermission, ApiRoute, ApiToken, LoginAttempt, Operator, Profile, Role, User
from .providers import Provider
from .reports import AttachedDocument, ItemScreenshotFeedback, Report, ReportItem, UrlStatus
from .rules import BusinessRules, BusinessRulesHistory, RulesType
from .statuses import (
    EMAIL_MOVES,
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
from .tags import EmailFilter, EmailFilterTag, Tag
from .texts import MailTemplate, TicketAction, TicketActionParams, TicketWorkflowPreset, TicketWorkflowPresetConfig
from .tickets import Proof, Resolution, ServiceAction, ServiceActionJob, StarredTicket, Ticket, TicketComment

__all__ = [
    "EMAIL_MOVES",
    "REPORT_MOVES",
    "ROBOT_NAME",
    "TICKET_MOVES",
    "AbusePermission",
    "ApiRoute",
    "ApiToken",
    "AttachedDocument",
    "BusinessRules",
    "BusinessRulesHistory",
    "Category",
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
    "Email",
    "EmailFilter",
    "EmailFilterTag",
    "EmailState",
    "History",
    "ItemScreenshotFeedback",
    "LoginAttempt",
    "MailTemplate",
    "MassContact",
    "MassContactResult",
    "MoveRefused",
    "News",
    "Operator",
    "OutboxState",
    "OutgoingMessage",
    "Priority",
    "Profile",
    "Proof",
    "Provider",
    "ReceivedMessage",
    "Report",
    "ReportItem",
    "ReportStatus",
    "ReportThreshold",
    "Resolution",
    "Role",
    "RulesType",
    "Service",
    "ServiceAction",
    "ServiceActionJob",
    "StarredTicket",
    "Tag",
    "Ticket",
    "TicketAction",
    "TicketActionParams",
    "TicketComment",
    "TicketStatus",
    "TicketWorkflowPreset",
    "TicketWorkflowPresetConfig",
    "UrlStatus",
    "User",
    "check_move",
]
