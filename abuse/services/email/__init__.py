"""The email service: `EmailService.get_emails(ticket)`."""

from typing import cast

from ..facade import Facade
from .base import (
    Attachment,
    ConversationMail,
    EmailServiceBase,
    EmailServiceException,
    KeptFile,
    PrefetchedEmail,
    TicketAnswer,
)

EmailService = cast("EmailServiceBase", Facade(EmailServiceBase))

__all__ = [
    "Attachment",
    "ConversationMail",
    "EmailService",
    "EmailServiceBase",
    "EmailServiceException",
    "KeptFile",
    "PrefetchedEmail",
    "TicketAnswer",
]
