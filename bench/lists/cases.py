"""What happened on the large desk: tickets, the mails about them, reports and the items in them."""

from __future__ import annotations

import random

from abuse.models import Email, Report, ReportItem, StarredTicket, Tag, Ticket

from .filling import fill, number, one_of, run, share
from .parties import CATEGORIES, SINCE, UNTIL, YEARS, Size, operator, tag

PARAGRAPHS = 4000
_CONSONANTS = "BCDFGHJKLMNPQRST"
_LIVE = {
    "Open": 0.42, "Reopened": 0.05, "Alarm": 0.1, "Answered": 0.1, "WaitingAnswer": 0.18, "Paused": 0.1,
    "ActionError": 0.05,
}  # fmt: skip
_IS_LIVE = f"({share(10)} < CASE WHEN i > 0.8 * {{tickets}} THEN 0.4 ELSE 0.025 END)"
"""One of ten: mostly those of the last months."""
HEAVY_REPORTS, HEAVY_ITEMS = 1000, 5
"""Of the one ticket that has much more of everything than others."""


def heavy_ticket(size: Size) -> int:
    """The id of the ticket that has a thousand reports."""
    return size.tickets // 2


def _make_words() -> None:
    """Sentences of words that are as unequally frequent as those of a language."""
    chance = random.Random(1)
    syllables = [one + two for one in "bdfgklmnprstvz" for two in ("a", "e", "i", "o", "u", "an", "er", "is")]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(20_000)]
    picked = [[words[int(20_000 * chance.random() ** 4)] for _ in range(38)] for _ in range(PARAGRAPHS)]
    run("CREATE TEMPORARY TABLE paragraph (id bigint PRIMARY KEY, text text)")
    run(
        "INSERT INTO paragraph SELECT row_number() OVER (), one FROM unnest(%s::text[]) AS one",
        [[" ".join(some).capitalize() + "." for some in picked]],
    )


def fill_tickets(size: Size) -> None:
    live = _IS_LIVE.format(tickets=size.tickets)
    customer = number(11, size.customers, skew=3)
    opened = f"{SINCE} + i::float8 / {size.tickets} * {YEARS}"
    chosen = f"""
        (SELECT *, CASE WHEN live THEN greatest(opened, {UNTIL} - power({share(12)}, 3) * interval '60 days')
                        ELSE least({UNTIL}, opened + power({share(13)}, 2) * interval '25 days') END AS changed,
                CASE WHEN live THEN row_number() OVER (PARTITION BY live, customer, category, service ORDER BY i) = 1
                     ELSE false END AS joinable
         FROM (SELECT i, {live} AS live, {opened} AS opened, {one_of(14, CATEGORIES)} AS category, customer,
                      CASE WHEN {share(15)} < 0.2 AND customer <= {size.customers // 5}
                           THEN customer + {size.customers} ELSE customer END AS service,
                      CASE WHEN {live} THEN {one_of(16, _LIVE)} ELSE 'Closed' END AS status
               FROM (SELECT i, CASE WHEN {share(17)} < 0.97 THEN {customer} END AS customer
                     FROM generate_series(1, {size.tickets}) AS i) AS numbered) AS one) AS ticket"""
    fill(
        Ticket, chosen,
        id="i", public_id=f"translate(lpad(to_hex((i * 2654435761) % 1099511627776), 10, '0'), "
        f"'0123456789abcdef', '{_CONSONANTS}')",
        defendant_id="customer", service_id="service", category_id="category", status="status",
        previous_status="'Open'", creation_date="opened", modification_date="changed",
        resolution_id="CASE WHEN NOT live THEN (SELECT min(id) FROM abuse_resolution) + i % 6 END",
        treated_by_id=f"CASE WHEN {share(18)} < CASE WHEN live THEN 0.5 ELSE 0.95 END THEN {operator(19)} END",
        alarm="status = 'Alarm'", confidential=f"{share(20)} < 0.03", moderation=f"live AND {share(21)} < 0.02",
        protected=f"{share(22)} < 0.01", escalated=f"live AND {share(23)} < 0.04", update="joinable",
        priority=one_of(24, {"Normal": 0.75, "High": 0.12, "Low": 0.08, "Critical": 0.05}),
        pause_start="CASE WHEN status = 'Paused' THEN changed END",
        pause_duration="CASE WHEN status = 'Paused' THEN 86400 * (1 + i % 20) END",
        snooze_start="CASE WHEN status = 'WaitingAnswer' THEN changed END",
        snooze_duration="CASE WHEN status = 'WaitingAnswer' THEN 172800 END",
    )  # fmt: skip
    rows = f"generate_series(1, {size.tickets}) AS i WHERE {share(25)} < {{}}"
    fill(Ticket.tags.through, rows.format(0.15), ticket_id="i", tag_id=tag(Tag.Type.TICKET, 26))
    fill(StarredTicket, rows.format(0.005), ticket_id="i", user_id=operator(27))


