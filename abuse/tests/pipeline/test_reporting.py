"""What machine-readable reports say is kept with the reports they become."""

from __future__ import annotations

import json

import pytest

from abuse.config import current
from abuse.controllers.inbox import receive
from abuse.models import Report, ReportItem
from abuse.pipeline.inbox import work

from .conftest import make_mail

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isp")]


def test_a_report_keeps_its_type_its_class_and_how_often_and_how_surely_it_was_seen() -> None:
    content = {
        "xarf_version": "4.2.0",
        "report_id": "r-77",
        "timestamp": "2026-11-22T07:00:00Z",
        "source_identifier": "203.0.113.1",
        "source_port": 4022,
        "category": "connection",
        "type": "login_attack",
        "attempt_count": 2847,
        "confidence": 0.9,
    }
    receive(make_mail(json.dumps(content)), source="test", ring=False)
    assert work(current()) == 1
    report = Report.get()
    assert (report.xarf_type, report.rsit_class) == ("connection-login_attack", "intrusion-attempts")
    assert report.reporter_reference == "r-77"
    item = ReportItem.get()
    assert (item.raw_item, item.port, item.times, item.confidence) == ("203.0.113.1", 4022, 2847, 0.9)


def test_a_report_in_words_has_the_class_of_its_category() -> None:
    receive(make_mail("Phishing at http://c1.example.org/login.html"), source="test", ring=False)
    assert work(current()) == 1
    report = Report.get()
    assert (report.xarf_type, report.rsit_class) == (None, "fraud")
    assert ReportItem.get().times is None
