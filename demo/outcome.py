"""What became of each mail, read from the desk's tables, and where it is not what `expected.json` says."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from abuse.controllers.inbox import Receipt
from abuse.models import BusinessRulesHistory, Email, EmailState, History, Report, ReportItem, ReportStatus, Ticket
from abuse.parsers.values import MailKind

IGNORED_AS = {
    MailKind.AUTO_REPLY: "auto-reply",
    MailKind.BOUNCE: "bounce",
    MailKind.MDN: "read receipt",
    MailKind.NEWSLETTER: "newsletter",
    MailKind.SPAM: "spam",
    MailKind.DMARC_AGGREGATE: "DMARC aggregate",
}
AUTOMATIC = {MailKind.AUTO_REPLY, MailKind.BOUNCE, MailKind.MDN}
BY_STATUS = {
    ReportStatus.PHISH_TO_CHECK: "PhishToCheck",
    ReportStatus.TO_VALIDATE: "to validate",
    ReportStatus.ARCHIVED: "archived",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mail, in the words of `expected.json`. Other mails are given by the names of their files."""

    kind: str
    category: str | None
    customers: tuple[str, ...]
    becomes: str
    rule: str | None
    joins: str | None = None
    takes_along: tuple[str, ...] = ()
    ticket_of: str | None = None
    duplicate_of: str | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """What the desk noted beside an outcome: the last event, the source ports, what was wrong with the mail."""

    event_time: datetime | None = None
    ports: frozenset[int] = frozenset()
    defects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """An entry of `expected.json`. `event_time`, `port` and `defect` are compared only where they are given."""

    outcome: Outcome
    event_time: datetime | None
    port: int | None
    defect: bool
    ips: tuple[str, ...]
    urls: tuple[str, ...]
    fqdns: tuple[str, ...]

    @property
    def ticket_of(self) -> str | None:
        return self.outcome.ticket_of


def read_expected(path: Path) -> dict[str, Expected]:
    """Every entry of the file, by the name of the mail."""
    entries: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {name: _expected(entry) for name, entry in entries.items()}


def _expected(entry: Mapping[str, Any]) -> Expected:
    time = entry.get("eventTime")
    return Expected(
        outcome=Outcome(
            kind=entry["kind"],
            category=entry["category"],
            customers=tuple(sorted(entry["customers"])),
            becomes=entry["becomes"],
            rule=entry["rule"],
            joins=entry.get("joins"),
            takes_along=tuple(sorted(entry.get("takesAlong", ()))),
            ticket_of=entry.get("ticketOf"),
            duplicate_of=entry.get("duplicateOf"),
        ),
        event_time=datetime.fromisoformat(time).astimezone(UTC) if time else None,
        port=entry.get("port"),
        defect=entry.get("defect", False),
        ips=tuple(entry["items"]["ips"]),
        urls=tuple(entry["items"]["urls"]),
        fqdns=tuple(entry["items"]["fqdns"]),
    )


def opener_of_tickets() -> dict[int, int]:
    """The mail that opened each ticket, both by id."""
    rows = History.filter(action_type=History.Type.CREATE_TICKET, report__email__isnull=False)
    return dict(rows.values_list("ticket_id", "report__email_id"))


@dataclass(slots=True)
class _Tables:
    """The rows that the outcomes are read from."""

    openers: dict[int, int] = field(default_factory=opener_of_tickets)
    mails: dict[int, Email] = field(default_factory=lambda: {row.pk: row for row in Email.all()})
    reports: dict[int, list[Report]] = field(default_factory=lambda: _by_mail(_reports()))
    decisions: dict[int, list[BusinessRulesHistory]] = field(default_factory=lambda: _by_mail(_decisions()))
    first_status: dict[int, str] = field(default_factory=lambda: _first_statuses())
    items: dict[int, list[ReportItem]] = field(default_factory=lambda: _items())
    tickets: dict[int, Ticket] = field(
        default_factory=lambda: {row.pk: row for row in Ticket.all().select_related("defendant")}
    )


def _reports() -> Sequence[Report]:
    return list(Report.filter(email__isnull=False).select_related("defendant").order_by("pk"))


def _decisions() -> Sequence[BusinessRulesHistory]:
    return list(BusinessRulesHistory.filter(email__isnull=False).select_related("business_rules").order_by("pk"))


