"""Reported pages that a person looked at: which of them are phishing, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from abuse.models import Deadline, History, Report, ReportItem, ReportOutcome, ReportStatus, Ticket, User
from abuse.services.facade import facade

from . import correspondence, moves, proofs, tickets, trust, validation
from .editing import Refused
from .history import record

POST_FEEDBACK = "abuse.tasks.phishing.post_feedback"
"""The task that hands a verdict to the phishing service."""
AUTOCLOSED = "phishing:autoclosed"
GONE = "no_more_content"
MAX_VERDICTS = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person says of one picture of one reported URL; `screenshot_id` is None where there was no picture."""

    item_id: int
    is_phishing: bool
    screenshot_id: str | None = None


@transaction.atomic
def give_feedback(
    report: Report, verdicts: Sequence[Verdict], *, actor: User, decide: validation.Decide
) -> ReportStatus:
    """Take the verdicts on a report that waits for a look (`PhishToCheck`); what the report is now.

    URLs that no verdict calls phishing are taken out of the report. When one at least is phishing, the rules decide
    (`decide`: those for pages that a person has confirmed). When none is, the reporter is told and the ticket closed.
    Each verdict on a picture goes to the phishing service after the commit.

    :raises Refused: for a report that does not wait for a look, a verdict on something else than its URLs, none at
        all, or when no rule says what is to become of confirmed phishing.
    """
    validation.lock(report)
    if report.status != ReportStatus.PHISH_TO_CHECK:
        raise Refused(f"{report} is {report.status}; expected {ReportStatus.PHISH_TO_CHECK}")
    urls = {item.pk: item for item in ReportItem.filter(report=report, item_type=ReportItem.Type.URL)}
    _check(report, verdicts, urls)
    _pass_on(report, verdicts)
    bad = {verdict.item_id for verdict in verdicts if verdict.is_phishing}
    good = [item for pk, item in urls.items() if pk in {verdict.item_id for verdict in verdicts} - bad]
    if not bad and len(good) == len(urls):
        # The mail to the reporter names the URLs, so it is written while they are still there.
        _deny(report, actor=actor)
        _remove(report, good, actor=actor)
        return ReportStatus(report.status)
    _remove(report, good, actor=actor)
    if bad:
        _confirm(report, actor=actor, decide=decide)
    return ReportStatus(report.status)


def _check(report: Report, verdicts: Sequence[Verdict], urls: dict[int, ReportItem]) -> None:
    if not 1 <= len(verdicts) <= MAX_VERDICTS:
        raise Refused(f"feedback: {len(verdicts)} verdicts; expected 1 to {MAX_VERDICTS}")
    for verdict in verdicts:
        if verdict.item_id not in urls:
            raise Refused(f"feedback: item {verdict.item_id} is no URL of {report}")


def _pass_on(report: Report, verdicts: Sequence[Verdict]) -> None:
    if not facade("PhishingServiceBase").is_implemented():
        return
    now = timezone.now()
    Deadline.objects.bulk_create(
        Deadline(
            kind=Deadline.Kind.TASK,
            report=report,
            due_at=now,
            created_at=now,
            payload={
                "task": POST_FEEDBACK,
                "params": {"screenshot_id": verdict.screenshot_id, "is_phishing": verdict.is_phishing},
            },
        )
        for verdict in verdicts
        if verdict.screenshot_id is not None
    )


def _remove(report: Report, items: Sequence[ReportItem], *, actor: User) -> None:
    for item in items:
        record(
            History.Type.DELETE_ITEM, actor=actor, ticket=report.ticket, report=report, old=item.raw_item,
            reason="a person saw no phishing there",
        )  # fmt: skip
    ReportItem.filter(pk__in=[item.pk for item in items]).delete()


def _deny(report: Report, *, actor: User) -> Ticket:
    ticket = report.ticket or tickets.create_ticket(report, actor=actor, joinable=False)
    record(History.Type.DENY_PHISHTOCHECK, actor=actor, ticket=ticket, report=report)
    with proofs.proof_for_the_moment(ticket, report):
        correspondence.acknowledge(report, ticket, codename=GONE, actor=actor)
    moves.close_ticket(ticket, GONE, actor=actor)
    report.status = ReportStatus.ARCHIVED
    tickets.add_tag(ticket, AUTOCLOSED, actor=actor)
    # The ticket is closed because there is nothing there; the report of it was wrong all the same.
    trust.record_outcome(report, ReportOutcome.Outcome.FALSE, actor=actor)
    return ticket


def _confirm(report: Report, *, actor: User, decide: validation.Decide) -> None:
    rule = validation.decide_as_trusted(report, actor=actor, decide=decide)
    record(
        History.Type.VALIDATE_PHISHTOCHECK, actor=actor, ticket=report.ticket, report=report, rule=rule
    )  # fmt: skip
