"""A mended template, and the mails that were read without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from abuse.commands.retry_email import command
from abuse.config import current
from abuse.controllers.history import robot
from abuse.models import BusinessRulesHistory, Email, History, OutgoingMessage, Provider, Report, Ticket
from abuse.parsers import ParserContext
from abuse.parsers.templating import load
from abuse.pipeline.context import parser_context
from abuse.pipeline.rereading import mails_of, reread

from .conftest import Deliver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isp")]

# The host is hidden from anybody who does not know the format.
HIDDEN = "Incident report.\n\nNode: c1~example~org\nKind: spam\n"
TEMPLATE = """
name: odd
description: writes names with tildes
match: {sender: jo@reporter.example}
category: {from: {line: Kind}, map: {spam: Spam}, default: Other}
take:
  - what: ip
    line: Origin
"""


@pytest.fixture
def mended(tmp_path: Path) -> ParserContext:
    """The parsers with a template that takes the line `Origin:`."""
    (tmp_path / "odd.yml").write_text(TEMPLATE)
    templates, faults = load(tmp_path)
    assert not faults
    import dataclasses

    return dataclasses.replace(parser_context(current()), templates=templates)


def again(mail: Email, context: ParserContext) -> str:
    return reread(mail.pk, current(), context, actor=robot()).said


def test_reading_the_same_again_changes_nothing(deliver: Deliver, trusted: Provider) -> None:
    mail = deliver("Spam from 203.0.113.1", sender=trusted.email)
    counts = (Report.count(), Ticket.count(), OutgoingMessage.count(), BusinessRulesHistory.count(), History.count())
    assert again(mail, parser_context(current())) == "nothing new"
    assert again(mail, parser_context(current())) == "nothing new"
    after = (Report.count(), Ticket.count(), OutgoingMessage.count(), BusinessRulesHistory.count(), History.count())
    assert after == counts
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("processed", "read again: nothing new")


def test_what_was_missed_becomes_a_report_and_the_empty_one_is_archived(deliver: Deliver, trusted: Provider) -> None:
    mail = deliver("An incident, see below.", sender=trusted.email)
    asked = Report.get()  # it names nothing, so its reporter was asked, and it waits for him
    assert (asked.status, asked.missing_data) == ("New", ["item"])
    from abuse.services.storage import StorageService

    raw = StorageService.read(mail.sha256).replace(b"see below.", b"see 203.0.113.1")
    StorageService.delete(mail.sha256)
    StorageService.write(mail.sha256, raw)  # as if the parser had only now learnt to see it
    assert again(mail, parser_context(current())) == "1 reports added, 1 reports archived"
    old, new = Report.all().order_by("pk")
    assert (old.status, old.defendant) == ("Archived", None)
    assert new.defendant is not None
    assert (new.status, new.defendant.customer_id, Ticket.count()) == ("Attached", "c1", 1)
    assert again(mail, parser_context(current())) == "nothing new"
    assert Ticket.count() == 1


def test_a_report_in_a_ticket_gets_the_items_it_lacked(deliver: Deliver, trusted: Provider) -> None:
    mail = deliver("Spam from 203.0.113.1", sender=trusted.email)
    report = Report.get()
    report.items.all().delete()
    assert again(mail, parser_context(current())) == "1 items added"
    assert [item.raw_item for item in report.items.all()] == ["203.0.113.1"]
    assert (Report.get().ticket, Ticket.count()) == (Ticket.get(), 1)
    assert History.get(action_type="AddItem").new == "203.0.113.1"


def test_a_mended_template_of_the_operator(deliver: Deliver, mended: ParserContext) -> None:
    mail = deliver(HIDDEN + "Origin: 203.0.113.1\n")
    assert again(mail, mended) in {"nothing new", "1 reports added, 1 reports archived"}
    mail.refresh_from_db()
    assert mail.template == "odd"
    assert Report.filter(status="New").get().category_id == "Spam"


def test_ignored_and_failed_mails_wait_again_and_answers_are_left_alone(deliver: Deliver) -> None:
    ignored = deliver("Spam from 203.0.113.1", sender="blacklisted@reporter.example")
    assert again(ignored, parser_context(current())) == "waits to be worked on again"
    Email.filter(pk=ignored.pk).update(state="answer")
    assert again(ignored, parser_context(current())) == "left alone: answer to a ticket"


def test_a_reporter_is_an_address_or_exactly_a_domain(deliver: Deliver) -> None:
    first = deliver("Spam from 203.0.113.1", sender="a@r.example")
    second = deliver("Spam from 203.0.113.1", sender="b@r.example")
    deliver("Spam from 203.0.113.1", sender="c@other-r.example")
    assert mails_of("A@r.example") == [first.pk]
    assert mails_of("*@r.example") == [first.pk, second.pk]


def test_the_command_says_what_became_of_the_mails(deliver: Deliver) -> None:
    deliver("Spam from 203.0.113.1", sender="a@r.example")
    result = CliRunner().invoke(command, ["--reporter", "a@r.example"])
    assert result.exit_code == 0, result.output
    assert "1 mails: nothing new" in result.output
    assert CliRunner().invoke(command, ["--reporter", "x@r.example"]).exit_code == 1