def _by_mail(rows: Sequence[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.email_id].append(row)
    return found


def _first_statuses() -> dict[int, str]:
    rows = History.filter(action_type=History.Type.CHANGE_REPORT_STATUS, report__isnull=False).order_by("-pk")
    return {report: str(new) for report, new in rows.values_list("report_id", "new")}


def _items() -> dict[int, list[ReportItem]]:
    found: dict[int, list[ReportItem]] = defaultdict(list)
    for item in ReportItem.all():
        found[item.report_id].append(item)
    return found


def outcomes(receipts: Mapping[str, Receipt]) -> dict[str, tuple[Outcome, Details]]:
    """What became of each mail that was handed in, by the name of its file."""
    tables = _Tables()
    names: dict[int, str] = {}
    for name in sorted(receipts):
        names.setdefault(receipts[name].email_id, name)
    return {name: _of_mail(name, tables.mails[receipts[name].email_id], names, tables) for name in sorted(receipts)}


def _of_mail(name: str, mail: Email, names: Mapping[int, str], tables: _Tables) -> tuple[Outcome, Details]:
    kind = mail.kind
    first = names[mail.pk]
    if first != name:
        return Outcome(kind, None, (), "duplicate", None, duplicate_of=first), Details()
    match EmailState(mail.state):
        case EmailState.PROCESSED:
            return _of_complaint(mail, names, tables)
        case EmailState.ANSWER:
            return _of_answer(mail, names, tables), Details(defects=tuple(mail.defects))
        case EmailState.IGNORED:
            word = IGNORED_AS.get(MailKind(kind), mail.reason)
            return Outcome(kind, None, (), f"ignored: {word}", None), Details(defects=tuple(mail.defects))
        case EmailState.DUPLICATE:
            first = names.get(mail.duplicate_of_id or 0, "")
            return Outcome(kind, None, (), "duplicate", None, duplicate_of=first), Details()
        case EmailState.FAILED:
            return Outcome(kind, None, (), f"failed: {mail.error or mail.reason}", None), Details()
        case _:
            return Outcome(kind, None, (), f"not finished: {mail.state}", None), Details()


def _of_answer(mail: Email, names: Mapping[int, str], tables: _Tables) -> Outcome:
    ticket = tables.tickets[mail.ticket_id or 0]
    return Outcome(
        kind=mail.kind,
        category=None,
        customers=(ticket.defendant.customer_id,) if ticket.defendant else (),
        becomes="kept with ticket" if mail.kind in AUTOMATIC else "answer",
        rule=_rules(tables.decisions.get(mail.pk, [])),
        ticket_of=names.get(tables.openers.get(ticket.pk, 0)),
    )


def _of_complaint(mail: Email, names: Mapping[int, str], tables: _Tables) -> tuple[Outcome, Details]:
    reports = tables.reports.get(mail.pk, [])
    decisions = {row.report_id: row for row in tables.decisions.get(mail.pk, [])}
    joins: set[str] = set()
    along: set[str] = set()
    words: set[str] = set()
    for report in reports:
        ticket_id = decisions[report.pk].ticket_id if report.pk in decisions else None
        if ticket_id is None:
            words.add(_without_ticket(report, tables))
        elif tables.openers.get(ticket_id) == mail.pk:
            words.add("ticket")
            along |= set(_taken_along(ticket_id, names, tables))
        else:
            words.add("joins ticket")
            joins.add(names.get(tables.openers.get(ticket_id, 0), "?"))
    outcome = Outcome(
        kind=mail.kind,
        category=_joined({report.category_id for report in reports}),
        customers=tuple(sorted(report.defendant.customer_id for report in reports if report.defendant)),
        becomes=_joined(words) or "no report",
        rule=_rules(list(decisions.values())),
        joins=_joined(joins),
        takes_along=tuple(sorted(along)),
    )
    items = [item for report in reports for item in tables.items[report.pk]]
    details = Details(
        event_time=max((item.seen_at for item in items if item.seen_at), default=None),
        ports=frozenset(item.port for item in items if item.port is not None),
        defects=tuple(mail.defects),
    )
    return outcome, details


def _without_ticket(report: Report, tables: _Tables) -> str:
    status = tables.first_status.get(report.pk)
    if status is not None:
        return BY_STATUS.get(ReportStatus(status), status)
    return "waits for threshold" if report.defendant_id else "waits, no customer"


def _taken_along(ticket_id: int, names: Mapping[int, str], tables: _Tables) -> Iterator[str]:
    """The mails whose reports are in a ticket although their own decision put them into none."""
    for email_id, reports in tables.reports.items():
        decided = {row.report_id: row.ticket_id for row in tables.decisions.get(email_id, [])}
        if any(report.ticket_id == ticket_id and decided.get(report.pk) is None for report in reports):
            yield names[email_id]


def _rules(decisions: Sequence[BusinessRulesHistory]) -> str | None:
    return _joined({row.business_rules.name if row.business_rules else "no rule" for row in decisions})


def _joined(words: set[str]) -> str | None:
    return " + ".join(sorted(words)) or None


def differences(expected: Mapping[str, Expected], found: Mapping[str, tuple[Outcome, Details]]) -> list[str]:
    """One line for each thing that is not as expected; none when all is well."""
    lines = []
    for name, wanted in expected.items():
        if name not in found:
            lines.append(f"{name}: was not handed in")
            continue
        outcome, details = found[name]
        for one in fields(Outcome):
            want, got = getattr(wanted.outcome, one.name), getattr(outcome, one.name)
            if want != got:
                lines.append(f"{name}: {one.name}: expected {_shown(want)}, got {_shown(got)}")
        if wanted.event_time is not None and wanted.event_time != details.event_time:
            lines.append(f"{name}: event time: expected {_time(wanted.event_time)}, got {_time(details.event_time)}")
        if wanted.port is not None and wanted.port not in details.ports:
            lines.append(f"{name}: port: expected {wanted.port}, got {sorted(details.ports) or 'none'}")
        if wanted.defect and not details.defects:
            lines.append(f"{name}: defect: expected one to be noted, got none")
    return lines


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else "none"
