"""Why a mail, a report or a ticket is where it is: the rules that were tried, what settled each, and what followed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from abuse.models import (
    BusinessRulesHistory,
    Deadline,
    DeadlineState,
    Email,
    History,
    OutgoingMessage,
    Report,
    Ticket,
)
from abuse.models.questions import decided_about

MAX_ROWS = 200
"""Decisions, events and mails told of one ticket or report: the newest."""


def explain_report(report_id: int) -> dict[str, Any]:
    """Where a report stands, and why.

    :raises Report.DoesNotExist: when there is none of that id.
    """
    report = Report.objects.select_related("defendant", "service", "ticket", "email").defer("body").get(pk=report_id)
    return {
        "report": _report(report),
        "mail": _mail(report.email) if report.email else None,
        "decisions": _decisions(BusinessRulesHistory.filter(report=report)),
        "ahead": _deadlines(Deadline.filter(report=report)),
        "history": _history(History.filter(report=report)),
    }


def explain_ticket(public_id: str) -> dict[str, Any]:
    """Where a ticket stands, and why: also what was decided on its reports.

    :raises Ticket.DoesNotExist: when there is none of that public id.
    """
    ticket = Ticket.objects.select_related("defendant", "service", "treated_by", "resolution").get(
        public_id=public_id.strip().upper()
    )
    reports = list(
        Report.filter(ticket=ticket)
        .select_related("defendant", "service", "ticket")
        .defer("body")
        .order_by("-pk")[:MAX_ROWS]
    )
    return {
        "ticket": {
            "publicId": ticket.public_id,
            "status": ticket.status,
            "category": ticket.category_id,
            "priority": ticket.priority,
            "defendant": ticket.defendant.customer_id if ticket.defendant else None,
            "service": ticket.service.name if ticket.service else None,
            "treatedBy": ticket.treated_by.username if ticket.treated_by else None,
            "resolution": ticket.resolution.codename if ticket.resolution else None,
            "creationDate": ticket.creation_date.isoformat(),
            "alarm": ticket.alarm,
            "reports": ticket.attached_reports_count,
        },
        "reports": [_report(report) for report in reports],
        "decisions": _decisions(BusinessRulesHistory.filter(decided_about(ticket))),
        "ahead": _deadlines(Deadline.filter(ticket=ticket)),
        "mails": [
            {
                "date": mail.created_at.isoformat(),
                "to": mail.recipient,
                "subject": mail.subject,
                "state": mail.state,
                "error": mail.error,
            }
            for mail in OutgoingMessage.filter(ticket=ticket).defer("body").order_by("-created_at")[:MAX_ROWS]
        ],
        "history": _history(History.filter(ticket=ticket)),
    }


def explain_mail(email_id: int) -> dict[str, Any]:
    """What became of a mail, and why: with all of its reports, and what was decided on it as an answer.

    :raises Email.DoesNotExist: when there is none of that id.
    """
    mail = Email.objects.select_related("ticket").get(pk=email_id)
    reports = Report.filter(email=mail).order_by("pk").values_list("pk", flat=True)[:MAX_ROWS]
    answers = BusinessRulesHistory.filter(email=mail, report__isnull=True)
    return {
        "mail": _mail(mail),
        "decisions": _decisions(answers),
        "reports": [explain_report(pk) for pk in reports],
    }


def _report(report: Report) -> dict[str, Any]:
    return {
        "id": report.pk,
        "status": report.status,
        "category": report.category_id,
        "provider": report.provider_id,
        "subject": report.subject or "",
        "receivedDate": report.received_date.isoformat(),
        "defendant": report.defendant.customer_id if report.defendant else None,
        "service": report.service.name if report.service else None,
        "ticket": report.ticket.public_id if report.ticket else None,
    }


def _mail(mail: Email) -> dict[str, Any]:
    return {
        "id": mail.pk,
        "state": mail.state,
        "reason": mail.reason,
        "error": mail.error,
        "kind": mail.kind,
        "template": mail.template,
        "provider": mail.provider,
        "subject": mail.subject,
        "source": mail.source,
        "receivedAt": mail.received_at.isoformat(),
        "deliveries": mail.deliveries,
        "attempts": mail.attempts,
        "duplicateOf": mail.duplicate_of_id,
        "ticket": mail.ticket.public_id if mail.ticket else None,
    }


def _decisions(rows: QuerySet[BusinessRulesHistory]) -> list[dict[str, Any]]:
    """The decisions, oldest first, each with the rules in the order in which they were tried."""
    newest = rows.select_related("business_rules").order_by("-date", "-pk")[:MAX_ROWS]
    return [_decision(row) for row in reversed(list(newest))]


def _decision(row: BusinessRulesHistory) -> dict[str, Any]:
    trace: dict[str, Any] = row.trace
    return {
        "date": row.date.isoformat(),
        "type": row.rules_type,
        "report": row.report_id,
        "email": row.email_id,
        "rule": row.business_rules.name if row.business_rules else None,
        "version": row.rule_version,
        "shadow": row.is_shadow,
        "rules": trace.get("rules", []),
        "facts": trace.get("facts", []),
        "actions": trace.get("would" if row.is_shadow else "actions", []),
        "limit": trace.get("limit"),
        "error": trace.get("error"),
    }


def _deadlines(rows: QuerySet[Deadline]) -> list[dict[str, Any]]:
    """What is still to come, the next first."""
    pending = rows.filter(state=DeadlineState.PENDING).order_by("due_at", "pk")[:MAX_ROWS]
    return [
        {
            "dueAt": row.due_at.isoformat(),
            "kind": row.kind,
            "what": row.get_kind_display(),
            "task": row.payload.get("task"),
            "attempts": row.attempts,
            "lastResult": row.result,
        }
        for row in pending
    ]


def _history(rows: QuerySet[History]) -> list[dict[str, Any]]:
    """What happened, oldest first."""
    newest: Iterable[History] = rows.select_related("user").order_by("-date", "-pk")[:MAX_ROWS]
    return [
        {
            "date": row.date.isoformat(),
            "type": row.action_type,
            "user": row.user.username,
            "field": row.field,
            "old": row.old,
            "new": row.new,
            "refs": row.refs,
        }
        for row in reversed(list(newest))
    ]
