"""What is asked of the past: counts over the reports, tickets, decisions and measures about a customer.

Each question is one statement for any number of reports, so that a replay asks as rarely as a single decision does.
A decision asks about the present. A replay asks `as_of` the moment at which each report came in, as far as the rows
still tell: what an operator has changed without a trace since then is seen as it is today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from abuse.controllers.together import undecided
from abuse.models import Report


@dataclass(frozen=True, slots=True)
class Subjects:
    """The reports a question is about. `tickets`: the ticket of each that does not count as another one."""

    reports: Sequence[Report]
    tickets: Sequence[int | None]
    as_of: bool

    def moment(self, report: Report) -> datetime:
        """From when to look back: when the report came in for a replay, else now."""
        return report.created_at if self.as_of else timezone.now()


def one(report: Report, ticket_id: int | None = None) -> Subjects:
    """A report to be decided on now, and the open ticket that it could join."""
    return Subjects([report], [report.ticket_id or ticket_id], as_of=False)


_SUBJECTS = """
WITH subject AS (
    SELECT * FROM unnest(
        %(reports)s::bigint[], %(defendants)s::bigint[], %(services)s::bigint[], %(categories)s::text[],
        %(tickets)s::bigint[], %(moments)s::timestamptz[], %(received)s::timestamptz[]
    ) AS subject (report_id, defendant_id, service_id, category_id, ticket_id, at, received)
)
"""
# How a ticket stood at the moment of the subject: by its history in a replay, by itself now.
_TICKET_OPEN = """
(CASE WHEN %(as_of)s THEN COALESCE(
    (SELECT h.new FROM abuse_history h
     WHERE h.ticket_id = t.id AND h.action_type = 'ChangeStatus' AND h.date <= subject.at
     ORDER BY h.date DESC, h.id DESC LIMIT 1), 'Open')
 ELSE t.status END <> 'Closed')
"""
# In a replay those that came later did not exist yet; now those of this transaction that are yet to be decided on.
_REPORT_EXISTED = "(CASE WHEN %(as_of)s THEN r.id <= subject.report_id ELSE r.id <> ALL(%(undecided)s::bigint[]) END)"

# The customer's reports are read once, however many of them are asked about; sorted arrays then answer each.
_REPORT_COUNT_THEN = """
, past AS (
    SELECT who.defendant_id, array_agg(r.id ORDER BY r.id) AS ids,
           array_agg(gone.at ORDER BY gone.at) FILTER (WHERE gone.at IS NOT NULL) AS archived
    FROM (SELECT DISTINCT defendant_id FROM subject WHERE defendant_id IS NOT NULL) who
    JOIN abuse_report r ON r.defendant_id = who.defendant_id
    LEFT JOIN LATERAL (SELECT LEAST(
        (SELECT min(h.date) FROM abuse_history h
         WHERE h.report_id = r.id AND h.action_type = 'ChangeReportStatus' AND h.new = 'Archived'),
        (SELECT min(h.date) FROM abuse_history h
         WHERE h.ticket_id = r.ticket_id AND h.action_type = 'ChangeStatus' AND h.new = 'Closed')
    ) AS at) gone ON r.status = 'Archived'
    GROUP BY who.defendant_id
)
SELECT subject.report_id,
       COALESCE(width_bucket(subject.report_id, past.ids), 0) - COALESCE(width_bucket(subject.at, past.archived), 0)
FROM subject LEFT JOIN past USING (defendant_id)
"""

_REPORT_COUNT_NOW = """
SELECT subject.report_id, (
    SELECT count(*) FROM abuse_report r
    WHERE r.defendant_id = subject.defendant_id AND r.status <> 'Archived' AND r.id <> ALL(%(undecided)s::bigint[])
) FROM subject
"""

_TICKET_COUNT = f"""
SELECT subject.report_id, (
    SELECT count(*) FROM abuse_ticket t
    WHERE t.defendant_id = subject.defendant_id AND t.id IS DISTINCT FROM subject.ticket_id
        AND t.creation_date <= subject.at
        AND (NOT %(same_service)s OR t.service_id = subject.service_id)
        AND (%(period)s::interval IS NULL OR t.creation_date >= subject.at - %(period)s::interval)
        AND (NOT %(open_only)s OR {_TICKET_OPEN})
) FROM subject
"""  # noqa: S608 the parts are constants of this module

_HAS_TICKET = f"""
SELECT subject.report_id, EXISTS (
    SELECT 1 FROM abuse_ticket t
    WHERE t.defendant_id = subject.defendant_id AND t.service_id = subject.service_id
        AND t.category_id = subject.category_id AND t.creation_date <= subject.at
        AND (t.update OR (%(as_of)s AND t.status = 'Closed')) AND {_TICKET_OPEN}
) FROM subject
"""  # noqa: S608 the parts are constants of this module

_ANSWERED = f"""
SELECT subject.report_id, count(t.id) > 0 AND bool_and(t.answered)
FROM subject LEFT JOIN LATERAL (
    SELECT r.ticket_id AS id, bool_or(EXISTS (
        SELECT 1 FROM abuse_receivedmessage m
        WHERE m.ticket_id = r.ticket_id AND m.category = 'Defendant' AND m.authentic AND m.date <= subject.at
    )) AS answered
    FROM abuse_report r
    WHERE r.defendant_id = subject.defendant_id AND r.ticket_id IS NOT NULL AND r.id <> subject.report_id
        AND {_REPORT_EXISTED}
        AND (NOT %(same_service)s OR r.service_id = subject.service_id)
        AND (%(period)s::interval IS NULL OR r.received_date >= subject.at - %(period)s::interval)
        AND (%(rule)s::text IS NULL OR EXISTS (
            SELECT 1 FROM abuse_businessruleshistory d JOIN abuse_businessrules b ON b.id = d.business_rules_id
            WHERE d.report_id = r.id AND NOT d.is_shadow AND b.name = %(rule)s))
    GROUP BY r.ticket_id
) t ON true
GROUP BY subject.report_id
"""  # noqa: S608 the parts are constants of this module

_ACTION_COUNT = """
SELECT subject.report_id, (
    SELECT count(DISTINCT j.id) FROM abuse_ticket t
    JOIN abuse_ticket_jobs tj ON tj.ticket_id = t.id JOIN abuse_serviceactionjob j ON j.id = tj.serviceactionjob_id
    WHERE t.defendant_id = subject.defendant_id AND j.creation_date <= subject.at
        AND (%(period)s::interval IS NULL
             OR j.execution_date BETWEEN subject.at - %(period)s::interval AND subject.at)
) FROM subject
"""

_RULE_APPLIED = """
, past AS (
    SELECT who.defendant_id, who.service_id, array_agg(d.date ORDER BY d.date) AS dates
    FROM (SELECT DISTINCT defendant_id, service_id FROM subject WHERE defendant_id IS NOT NULL) who
    JOIN abuse_businessruleshistory d
        ON d.defendant_id = who.defendant_id AND d.service_id IS NOT DISTINCT FROM who.service_id
    JOIN abuse_businessrules b ON b.id = d.business_rules_id
    WHERE b.name = %(rule)s AND NOT d.is_shadow
        AND (%(as_of)s OR d.report_id IS NULL OR d.report_id <> ALL(%(reports)s::bigint[]))
    GROUP BY who.defendant_id, who.service_id
)
SELECT subject.report_id, GREATEST(0, COALESCE(
    width_bucket(subject.at - COALESCE(%(older)s::interval, interval '0'), past.dates)
    - CASE WHEN %(period)s::interval IS NULL THEN 0
           ELSE width_bucket(subject.at - %(period)s::interval - interval '1 microsecond', past.dates) END, 0))
