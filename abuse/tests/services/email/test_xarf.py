"""Reports as XARF: what our own parser reads of them, and what must not stand in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from django.utils import timezone

from abuse.models import Provider, Report, ReportItem
from abuse.models.fields import as_network
from abuse.parsers import ParserContext, parse
from abuse.services.email.xarf import MAX_DOCUMENTS, xarf_files

pytestmark = pytest.mark.django_db

SEEN = datetime(2026, 11, 20, 3, 4, 5, tzinfo=UTC)


def reported(category: str, *items: tuple[str, str], **columns: object) -> tuple[Report, list[ReportItem]]:
    now = timezone.now()
    provider, _ = Provider.get_or_create(email="reporter@elsewhere.example")
    report = Report.create(
        provider=provider, category_id=category, body="", received_date=now, created_at=now, filename="x"
    )
    rows = [
        ReportItem.create(
            report=report, item_type=kind, raw_item=raw, network=as_network("198.51.100.7"), date=now, **columns
        )
        for kind, raw in items
    ]
    return report, rows


def test_our_own_parser_reads_what_was_reported() -> None:
    report, items = reported("Intrusion", ("IP", "198.51.100.7"), port=4711, protocol="tcp", seen_at=SEEN)
    (file,) = xarf_files(report, items, "Failed password for root", domain="desk.example")
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "abuse@desk.example", "Abuse"
    mail.set_content("See the file.")
    mail.add_attachment(file.content, "application", "json", filename=file.filename)
    read = parse(mail.as_bytes(), ParserContext(categories=("Intrusion", "Other")))
    (item,) = read.items
    assert (read.template, read.category) == ("xarf-4", "Intrusion")
    assert (item.value, item.port, item.protocol, item.seen_at) == ("198.51.100.7", 4711, "tcp", SEEN)


def test_the_desk_stands_as_the_reporter_and_a_link_in_spam_says_not_who_reads_it() -> None:
    url = "http://198.51.100.7/unsubscribe?who=reporter-elsewhere"
    report, items = reported("Spam", ("URL", url))
    (file,) = xarf_files(report, items, "", domain="desk.example")
    document = json.loads(file.content)
    assert document["reporter"] == document["sender"]
    assert document["reporter"]["contact"] == "abuse@desk.example"
    assert (document["source_identifier"], document["url"]) == ("198.51.100.7", "http://198.51.100.7/[removed]")
    assert b"elsewhere" not in file.content
    assert "evidence" not in document
    report, items = reported("Phishing", ("URL", url))
    assert json.loads(xarf_files(report, items, "", domain="desk.example")[0].content)["url"] == url


def test_many_things_are_bounded_and_the_same_report_gives_the_same_files() -> None:
    report, items = reported("Other", *((("IP", "198.51.100.7"),) * (MAX_DOCUMENTS + 3)))
    files = xarf_files(report, items, "x", domain="desk.example")
    assert [file.filename for file in files] == [f"xarf-{number}.json" for number in range(1, MAX_DOCUMENTS + 1)]
    assert files == xarf_files(report, items, "x", domain="desk.example")
