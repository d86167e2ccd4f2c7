"""What is found is what was written: in its transaction, or by a job that loses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
import redis
from click.testing import CliRunner
from django.db import transaction
from django.utils import timezone

from abuse.commands.reindex import command
from abuse.config import current
from abuse.controllers import searching
from abuse.controllers.inbox import receive
from abuse.models import Report, SearchDue, SearchEntry
from abuse.parsers.values import ParsedEmail
from abuse.pipeline.inbox import work
from abuse.queues import queue
from abuse.services.facade import facade
from abuse.services.search import SearchService, SearchServiceBase, SearchServiceException
from abuse.sweeper import sweep
from abuse.tasks.search import index_due
from abuse.tests.findable import a_report

pytestmark = pytest.mark.django_db

MAIL = b"""From: reporter@cert.example
To: abuse@example.net
Subject: Phishing at your host
Message-ID: <1@cert.example>

The page http://evil.example/login at 203.0.113.9 wants passwords.
"""


class Elsewhere(SearchServiceBase):
    """A search system that may be down."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[int] = []
        self.is_down = False

    def index_email(self, parsed_email: ParsedEmail, filename: str, reports_id: Sequence[int]) -> None:
        if self.is_down:
            raise SearchServiceException("down")
        self.told += reports_id

    def search_reports(self, query: str) -> Sequence[int]:
        return self.told


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    service, before = Elsewhere(), facade("SearchServiceBase")._implementation
    facade("SearchServiceBase").set_up(service)
    yield service
    facade("SearchServiceBase").set_up(before)


def fall_due() -> None:
    SearchDue.all().update(next_attempt_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db(transaction=True)
def test_a_mail_can_be_found_once_it_is_a_report() -> None:
    receive(MAIL, source="test", ring=False)
    work(current())
    report = Report.get()
    for query in ("passwords", "evil.example", "203.0.113.0/24", "cert.example"):
        assert SearchService.search_reports(query) == [report.pk], query


def test_a_report_that_was_rolled_back_is_not_found() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        report = a_report(subject="rolledback")
        assert SearchService.search_reports("rolledback") == [report.pk]
        raise ZeroDivisionError
    assert SearchService.search_reports("rolledback") == []


@pytest.mark.django_db(transaction=True)
def test_another_system_is_told_by_a_job_after_the_commit(elsewhere: Elsewhere, queue_server: redis.Redis) -> None:
    with transaction.atomic():
        report = a_report()
        assert elsewhere.told == []
    assert queue("default").jobs[-1].func_name == searching.INDEX_DUE
    assert index_due() == 1
    assert elsewhere.told == [report.pk]
    assert not SearchDue.all().exists()


@pytest.mark.django_db(transaction=True)
def test_what_a_system_that_was_down_did_not_take_is_tried_again(
    elsewhere: Elsewhere, queue_server: redis.Redis
) -> None:
    report = a_report()
    elsewhere.is_down = True
    pauses = []
    for _ in range(3):
        fall_due()
        assert searching.index_due() == 0
        pauses.append((SearchDue.get().next_attempt_at - timezone.now()).total_seconds())
    assert [round(pause, -1) for pause in pauses] == [30, 60, 120]
    assert searching.index_due() == 0, "not before its time"
    elsewhere.is_down = False
    fall_due()
    sweep()
    assert searching.INDEX_DUE in [job.func_name for job in queue("default").jobs]
    assert index_due() == 1
    assert elsewhere.told == [report.pk]


def test_a_report_that_changes_while_it_is_indexed_stays_due(elsewhere: Elsewhere) -> None:
    report = a_report()
    real = elsewhere.index_email

    def changes(parsed_email: ParsedEmail, filename: str, reports_id: Sequence[int]) -> None:
        real(parsed_email, filename, reports_id)
        searching.note_reports([report.pk])

    elsewhere.index_email = changes  # type: ignore[method-assign]
    assert searching.index_due() == 1
    assert SearchDue.filter(report=report, next_attempt_at__lte=timezone.now()).exists()


def test_a_worker_that_died_leaves_its_reports_to_others_after_a_time(elsewhere: Elsewhere) -> None:
    report = a_report()
    assert searching._claim().ids == [report.pk]
    assert searching.index_due() == 0
    fall_due()
    assert searching.index_due() == 1


def test_a_class_that_knows_mails_alone_is_given_the_report_as_one(elsewhere: Elsewhere) -> None:
    given: list[ParsedEmail] = []

    def keep(parsed_email: ParsedEmail, filename: str, reports_id: Sequence[int]) -> None:
        given.append(parsed_email)

    elsewhere.index_email = keep  # type: ignore[method-assign]
    report = a_report(subject="About", body="a body", reporter_reference="R-1")
    searching.index_due()
    assert (given[0].subject, given[0].body, given[0].reporter_reference) == ("About", "a body", "R-1")
    assert given[0].provider == report.provider_id


def test_everything_can_be_indexed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "BATCH", 2)
    reports = [a_report(subject="renewed") for _ in range(5)]
    SearchEntry.all().delete()
    assert SearchService.search_reports("renewed") == []
    result = CliRunner().invoke(command, ["--after", str(reports[1].pk)])
    assert (result.exit_code, result.output) == (0, "3 reports are indexed.\n")
    assert len(SearchService.search_reports("renewed")) == 3
    assert CliRunner().invoke(command).output == "5 reports are indexed.\n"
    assert len(SearchService.search_reports("renewed")) == 5


def test_indexing_anew_that_breaks_off_says_where_to_go_on(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "BATCH", 2)
    reports = [a_report() for _ in range(5)]
    real = elsewhere.index_email

    def breaks(parsed_email: ParsedEmail, filename: str, reports_id: Sequence[int]) -> None:
        elsewhere.is_down = len(elsewhere.told) >= 3
        real(parsed_email, filename, reports_id)

    elsewhere.index_email = breaks  # type: ignore[method-assign]
    result = CliRunner().invoke(command)
    assert result.exit_code == 1
    assert f"reindex --after {reports[1].pk}" in result.output


def test_without_a_search_system_nothing_is_noted(elsewhere: Elsewhere) -> None:
    facade("SearchServiceBase").set_up(None)
    a_report()
    assert not SearchDue.all().exists()
    assert CliRunner().invoke(command).exit_code == 1