FROM subject LEFT JOIN past
    ON past.defendant_id = subject.defendant_id AND past.service_id IS NOT DISTINCT FROM subject.service_id
"""

# For a replay only: a single decision counts in `controllers.reports`. The newest thousand of a customer are looked at.
_WAITING = """
SELECT subject.report_id, (
    SELECT count(*) FROM (
        SELECT 1 FROM (
            SELECT r.id, r.received_date FROM abuse_report r
            WHERE r.defendant_id = subject.defendant_id AND r.service_id = subject.service_id
                AND r.category_id = subject.category_id AND r.id <= subject.report_id
            ORDER BY r.id DESC LIMIT 1000
        ) r
        WHERE (r.received_date >= subject.received - %(period)s::interval OR r.id = subject.report_id)
            AND NOT EXISTS (
                SELECT 1 FROM abuse_history h
                WHERE h.report_id = r.id AND h.date <= subject.at AND r.id <> subject.report_id
                    AND h.action_type IN ('AttachReport', 'ChangeReportStatus'))
        LIMIT %(enough)s
    ) waiting
) FROM subject
"""


def report_count(subjects: Subjects) -> Mapping[int, int]:
    """How many reports of the same customer are not archived, by report."""
    return _ask(_REPORT_COUNT_THEN if subjects.as_of else _REPORT_COUNT_NOW, subjects)


def has_ticket(subjects: Subjects) -> Mapping[int, bool]:
    """Whether an open ticket of the same customer, service and category took reports."""
    return _ask(_HAS_TICKET, subjects)


def ticket_count(
    subjects: Subjects, *, same_service: bool, last_days: float | None, open_only: bool
) -> Mapping[int, int]:
    """How many other tickets the customer has."""
    return _ask(
        _TICKET_COUNT, subjects, same_service=same_service, period=_days(last_days), open_only=open_only
    )  # fmt: skip


def has_answers(
    subjects: Subjects, *, same_service: bool, last_days: float | None, rule: str | None
) -> Mapping[int, bool]:
    """Whether the customer answered on each ticket of his other reports, of those that a rule decided on."""
    return _ask(_ANSWERED, subjects, same_service=same_service, period=_days(last_days), rule=rule)


def action_count(subjects: Subjects, *, last_days: float | None) -> Mapping[int, int]:
    """How many measures were ordered against the customer; with `last_days`, carried out within so many days."""
    return _ask(_ACTION_COUNT, subjects, period=_days(last_days))


def rule_applied(
    subjects: Subjects, *, rule: str, since_last_days: float | None, older_than_days: float | None
) -> Mapping[int, int]:
    """How often a rule decided on other reports about the same customer and service."""
    return _ask(_RULE_APPLIED, subjects, rule=rule, period=_days(since_last_days), older=_days(older_than_days))


def waiting_count(subjects: Subjects, *, days: float, enough: int) -> Mapping[int, int]:
    """How many reports waited on the same customer, service and category when each report came, itself included.

    Not counted beyond `enough`.
    """
    return _ask(_WAITING, subjects, period=_days(days), enough=enough)


def _days(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=float(days))


def _ask(question: str, subjects: Subjects, **values: Any) -> dict[int, Any]:
    reports = subjects.reports
    given: dict[str, Any] = {
        "reports": [report.pk for report in reports],
        "defendants": [report.defendant_id for report in reports],
        "services": [report.service_id for report in reports],
        "categories": [report.category_id for report in reports],
        "tickets": list(subjects.tickets),
        "moments": [subjects.moment(report) for report in reports],
        "received": [report.received_date for report in reports],
        "as_of": subjects.as_of,
        "undecided": [] if subjects.as_of else list(undecided()),
    }
    with connection.cursor() as cursor:
        cursor.execute(_SUBJECTS + question, given | values)
        return dict(cursor.fetchall())
