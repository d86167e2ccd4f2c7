"""Tasks that fall due: verdicts for the phishing service, handed over after the commit and again when that fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from abuse.controllers import phishing, workflow
from abuse.models import Deadline, Report
from abuse.pipeline import review
from abuse.services.facade import facade
from abuse.services.phishing import PhishingServiceBase, PhishingServiceException, PingResponse
from abuse.services.phishing.base import Screenshot, ScreenshotViews

from .people import make_user
from .test_tickets import make_report
from .test_validation import phishing_report
from .time_machine import pass_time

pytestmark = pytest.mark.django_db


class ListeningPhishingService(PhishingServiceBase):
    """Keeps what it is told; while `is_down` it fails."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, bool]] = []
        self.is_down = False

    def ping_url(self, url: str, country: str | None = None, try_screenshot: bool = True) -> PingResponse:
        return PingResponse(score=0)

    def get_screenshots(self, url: str, limit: int = 10) -> Sequence[Screenshot]:
        return []

    def is_screenshot_viewed(self, screenshot_id: str) -> ScreenshotViews:
        return ScreenshotViews(viewed=False)

    def post_feedback(self, screenshot_id: str, is_phishing: bool) -> None:
        if self.is_down:
            raise PhishingServiceException("out of order")
        self.told.append((screenshot_id, is_phishing))

    def block_url(self, url: str, report: Report) -> None:
        return None

    def unblock_url(self, url: str) -> None:
        return None

    def get_http_headers(self, url: str) -> Mapping[str, str]:
        return {}


@pytest.fixture
def service() -> Iterator[ListeningPhishingService]:
    here = facade("PhishingServiceBase")
    before = here._implementation
    service = ListeningPhishingService()
    here.set_up(service)
    yield service
    here.set_up(before)


def judge(*verdicts: bool) -> None:
    """A person looks at pictures of the first page of a report, and not at its second page."""
    report, (item, _) = phishing_report()
    given = [phishing.Verdict(item.pk, verdict, f"picture-{place}") for place, verdict in enumerate(verdicts)]
    review.review_phishing(report.pk, given, actor=make_user("ann"))


def test_each_picture_has_its_verdict(service: ListeningPhishingService) -> None:
    judge(False, False)
    assert service.told == []
    workflow.run_due()
    assert sorted(service.told) == [("picture-0", False), ("picture-1", False)]
    workflow.run_due()
    assert len(service.told) == 2
    assert set(Deadline.filter(kind="task").values_list("state", "result")) == {("done", "told")}


def test_a_service_that_is_down_is_told_later_and_the_deadline_is_parked_at_last(
    service: ListeningPhishingService,
) -> None:
    service.is_down = True
    judge(False)
    workflow.run_due()
    deadline = Deadline.get(kind="task")
    assert (deadline.state, deadline.attempts) == ("pending", 1)
    assert deadline.result == "PhishingServiceException: out of order"
    service.is_down = False
    pass_time(minutes=6)
    workflow.run_due()
    assert service.told == [("picture-0", False)]


def a_task(name: str, **params: Any) -> Deadline:
    now = timezone.now()
    payload = {"task": name, "params": params}
    return Deadline.create(kind="task", report=make_report(), due_at=now, created_at=now, payload=payload)


def test_a_task_that_always_fails_is_parked(service: ListeningPhishingService) -> None:
    service.is_down = True
    deadline = a_task(phishing.POST_FEEDBACK, screenshot_id="x", is_phishing=True)
    for _ in range(workflow.MAX_ATTEMPTS + 5):
        workflow.run_due()
        pass_time(minutes=6)
    deadline.refresh_from_db()
    assert (deadline.state, deadline.attempts) == ("failed", workflow.MAX_ATTEMPTS)


def test_a_task_whose_process_died_is_taken_up_after_its_lease(service: ListeningPhishingService) -> None:
    deadline = a_task(phishing.POST_FEEDBACK, screenshot_id="x", is_phishing=True)
    Deadline.filter(pk=deadline.pk).update(attempts=1, due_at=timezone.now() + workflow.LEASE)
    workflow.run_due()
    assert service.told == []
    pass_time(minutes=16)
    workflow.run_due()
    assert service.told == [("x", True)]


def test_a_task_whose_process_always_dies_is_parked(service: ListeningPhishingService) -> None:
    deadline = a_task(phishing.POST_FEEDBACK, screenshot_id="x", is_phishing=True)
    Deadline.filter(pk=deadline.pk).update(attempts=workflow.MAX_ATTEMPTS)
    workflow.run_due()
    deadline.refresh_from_db()
    assert (deadline.state, service.told) == ("failed", [])
    assert "was begun 10 times and never ended" in deadline.result


@pytest.mark.parametrize("name", ["os.system", "abuse.tasks.phishing", "abuse.tasks.x.y.z", "abuse.worker.main"])
def test_nothing_but_tasks_is_run(name: str) -> None:
    deadline = a_task(name)
    workflow.run_due()
    deadline.refresh_from_db()
    assert deadline.state == "pending"
    assert f"task {name!r}; expected abuse.tasks.<module>.<function>" in deadline.result


def test_tasks_that_are_due_later_wait(service: ListeningPhishingService) -> None:
    deadline = a_task(phishing.POST_FEEDBACK, screenshot_id="x", is_phishing=True)
    Deadline.filter(pk=deadline.pk).update(due_at=timezone.now() + timedelta(minutes=1))
    assert (workflow.run_due(), service.told) == (0, [])
