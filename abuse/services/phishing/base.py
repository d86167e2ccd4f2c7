"""Looking at reported URLs without harm, and blocking them."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from abuse.models import Report

from ..facade import ServiceBase, ServiceError


class PhishingServiceException(ServiceError):
    """The URL could not be looked at or blocked."""


@dataclass(frozen=True, slots=True)
class PingResponse:
    """How a URL answers. `score` goes from 0 (up) to 100 (down); `is_phishing` is None when nobody can say.

    What comes after that is kept as the page's history, where the service says it. `headers`: of the last answer, names
    in lower case; `final_url`: where redirects led; `picture`: the storage key of a PNG; `look_id`: 32 hex digits that
    name this look and its picture, and `looked_at` when it was; without them the desk gives them.
    """

    score: int
    http_code: int | None = None
    direct_status: str = "UNKNOWN"
    proxied_status: str = "UNKNOWN"
    is_phishing: bool | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    final_url: str = ""
    picture: str = ""
    country: str = ""
    look_id: str = ""
    looked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Screenshot:
    """A picture of the page at a moment."""

    timestamp: datetime
    location: str
    screenshot_id: str
    score: int
    phishing_grade: float | None = None
    phishing_grade_details: Mapping[str, object] = field(default_factory=dict)
    response: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScreenshotViews:
    """Whether, and by whom, a screenshot has been looked at."""

    viewed: bool
    views: tuple[Mapping[str, object], ...] = ()


class PhishingServiceBase(ServiceBase, abc.ABC):
    """The system that looks at URLs."""

    @abc.abstractmethod
    def ping_url(self, url: str, country: str | None = None, try_screenshot: bool = True) -> PingResponse:
        """Whether the URL is up, as seen from a country."""

    @abc.abstractmethod
    def get_screenshots(self, url: str, limit: int = 10) -> Sequence[Screenshot]:
        """The newest pictures of the URL."""

    @abc.abstractmethod
    def is_screenshot_viewed(self, screenshot_id: str) -> ScreenshotViews:
        """Who has looked at a picture."""

    @abc.abstractmethod
    def post_feedback(self, screenshot_id: str, is_phishing: bool) -> None:
        """An operator's verdict on a picture."""

    @abc.abstractmethod
    def block_url(self, url: str, report: Report) -> None:
        """Have the URL blocked."""

    @abc.abstractmethod
    def unblock_url(self, url: str) -> None:
        """Have the block taken away."""

    @abc.abstractmethod
    def get_http_headers(self, url: str) -> Mapping[str, str]:
        """The response headers of the URL."""
