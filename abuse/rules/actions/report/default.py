"""The actions on reports that come with Cerberus, all in one class. Each theme is a file of its own."""

from __future__ import annotations

from .mail_actions import MailActions
from .phishing_actions import PhishingActions
from .proof_actions import ProofActions
from .report_actions import ReportActions
from .service_actions import ServiceActions
from .task_actions import TaskActions
from .ticket_actions import TicketActions


class DefaultReportActions(
    ReportActions, TicketActions, MailActions, ProofActions, ServiceActions, PhishingActions, TaskActions
):
    """What a Report rule may do."""
