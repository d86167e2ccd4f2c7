"""Asking a reporter for what his report lacks: once, and only who may be answered by machine and is who he says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from abuse.config import current
from abuse.models import Deadline, DeadlineState, History, Report, ReporterQuestion, ReportStatus, User
from abuse.models.fields import clipped
from abuse.services.email import EmailService
from abuse.services.email.addresses import report_address
from abuse.services.email.texts import write_report_text

from . import reports
from .deadlines import carried_out
from .history import record
from .reporters import ReporterMail, why_not_told

MISSING_DATA = "missing_data"
GO_ON = "abuse.tasks.questions.go_on"
"""The task that lets the rules go on with a report once its reporter has answered, or has not in time."""
A_DAY = 20
"""Questions to one reporter within a day; whoever sends more of such reports is a machine, whatever it says."""
KEPT_DAYS = 30.0
State = ReporterQuestion.State


def why_not_asked(report: Report) -> str:
    """Why the reporter must not be asked for what is missing, in words; empty when he may."""
    if not report.missing_data:
        return "nothing is missing"
    reason = why_not_told(report, ReporterMail.QUESTION)
    if reason:
        return reason
    if not _is_known(report):
        return "nothing shows that the mail is from whom it says"
    if ReporterQuestion.filter(report=report).exists():
        return "he was asked"
    since = timezone.now() - timedelta(days=1)
    if ReporterQuestion.filter(report__provider_id=report.provider_id, asked_at__gte=since).count() >= A_DAY:
        return f"he was asked {A_DAY} times within a day"
    return ""


def _is_known(report: Report) -> bool:
    """Whether the sender was authenticated, handed the report in under his name, or is trusted by an operator."""
    if report.authentication == "pass" or report.provider.trusted:
        return True
    return report.email is not None and bool(report.email.submitter)


@transaction.atomic(savepoint=False)
def ask(report: Report, *, days: float, actor: User) -> str:
    """Ask the reporter, and let the report wait for so many days; what was done, in words.

    Who must not be asked is not; then the report is archived after a month, unless more is learned.

    :raises TextError, EmailServiceException: when the text cannot be written or sent.
    """
    reason = why_not_asked(report)
    if reason:
        reports.set_timeout(report, days=KEPT_DAYS, actor=actor)
        return f"not asked: {reason}"
    now = timezone.now()
    until = now + timedelta(days=days)
    domain = current().MAIL.ticket_domain
    text = write_report_text(report, MISSING_DATA, {"missing": list(report.missing_data), "answer_until": until})
    message_id = EmailService.send_email(
        None, report.provider_id, text.subject, text.body, "Plaintiff", sender=report_address(report.pk, domain),
        dedupe_key=f"{MISSING_DATA}:{report.pk}", report=report, template_codename=MISSING_DATA,
        auto_submitted="auto-replied", body_html=text.body_html,
    )  # fmt: skip
    ReporterQuestion.create(report=report, missing=list(report.missing_data), asked_at=now, waits_until=until)
    _put(report, due_in=timedelta(days=days))
    record(
        History.Type.SEND_EMAIL, actor=actor, report=report, new=report.provider_id, template=MISSING_DATA,
        message_id=message_id, category="Plaintiff", missing=list(report.missing_data),
    )  # fmt: skip
    return f"asked for {', '.join(report.missing_data)}; waits until {until.isoformat()}"


@transaction.atomic(savepoint=False)
def answered(report: Report, text: str, *, email_id: int, sender: str, helps: bool, actor: User) -> None:
    """Keep what the reporter of a locked report answered. `helps`: the report has now what it lacked.

    Then the rules go on with it at once. Else a person reads it, where the report still waits for something.
    """
    question = ReporterQuestion.objects.select_for_update().get(report=report)
    question.answer, question.answer_email_id = clipped(text, 20_000), email_id
    question.answered_at, question.state = timezone.now(), State.ANSWERED if helps else State.UNCLEAR
    question.save()
    record(
        History.Type.RECEIVE_EMAIL, actor=actor, report=report, new=sender, email=email_id, category="Plaintiff",
        helps=helps,
    )  # fmt: skip
    _cancel(report, reason="the reporter answered")
    if helps:
        Report.filter(pk=report.pk).update(missing_data=[])
        _put(report, due_in=timedelta())
        return
    if report.defendant_id is not None or report.ticket_id is not None:
        return
    reason = "its reporter answered, without what was asked"
    if report.status == ReportStatus.ARCHIVED:
        reports.set_status(report, ReportStatus.NEW, actor=actor, reason=reason)
    if report.status == ReportStatus.NEW:
        reports.set_status(report, ReportStatus.TO_VALIDATE, actor=actor, reason=reason)


@transaction.atomic(savepoint=False)
def settle(report: Report, *, reason: str) -> None:
    """The report waits for its reporter no longer."""
    open_ones = ReporterQuestion.filter(report=report, settled_at=None)
    open_ones.filter(state=State.ASKED).update(state=State.NEEDLESS)
    if open_ones.update(settled_at=timezone.now()):
        _cancel(report, reason=reason)


def unanswered(report: Report) -> None:
    """The time of the question is over: nothing of what was asked came."""
    ReporterQuestion.filter(report=report, settled_at=None, state=State.ASKED).update(state=State.UNANSWERED)


def asked_about(report_ids: Sequence[int]) -> dict[int, Report]:
    """Those of the reports whose reporters were asked, with what is needed of them to take an answer."""
    rows = Report.filter(pk__in=report_ids, question__isnull=False).select_related("ticket", "question")
    return {report.pk: report for report in rows}


def _put(report: Report, *, due_in: timedelta) -> None:
    now = timezone.now()
    Deadline.create(
        kind=Deadline.Kind.TASK, report=report, due_at=now + due_in, created_at=now,
        payload={"task": GO_ON, "params": {"report_id": report.pk}},
    )  # fmt: skip


def _cancel(report: Report, *, reason: str) -> None:
    rows = Deadline.filter(report=report, kind=Deadline.Kind.TASK, state=DeadlineState.PENDING, payload__task=GO_ON)
    present = carried_out()
    rows = rows if present is None else rows.exclude(pk=present)
    rows.update(state=DeadlineState.CANCELLED, result=reason, done_at=timezone.now())
