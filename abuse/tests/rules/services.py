"""Services for tests: they do what their contract says, to nothing but themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from abuse.models import Report
from abuse.services.facade import ServiceBase, facade
from abuse.services.phishing import PhishingServiceBase, PhishingServiceException, PingResponse, Screenshot
from abuse.services.phishing.base import ScreenshotViews


class Pages(PhishingServiceBase):
    """A phishing service that knows some pages: their answer by URL. It fails for all others."""

    def __init__(self, answers: Mapping[str, PingResponse | float]) -> None:
        super().__init__()
        self.answers = dict(answers)
        self.asked: list[tuple[str, str | None]] = []
        self.blocked: list[str] = []

    def ping_url(self, url: str, country: str | None = None, try_screenshot: bool = True) -> PingResponse:
        self.asked.append((url, country))
        answer = self.answers.get(url)
        if answer is None:
            raise PhishingServiceException(f"{url}: not known")
        return answer if isinstance(answer, PingResponse) else PingResponse(int(answer))

    def get_screenshots(self, url: str, limit: int = 10) -> Sequence[Screenshot]:
        return []

    def is_screenshot_viewed(self, screenshot_id: str) -> ScreenshotViews:
        return ScreenshotViews(False)

    def post_feedback(self, screenshot_id: str, is_phishing: bool) -> None:
        raise PhishingServiceException("there are no pictures")

    def block_url(self, url: str, report: Report) -> None:
        if url not in self.answers:
            raise PhishingServiceException(f"{url}: not known")
        self.blocked.append(url)

    def unblock_url(self, url: str) -> None:
        self.blocked.remove(url)

    def get_http_headers(self, url: str) -> Mapping[str, str]:
        return {}


@contextmanager
def serving(base: str, implementation: ServiceBase) -> Iterator[Any]:
    """Put a service behind its name for the block."""
    front = facade(base)
    before = front._implementation
    front.set_up(implementation)
    try:
        yield implementation
    finally:
        front.set_up(before)