def fill_reports(size: Size) -> None:
    """A mail for each report; the first mails about a ticket are near its opening, others join later."""
    _make_words()
    each = max(1, size.reports // size.tickets)
    heavy_step = max(2, size.reports // HEAVY_REPORTS)
    ticket = f"""CASE WHEN i % {heavy_step} = 1 THEN {heavy_ticket(size)}
        WHEN i % {each} = 0 AND i / {each} <= {size.tickets} THEN i / {each}
        WHEN {share(30)} < 0.69 THEN least({size.tickets}, greatest(1,
            i / {each} - floor({size.tickets} * 0.015 * power({share(31)}, 4))::bigint)) END"""
    loose = one_of(32, {"New": 0.2, "Archived": 0.72, "PhishToCheck": 0.04, "ToValidate": 0.04})
    chosen = f"""
        (SELECT i, wanted, {SINCE} + i::float8 / {size.reports} * {YEARS} AS came, {share(33)} < 0.5 AS known,
                {number(34, size.customers, skew=3)} AS customer FROM (
            SELECT i, {ticket} AS wanted FROM generate_series(1, {size.reports}) AS i) AS numbered) AS mail
        LEFT JOIN abuse_ticket AS ticket ON ticket.id = mail.wanted
        JOIN paragraph AS one ON one.id = {number(35, PARAGRAPHS)}
        JOIN paragraph AS two ON two.id = {number(36, PARAGRAPHS)}
        JOIN paragraph AS three ON three.id = {number(37, PARAGRAPHS)}
        ORDER BY i"""
    defendant = "CASE WHEN wanted IS NOT NULL THEN ticket.defendant_id WHEN known THEN customer END"
    sender = number(38, size.providers, skew=3)
    fill(
        Report, chosen,
        id="i", email_id="i", ticket_id="wanted", defendant_id=defendant,
        service_id="CASE WHEN wanted IS NOT NULL THEN ticket.service_id WHEN known THEN customer END",
        category_id=f"CASE WHEN wanted IS NOT NULL THEN ticket.category_id ELSE {one_of(39, CATEGORIES)} END",
        provider_id=f"'abuse' || {sender} || '@reporter' || ({sender} % 90) || '.example'",
        status=f"CASE WHEN wanted IS NOT NULL THEN 'Attached' ELSE {loose} END",
        subject="'Abuse report ' || i || ' about ' || split_part(one.text, ' ', 2) || ' ' || "
        "split_part(two.text, ' ', 3) || ' from 100.64.' || i % 256 || '.' || i / 256 % 256",
        body="'Dear colleagues,' || E'\\n\\n' || one.text || E'\\n\\n' || two.text || E'\\n\\n' || "
        "'2026-01-01T10:00:00Z sshd[' || i || ']: failed login from 100.64.' || i % 256 || '.' || i / 256 % 256 "
        "|| E'\\n\\n' || three.text",
        filename="repeat(md5(i::text), 2)", received_date="came", created_at="came + interval '20 seconds'",
        reporter_reference="CASE WHEN i % 3 = 0 THEN 'ref-' || i END", treated_mode="'AUTO'",
    )  # fmt: skip
    run(
        "UPDATE abuse_ticket AS ticket SET attached_reports_count = counted.reports FROM ("
        "SELECT ticket_id, count(*) AS reports FROM abuse_report WHERE ticket_id IS NOT NULL GROUP BY ticket_id"
        ") AS counted WHERE ticket.id = counted.ticket_id"
    )
    fill(
        Report.tags.through, f"generate_series(1, {size.reports}) AS i WHERE {share(40)} < 0.1",
        report_id="i", tag_id=tag(Tag.Type.REPORT, 41),
    )  # fmt: skip


def fill_mails(size: Size) -> None:
    """The mails of the reports, and some that came to nothing."""
    columns = {
        "sha256": "repeat(md5(i::text), 2)", "content_key": "repeat(md5('key' || i), 2)", "size": "10000 + i % 5000",
        "source": "'imap INBOX'", "attempts": "1", "message_id": "'<' || i || '@reporter.example>'",
    }  # fmt: skip
    fill(
        Email, "(SELECT id AS i, * FROM abuse_report ORDER BY id) AS report",
        id="i", state="'processed'", kind="'plain'", provider="provider_id", subject="subject",
        sent_at="received_date", received_at="received_date", last_delivered_at="received_date",
        next_attempt_at="received_date", done_at="created_at", **columns,
    )  # fmt: skip
    when = f"{SINCE} + (i - {size.reports})::float8 / {max(1, size.reports // 20)} * {YEARS}"
    dates = ("sent_at", "received_at", "last_delivered_at", "next_attempt_at", "done_at")
    fill(
        Email, f"generate_series({size.reports} + 1, {size.reports} + {size.reports // 20}) AS i",
        id="i", state="'ignored'", reason="'nothing of ours is reported'", subject="'Newsletter ' || i",
        **dict.fromkeys(dates, when), **columns,
    )  # fmt: skip


_KINDS = {"IP": 0.55, "URL": 0.25, "FQDN": 0.1, "EMAIL": 0.04, "CIDR": 0.01, "HASH": 0.05}


def fill_items(size: Size) -> None:
    """Three items a report on average, of whatever the customer of the report rents."""
    item = "i * 8 + k"
    address = "('100.64.0.0'::inet + ((owner * 4 + k) % 4194304))"
    host = "'www' || k || '.shop' || owner || '.example'"
    chosen = f"""
        (SELECT i, k, owner, came, kind, {address} AS address, {host} AS host,
                CASE kind WHEN 'IP' THEN host({address}) WHEN 'CIDR' THEN network(set_masklen({address}, 29))::text
                     WHEN 'FQDN' THEN {host} WHEN 'EMAIL' THEN 'box' || i || '@shop' || owner || '.example'
                     WHEN 'HASH' THEN md5(({item})::text)
                     ELSE 'http://' || {host} || '/' || left(md5(({item})::text), 8) || '/login' END AS value
         FROM (SELECT report.id AS i, k, received_date AS came, {one_of(50, _KINDS, of=item.replace("i", "report.id"))}
                      AS kind, coalesce(defendant_id, {size.customers} + report.id % 50000) AS owner
               FROM abuse_report AS report CROSS JOIN LATERAL generate_series(1, CASE
                    WHEN ticket_id = {heavy_ticket(size)} THEN {HEAVY_ITEMS}
                    ELSE {number(51, 6, skew=2, of="report.id")} END) AS k ORDER BY report.id, k) AS one) AS item"""
    fill(
        ReportItem, chosen,
        report_id="i", item_type="kind", raw_item="value", original="value", place="'body'", date="came",
        network="CASE kind WHEN 'IP' THEN address WHEN 'CIDR' THEN network(set_masklen(address, 29)) END",
        fqdn="CASE WHEN kind IN ('URL', 'FQDN') THEN host END", seen_at="came - interval '1 hour'",
        ip_reverse=f"CASE WHEN kind = 'IP' AND {share(52)} < 0.3 THEN 'rev-' || owner || '.example.net' END",
        fqdn_resolved=f"CASE WHEN kind IN ('URL', 'FQDN') AND {share(53)} < 0.5 THEN address END",
    )  # fmt: skip
