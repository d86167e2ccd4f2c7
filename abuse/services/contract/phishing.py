"""What every phishing service must do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from abuse.models import UrlStatus

from ..phishing import PhishingServiceBase, PhishingServiceException, PingResponse, Screenshot, ScreenshotViews
from .checking import Broken, Check, Subject, answer_or_error, expect, expect_type
from .rows import a_report

GONE = "http://contract-check.invalid/login"
_INSIDE = (
    "http://127.0.0.1:1/", "http://[::1]:1/", "http://0x7f000001:1/", "http://169.254.169.254/latest/meta-data/",
    "http://localhost/", "http://[::ffff:127.0.0.1]/",
)  # fmt: skip
_HOSTILE = (
    "", "javascript:alert(1)", "file:///etc/passwd", "http://", "http://a b/", "http://x\r\nHost: y/", "http://a\0b/",
    "http://" + "a" * 300 + ".invalid/", "http://a.invalid/" + "x" * 100_000,
)  # fmt: skip
_UNKNOWN_PICTURES = ("0" * 64, "", "../../etc/passwd", "x" * 10_000)


def _check_look(look: object, what: str) -> None:
    expect_type(look, PingResponse, what)
    if not isinstance(look, PingResponse):
        raise Broken(what)
    expect_type(look.score, int, f"{what}: score")
    expect(0 <= look.score <= 100, f"{what}: score: {look.score}; expected 0 (up) to 100 (down)")
    for name in ("direct_status", "proxied_status"):
        value = getattr(look, name)
        expect(value in UrlStatus.State.values, f"{what}: {name}: {value!r}; expected UP, DOWN or UNKNOWN")
    expect(look.http_code is None or 100 <= look.http_code <= 999, f"{what}: http_code: {look.http_code!r}")
    expect(look.is_phishing in (True, False, None), f"{what}: is_phishing: {look.is_phishing!r}")


def _look(service: PhishingServiceBase, url: str, country: str | None = None) -> PingResponse | None:
    """How a page answers, of the right form; None when it is not looked at."""
    what = f"ping_url {url[:60]!r}"
    look = answer_or_error(PhishingServiceException, what, service.ping_url, url, country, False)
    if look is not None:
        _check_look(look, what)
    return look


def _gone(subject: Subject) -> None:
    for country in (None, "FR", "nowhere"):
        look = _look(subject.service, GONE, country)
        expect(look is None or look.direct_status != "UP", f"ping_url {GONE}: is UP, but the name cannot exist")


def _inside(subject: Subject) -> None:
    service: PhishingServiceBase = subject.service
    for url in _INSIDE:
        look = _look(service, url)
        expect(look is None or look.direct_status != "UP", f"ping_url {url}: is UP: the desk's own network was asked")
        what = f"get_http_headers {url}"
        headers = answer_or_error(PhishingServiceException, what, service.get_http_headers, url)
        expect(not headers, f"{what}: the desk's own network was asked")


def _hostile(subject: Subject) -> None:
    service: PhishingServiceBase = subject.service
    for url in _HOSTILE:
        _look(service, url)
        answer_or_error(PhishingServiceException, f"get_screenshots {url[:40]!r}", service.get_screenshots, url)
        answer_or_error(PhishingServiceException, f"get_http_headers {url[:40]!r}", service.get_http_headers, url)


def _pictures(subject: Subject) -> None:
    service: PhishingServiceBase = subject.service
    for limit in (0, 1, 3):
        pictures = service.get_screenshots(GONE, limit=limit)
        expect(len(pictures) <= limit, f"get_screenshots: {len(pictures)} pictures; expected at most {limit}")
        for picture in pictures:
            expect_type(picture, Screenshot, "get_screenshots")
            expect_type(picture.timestamp, datetime, "get_screenshots: timestamp")
            expect(picture.timestamp.utcoffset() is not None, "get_screenshots: timestamp: has no zone")
            expect(0 <= picture.score <= 100, f"get_screenshots: score: {picture.score}")
        times = [picture.timestamp for picture in pictures]
        expect(times == sorted(times, reverse=True), "get_screenshots: not the newest first")


def _views(subject: Subject) -> None:
    service: PhishingServiceBase = subject.service
    for identifier in _UNKNOWN_PICTURES:
        what = f"is_screenshot_viewed {identifier[:30]!r}"
        views = answer_or_error(PhishingServiceException, what, service.is_screenshot_viewed, identifier)
        if views is not None:
            expect_type(views, ScreenshotViews, what)
            expect(views.viewed is False, f"{what}: somebody has looked at a picture that is none")


def _headers(subject: Subject) -> None:
    service: PhishingServiceBase = subject.service
    headers = answer_or_error(PhishingServiceException, "get_http_headers", service.get_http_headers, GONE)
    if headers is not None:
        expect_type(headers, Mapping, "get_http_headers")
        for name, value in headers.items():
            expect(isinstance(name, str) and isinstance(value, str), f"get_http_headers: {name!r}: {value!r}")


def _feedback(subject: Subject) -> None:
    service: PhishingServiceBase = subject.service
    for identifier in _UNKNOWN_PICTURES * 2:
        what = f"post_feedback {identifier[:30]!r}"
        answer_or_error(PhishingServiceException, what, service.post_feedback, identifier, True)


def _blocking(subject: Subject) -> None:
    service: PhishingServiceBase = subject.service
    report = a_report()
    for _ in range(2):
        answer_or_error(PhishingServiceException, "block_url", service.block_url, GONE, report)
    for _ in range(2):
        answer_or_error(PhishingServiceException, "unblock_url", service.unblock_url, GONE)


CHECKS = (
    Check("a page that cannot exist is not up", _gone),
    Check("the desk's own network is not asked", _inside),
    Check("what senders write does no harm", _hostile),
    Check("pictures are as many as wanted, the newest first", _pictures),
    Check("nobody has looked at a picture that is none", _views),
    Check("header fields are texts", _headers),
    Check("a verdict may be handed over twice, and for no picture", _feedback, acts=True),
    Check("a URL may be blocked and unblocked twice", _blocking, acts=True),
)
