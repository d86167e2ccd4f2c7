"""The state of the demo's desk, for people: what came in, what became of it, what is open and why, what waits."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.db import models
from django.db.models import Count

from abuse.controllers.inbox import Receipt
from abuse.models import (
    BusinessRulesHistory,
    Deadline,
    DeadlineState,
    Defendant,
    Email,
    EmailState,
    OutboxState,
    OutgoingMessage,
    Provider,
    Report,
    ReportStatus,
    ReportThreshold,
    Ticket,
    TicketStatus,
)

from .reasons import Reason, reason_of

WIDTH = 100
KINDS = {
    "abuse_report": "reports in words or X-ARF",
    "feedback_report": "feedback reports (ARF)",
    "auth_failure_report": "authentication failure report",
    "feed": "feed",
    "reply_to_ticket": "answers to tickets",
    "auto_reply": "automatic replies",
    "bounce": "bounce",
    "mdn": "read receipt",
    "newsletter": "newsletter",
    "spam": "spam to the desk",
    "dmarc_aggregate": "DMARC aggregate",
}


def summary(receipts: Mapping[str, Receipt]) -> list[str]:
    """The lines to print, at most `WIDTH` columns each."""
    return [*_mails(receipts), "", *_tickets(), "", *_waiting(), "", *_outbox(), "", *_next_steps()]


def _mails(receipts: Mapping[str, Receipt]) -> Iterator[str]:
    mails = Email.filter(pk__in={receipt.email_id for receipt in receipts.values()}).order_by("pk")
    kinds = Counter(mail.kind for mail in mails)
    states = Counter(EmailState(mail.state) for mail in mails)
    repeated = len(receipts) - len(mails)
    yield from _paragraph(
        f"{len(receipts)} mails came in",
        [
            *(f"{count} {KINDS.get(kind, kind)}" for kind, count in kinds.most_common()),
            *([f"{repeated} seen before"] if repeated else []),
        ],
    )
    ignored = Counter(mail.reason.partition(" (")[0] for mail in mails if mail.state == EmailState.IGNORED)
    yield from _paragraph(
        "What became of them",
        [
            f"{states[EmailState.PROCESSED]} made {Report.filter(email__in=mails).count()} reports",
            f"{states[EmailState.ANSWER]} went to their tickets",
            f"{repeated + states[EmailState.DUPLICATE]} duplicate",
            f"{states[EmailState.FAILED]} failed",
            f"{states[EmailState.IGNORED]} ignored:",
        ],
        [reason if count == 1 else f"{reason} ({count}x)" for reason, count in ignored.most_common()],
    )
    for mail in mails:
        if mail.state == EmailState.FAILED:
            yield f"  failed: {_cut(f'{mail.source}: {mail.error or mail.reason}'.splitlines()[0], WIDTH - 10)}"
    statuses = dict(Report.all().values_list("status").annotate(n=Count("pk")).order_by())
    yield from _paragraph(
        "Where the reports stand",
        [f"{statuses[status]} {status}" for status in ReportStatus.values if status in statuses],
    )


def _tickets() -> Iterator[str]:
    tickets = list(
        Ticket.all()
        .exclude(status=TicketStatus.CLOSED)
        .select_related("defendant__details", "service")
        .prefetch_related("reports__provider")
        .order_by("pk")
    )
    answered = sum(ticket.status == TicketStatus.ANSWERED for ticket in tickets)
    yield f"{len(tickets)} tickets are open, {answered} of them answered (A); with how many reports, and from whom:"
    first: dict[int | None, BusinessRulesHistory] = {}
    for decision in _decisions().filter(ticket__in=tickets):
        first.setdefault(decision.ticket_id, decision)
    groups: dict[Reason, list[Ticket]] = defaultdict(list)
    for ticket in tickets:
        groups[reason_of(first.get(ticket.pk))].append(ticket)
    for reason, group in groups.items():
        yield from _reason(reason)
        yield from (_ticket_line(ticket) for ticket in group)


def _ticket_line(ticket: Ticket) -> str:
    reports = sorted(ticket.reports.all(), key=lambda report: report.pk)
    reporters = list(dict.fromkeys(_reporter(report.provider) for report in reports))
    others = f" +{len(reporters) - 1}" if len(reporters) > 1 else ""
    cells = (
        _cell(ticket.public_id, 10),
        "A" if ticket.status == TicketStatus.ANSWERED else " ",
        _cell(ticket.category_id, 14),
        _cell(_customer(ticket.defendant), 24),
        _cell(ticket.service.name.partition(".")[0] if ticket.service else "", 14),
        _cell(str(len(reports)), 2),
    )
    line = "  " + " ".join(cells) + " "
    return f"{line}{_cut(reporters[0], WIDTH - _columns(line) - len(others))}{others}" if reporters else line.rstrip()


def _waiting() -> Iterator[str]:
    waiting = list(_reports(ReportStatus.NEW))
    yield f"{len(waiting)} reports wait for others:"
    thresholds = {row.category_id: row for row in ReportThreshold.all()}
    decisions = {decision.report_id: decision for decision in _decisions().filter(report__in=waiting)}
    groups: dict[Reason, list[Report]] = defaultdict(list)
    for report in waiting:
        groups[reason_of(decisions.get(report.pk))].append(report)
    for reason, reports in groups.items():
        yield from _reason(reason)
        yield from _cases(reports, thresholds)
    timeout = Deadline.filter(kind=Deadline.Kind.REPORT_TIMEOUT, state=DeadlineState.PENDING).order_by("due_at").first()
    if timeout:
        yield f"  what still waits on {timeout.due_at:%-d %B %Y} will be archived"
    for status, what in (
        (ReportStatus.PHISH_TO_CHECK, "wait for a person to look at the page"),
        (ReportStatus.TO_VALIDATE, "wait for a person to say whose it is; from"),
    ):
        reports = list(_reports(status))
        if reports:
            about = [
                _customer(report.defendant) if report.defendant else _reporter(report.provider) for report in reports
            ]
            yield from _paragraph(f"{len(reports)} {what}", list(dict.fromkeys(about)))


def _cases(reports: Sequence[Report], thresholds: Mapping[str, ReportThreshold]) -> Iterator[str]:
    """What reports that wait are about, by category, and how far they are from a ticket."""
    cases = Counter((report.category_id, report.defendant, report.service_id) for report in reports)
    lines: dict[str, list[str]] = defaultdict(list)
    for (category, defendant, _), count in cases.items():
        threshold = thresholds.get(category)
        if defendant is None:
            senders = {_reporter(report.provider) for report in reports if report.category_id == category}
            lines[f"{category}, from"] = sorted(senders)
        elif threshold is None:
            lines[f"{category}, without a threshold"].append(_customer(defendant))
        else:
            lines[f"{category}, {count} of {threshold.threshold} in {threshold.interval} days"].append(
                _customer(defendant)
            )
    for start, about in sorted(lines.items()):
        yield from _paragraph(f"    {start}", about, indent=6)


def _outbox() -> Iterator[str]:
    waiting = OutgoingMessage.filter(state=OutboxState.PENDING)
    kinds = dict(waiting.values_list("template_codename").annotate(n=Count("pk")).order_by())
    yield from _paragraph(
        f"{waiting.count()} mails wait in the outbox, for the demo has no mail relay",
        [f"{count} {name}" for name, count in sorted(kinds.items())],
    )


def _next_steps() -> Iterator[str]:
    yield "What to type next, after: export APP_SETTINGS=demo/settings.yml"
    for command, purpose in (
        ("status", "these numbers at any time"),
        ("import-email FILE", "hand in a mail of your own"),
        ("up", "API, worker, scheduler and LMTP; Ctrl-C ends all"),
    ):
        yield f"  .venv/bin/python main.py {command:18} {purpose}"
    yield "Your own mailbox: EMAIL_FETCHER in settings-sample.yml. Each mail's story: demo/README.md"


def _decisions() -> models.QuerySet[BusinessRulesHistory]:
    """The decisions on reports, oldest first."""
    return BusinessRulesHistory.filter(report__isnull=False).select_related("business_rules", "report").order_by("pk")


def _reports(status: ReportStatus) -> Iterable[Report]:
    return Report.filter(status=status).select_related("defendant__details", "provider").order_by("pk")


def _reason(reason: Reason) -> Iterator[str]:
    return _paragraph(f"  {reason.rule}", reason.facts, indent=4)


def _customer(defendant: Defendant | None) -> str:
    if defendant is None:
        return "nobody of ours"
    details = defendant.details
    name = (details.organisation or f"{details.firstname or ''} {details.name or ''}".strip()) if details else ""
    return f"{defendant.customer_id} {name}".strip()


def _reporter(provider: Provider) -> str:
    return provider.name or provider.email


def _paragraph(start: str, *groups: Sequence[str], indent: int = 2) -> Iterator[str]:
    """`start: one, two`, broken between the parts only; groups follow one another without a comma."""
    line = f"{start}:"
    for parts in groups:
        for position, part in enumerate(parts):
            comma = "" if position == len(parts) - 1 else ","
            if _columns(line) + _columns(part) + 1 + len(comma) > WIDTH:
                yield line
                line = " " * (indent - 1)
            line += f" {part}{comma}"
    yield line


def _columns(text: str) -> int:
    """The columns a text takes on a terminal: Chinese and Japanese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _cut(text: str, columns: int) -> str:
    """The text, cut to so many columns where it takes more."""
    if _columns(text) <= columns:
        return text
    while _columns(text) > columns - 1:
        text = text[:-1]
    return f"{text}…"


def _cell(text: str, columns: int) -> str:
    short = _cut(text, columns)
    return short + " " * (columns - _columns(short))
