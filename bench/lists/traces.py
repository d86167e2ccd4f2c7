"""What work leaves behind on the large desk: history, decisions, remarks, mail, deadlines, the record."""

from __future__ import annotations

from django.db import connection

from abuse.models import (
    AuditEntry,
    BusinessRulesHistory,
    Comment,
    Deadline,
    History,
    OutgoingMessage,
    ReceivedMessage,
    TicketComment,
    UrlCheck,
)
from abuse.services.search import SearchService

from .cases import heavy_ticket
from .filling import fill, share
from .parties import SINCE, UNTIL, Size, operator

HEAVY_COMMENTS = 500
_INDEXED_AT_ONCE = 5000
_ROBOT = "(SELECT id FROM abuse_user WHERE username = 'abuse.robot')"


def fill_traces(size: Size) -> None:
    _history()
    _decisions()
    _comments(size)
    _mail(size)
    _deadlines()
    _others(size)


def _history() -> None:
    attached = "abuse_report AS report WHERE ticket_id IS NOT NULL ORDER BY report.id"
    fill(
        History, attached,
        ticket_id="ticket_id", report_id="id", user_id=_ROBOT, action_type="'AttachReport'", ticket_status="'Open'",
        new="id::text", refs="jsonb_build_object('provider', provider_id)", date="created_at",
    )  # fmt: skip
    tickets = "abuse_ticket AS ticket {} ORDER BY ticket.id"
    fill(
        History, tickets.format(""),
        ticket_id="id", user_id=_ROBOT, action_type="'CreateTicket'", new="public_id", ticket_status="'Open'",
        date="creation_date",
    )  # fmt: skip
    fill(
        History, tickets.format("WHERE treated_by_id IS NOT NULL"),
        ticket_id="id", user_id="treated_by_id", action_type="'ChangeTreatedby'", field="'treated_by'",
        new="treated_by_id::text", ticket_status="'Open'",
        date=f"creation_date + {share(60, of='id')} * interval '1 day'",
    )  # fmt: skip
    fill(
        History, tickets.format("CROSS JOIN generate_series(1, 2) AS k"),
        ticket_id="id", user_id=_ROBOT, action_type="'ChangeStatus'", field="'status'", old="'Open'",
        new="'WaitingAnswer'", ticket_status="'WaitingAnswer'", date="creation_date + k * interval '1 day'",
    )  # fmt: skip
    fill(
        History, tickets.format("WHERE status = 'Closed'"),
        ticket_id="id", user_id=f"coalesce(treated_by_id, {_ROBOT})", action_type="'ChangeStatus'", field="'status'",
        old="'WaitingAnswer'", new="'Closed'", ticket_status="'Closed'", date="modification_date",
        refs="jsonb_build_object('resolution', 'fixed')",
    )  # fmt: skip


def _decisions() -> None:
    trace = """jsonb_build_object('rules', jsonb_build_array(
        jsonb_build_object('rule', 'defendant_is_unknown', 'matched', false, 'facts', jsonb_build_object('n', id)),
        jsonb_build_object('rule', 'report_joins_its_ticket', 'matched', true, 'facts',
                           jsonb_build_object('provider', provider_id, 'subject', subject))))"""
    fill(
        BusinessRulesHistory, "abuse_report AS report ORDER BY report.id",
        business_rules_id="(SELECT min(id) FROM abuse_businessrules WHERE rules_type = 'Report') + id % 5",
        rule_version="1", rules_type="'Report'", defendant_id="defendant_id", service_id="service_id", report_id="id",
        ticket_id="ticket_id", email_id="email_id", trace=trace, date="created_at",
    )  # fmt: skip


def _comments(size: Size) -> None:
    heavy = heavy_ticket(size)
    fill(
        Comment, f"generate_series(1, {size.tickets}) AS i WHERE {share(61)} < 0.4 OR i = {heavy}",
        id="i", user_id=operator(62), comment="'Called the customer, waits for his provider, case ' || i",
        date=f"{SINCE} + {share(63)} * interval '700 days'",
    )  # fmt: skip
    fill(TicketComment, "abuse_comment", ticket_id="id", comment_id="id")
    extra = f"generate_series({size.tickets} + 1, {size.tickets} + {HEAVY_COMMENTS} - 1) AS i"
    fill(
        Comment, extra, id="i", user_id=operator(62), comment="'Remark ' || i || ' on the large case'", date=UNTIL,
    )  # fmt: skip
    fill(TicketComment, extra, ticket_id=str(heavy), comment_id="i")


def _mail(size: Size) -> None:
    fill(
        OutgoingMessage, "abuse_ticket AS ticket CROSS JOIN generate_series(1, 2) AS k WHERE defendant_id IS NOT NULL",
        ticket_id="id", dedupe_key="'bench ' || id || ' ' || k", message_id="'<o' || id || '.' || k || '@example.net>'",
        category="CASE k WHEN 1 THEN 'Defendant' ELSE 'Plaintiff' END", sender="'abuse@example.net'",
        recipient="'jo' || defendant_id || '@customer.example'", subject="'Abuse of your service ' || public_id",
        body="repeat('We have received a complaint about your service. ', 12)", state="'sent'", attempts="1",
        next_attempt_at="creation_date", created_at="creation_date", sent_at="creation_date",
    )  # fmt: skip
    fill(
        ReceivedMessage, f"abuse_ticket AS ticket WHERE defendant_id IS NOT NULL AND {share(64, of='id')} < 0.2",
        ticket_id="id", category="'Defendant'", sender="'jo' || defendant_id || '@customer.example'",
        recipient="'abuse@example.net'", subject="'Re: Abuse of your service ' || public_id",
        body="repeat('We have removed the page and changed all passwords. ', 8)", authentic="true",
        date="creation_date + interval '1 day'",
    )  # fmt: skip


def _deadlines() -> None:
    fill(
        Deadline, "abuse_ticket WHERE status IN ('Paused', 'WaitingAnswer')",
        kind="CASE status WHEN 'Paused' THEN 'pause' ELSE 'snooze' END", ticket_id="id",
        due_at=f"{UNTIL} + {share(65, of='id')} * interval '300 days'", created_at="modification_date",
    )  # fmt: skip
    fill(
        Deadline, "abuse_ticket WHERE status = 'Closed'",
        kind="'snooze'", ticket_id="id", due_at="creation_date + interval '2 days'", state="'done'",
        created_at="creation_date", done_at="creation_date + interval '2 days'",
    )  # fmt: skip


def _others(size: Size) -> None:
    fill(
        UrlCheck, f"generate_series(1, {size.reports // 5}) AS i",
        look_id="md5('look' || i)", url_sha256="repeat(md5((i / 3)::text), 2)",
        url="'http://www1.shop' || i / 3 || '.example/login'",
        looked_at=f"now() - {share(66)} * interval '120 days'", direct_status="'UP'", score="i % 100",
    )  # fmt: skip
    fill(
        AuditEntry, f"generate_series(1, {size.tickets * 2}) AS i",
        date=f"now() - {share(67)} * interval '500 days'", user_id=operator(68), method="'GET'",
        endpoint="'tickets.show_ticket'", about="'ticket ' || i", status="200", address="'192.0.2.7'",
    )  # fmt: skip


def index_words(size: Size) -> None:
    """Make all reports findable, by the desk's own statement."""
    for first in range(1, size.reports + 1, _INDEXED_AT_ONCE):
        SearchService.index_reports(list(range(first, min(first + _INDEXED_AT_ONCE, size.reports + 1))))


def rows_of(table: str) -> int:
    """How many rows a table has."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{table}"')
        return int(cursor.fetchone()[0])
