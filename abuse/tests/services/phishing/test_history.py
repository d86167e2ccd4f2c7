"""The history of a page: looks kept, pictures found, judged, seen, and forgotten."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from abuse.config import current
from abuse.config.schema import UrlChecks
from abuse.controllers import url_checks
from abuse.models import ItemScreenshotFeedback, ReportItem, ScreenshotView, UrlCheck, UrlStatus
from abuse.pipeline.urls import ping_all
from abuse.services.facade import facade
from abuse.services.phishing import PhishingServiceException, PingResponse
from abuse.services.phishing.default import HttpPhishingService
from abuse.services.phishing.looks import looks_at
from abuse.services.storage import StorageService
from abuse.sweeper import sweep_slowly

from .lab import name_server, page, redirect, web_server
from .test_service import a_url_item, service

pytestmark = pytest.mark.django_db

URL = "http://bank.example/login"
PNG = b"\x89PNG\r\n\x1a\n and what else is in a picture"


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Sets how long looks are kept."""

    def set_bounds(**values: float) -> None:
        changed = current().model_copy(update={"URL_CHECKS": UrlChecks.model_validate(values)})
        monkeypatch.setattr("abuse.controllers.url_checks.current", lambda: changed)

    yield set_bounds


def a_look(url: str = URL, *, days: float = 0, png: bytes | None = PNG, **values: Any) -> PingResponse:
    """A look that was taken and written down."""
    look_id, key = uuid.uuid4().hex, ""
    if png is not None:
        key = f"{hashlib.sha256(png).hexdigest()}-{look_id}"
        StorageService.write(key, png)
    moment = timezone.now() - timedelta(days=days)
    given: Mapping[str, Any] = {"score": 0, "http_code": 200, "direct_status": "UP", **values}
    look = PingResponse(look_id=look_id, looked_at=moment, picture=key, **given)
    url_checks.keep([(url, look)])
    return look


def test_a_look_is_kept_with_all_that_was_seen() -> None:
    answers = {"/moved": redirect("/up"), "/up": page("<title>Bank</title>", X_Powered_By="kit")}
    with web_server(answers) as server, name_server({"bank.example": [["127.0.0.1"]]}) as names:
        looking = service(server, names=names)
        facade("PhishingServiceBase").set_up(looking)
        try:
            check = url_checks.look_again(server.url("/moved", host="bank.example"), country="FR")
        finally:
            facade("PhishingServiceBase").set_up(None)
        assert (check.direct_status, check.proxied_status, check.http_code, check.score) == ("UP", "UNKNOWN", 200, 0)
        assert (check.final_url, check.country) == (server.url("/up", host="bank.example"), "FR")
        assert check.headers["x-powered-by"] == "kit"
        assert timezone.now() - check.looked_at < timedelta(minutes=1)
        # The header fields that a look found are given out without asking again.
        heads = len(server.heads)
        assert looking.get_http_headers(check.url)["x-powered-by"] == "kit"
        assert len(server.heads) == heads
        UrlCheck.filter(pk=check.pk).update(looked_at=timezone.now() - timedelta(hours=1))
        assert looking.get_http_headers(check.url)["x-powered-by"] == "kit"
        assert len(server.heads) == heads + 2
    assert [one.pk for one in looks_at(check.url)] == [check.pk]


def test_no_page_is_asked_within_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks are taken by threads without the database, and written down in one statement afterwards."""
    asking: list[bool] = []
    threads: set[int] = set()
    original = HttpPhishingService.ping_url

    def ping(self: HttpPhishingService, *arguments: Any) -> PingResponse:
        asking.append(connection.connection is not None)  # of this thread
        threads.add(threading.get_ident())
        return original(self, *arguments)

    monkeypatch.setattr(HttpPhishingService, "ping_url", ping)
    with web_server({f"/{n}": page("x") for n in range(6)}) as server:
        facade("PhishingServiceBase").set_up(service(server))
        try:
            looks = ping_all({server.url(f"/{n}"): None for n in range(6)}, seconds=10)
        finally:
            facade("PhishingServiceBase").set_up(None)
    assert (asking, threading.get_ident() in threads) == ([False] * 6, False)
    assert url_checks.keep(looks.items()) == 6
    assert UrlCheck.count() == 6


def test_a_page_that_was_looked_at_a_moment_ago_is_not_asked_again(
    bounds: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with web_server({"/": page("x")}) as server:
        facade("PhishingServiceBase").set_up(service(server))
        try:
            first = ping_all({server.url(): "FR"}, seconds=10, may_be_fresh=True)
            url_checks.keep(first.items())
            with django_assert_num_queries(1):
                again = ping_all({server.url(): "FR"}, seconds=10, may_be_fresh=True)
            assert (again[server.url()].look_id, len(server.heads)) == (first[server.url()].look_id, 1)
            url_checks.keep(again.items())
            assert UrlCheck.count() == 1
            ping_all({server.url(): "DE"}, seconds=10, may_be_fresh=True)  # from elsewhere it may look otherwise
            assert len(server.heads) == 2
            ping_all({server.url(): "FR"}, seconds=10)  # a measure hangs on it
            assert len(server.heads) == 3
            UrlCheck.all().update(looked_at=timezone.now() - timedelta(minutes=6))
            ping_all({server.url(): "FR"}, seconds=10, may_be_fresh=True)
            assert len(server.heads) == 4
        finally:
            facade("PhishingServiceBase").set_up(None)


def test_what_pages_send_fits_the_columns() -> None:
    headers = {f"x-{n}": "a\0\ud800" + "v" * 5000 for n in range(100)}
    a_look(png=None, score=900, http_code=70_000, direct_status="odd", headers=headers, final_url="http://x/\0")
    check = UrlCheck.get()
    assert (check.score, check.http_code, check.direct_status) == (100, None, "UNKNOWN")
    assert len(check.headers) == url_checks.MAX_HEADERS
    assert {len(value) for value in check.headers.values()} == {url_checks.MAX_VALUE}
    assert check.final_url == "http://x/\N{REPLACEMENT CHARACTER}"


def test_pictures_are_found_by_their_page_the_newest_first() -> None:
    looking = service()
    assert looking.get_screenshots(URL) == []
    looks = [a_look(days=12 - n, score=n, headers={"n": str(n)}) for n in range(12)]
    a_look("http://bank.example/other")
    a_look(png=None, score=99)
    shown = looking.get_screenshots(URL)
    assert [one.score for one in shown] == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]
    assert [one.screenshot_id for one in looking.get_screenshots(URL, limit=2)] == [
        looks[11].look_id,
        looks[10].look_id,
    ]
    assert looking.get_screenshots(URL, limit=0) == []
    assert StorageService.read(shown[0].location) == PNG
    assert shown[0].response == {
        "directAccess": {"state": "UP", "urls": [URL], "statusCode": 200, "headers": {"n": "11"}},
        "proxyAccess": {"state": "UNKNOWN"},
    }
    assert shown[0].timestamp.utcoffset() is not None
    assert (shown[0].phishing_grade, shown[0].phishing_grade_details) == (None, {})


def test_a_verdict_is_kept_with_the_picture_and_told_to_the_rules() -> None:
    looking = service()
    item, other = a_url_item(), a_url_item("http://bank.example/other")
    looked = a_url_item()
    old = UrlStatus.create(item=looked, direct_status="UP", score=0, date=looked.date)
    new = UrlStatus.create(item=looked, direct_status="UP", score=0, date=looked.date)
    look = a_look()
    looking.post_feedback(look.look_id, True)
    looking.post_feedback(look.look_id, True)  # handed over twice
    shown = looking.get_screenshots(URL)[0]
    assert (shown.phishing_grade, shown.phishing_grade_details["category"]) == (1.0, "PHISHING")
    rows = {row.pk: row.is_phishing for row in UrlStatus.all()}
    assert (rows[old.pk], rows[new.pk]) == (None, True)
    made = UrlStatus.get(item=item)
    assert (made.is_phishing, made.direct_status, made.score) == (True, "UNKNOWN", None)
    assert not UrlStatus.filter(item=other).exists()
    looking.post_feedback(look.look_id, False)
    assert looking.get_screenshots(URL)[0].phishing_grade == 0.0
    assert UrlStatus.get(item=item).is_phishing is False


def test_a_verdict_reaches_an_item_whose_url_is_longer_than_is_kept() -> None:
    url = "http://bank.example/" + "x" * 5000
    item = a_url_item(url[:3999] + "…")
    service().post_feedback(a_look(url).look_id, True)
    assert UrlStatus.get(item=item).is_phishing is True


@pytest.mark.parametrize("name", ["0" * 64, "0" * 32, "../../etc/passwd", "", "x" * 5000, "\0" * 32])
def test_a_picture_that_is_none(name: str) -> None:
    a_look(png=None)
    with pytest.raises(PhishingServiceException, match=r"^screenshot ") as caught:
        service().post_feedback(name, True)
    assert caught.value.permanent
    assert not service().is_screenshot_viewed(name).viewed
    assert not url_checks.note_view(name, ip="192.0.2.1", user_agent="x")


def test_a_look_without_a_picture_is_no_screenshot() -> None:
    look = a_look(png=None)
    with pytest.raises(PhishingServiceException):
        service().post_feedback(look.look_id, True)
    assert not url_checks.note_view(look.look_id, ip=None, user_agent="")


def test_who_has_looked_at_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    looking, name = service(), a_look().look_id
    item = a_url_item()
    ItemScreenshotFeedback.create(item=item, token=name)
    assert not looking.is_screenshot_viewed(name).viewed
    assert url_checks.note_view(name, ip="192.0.2.1", user_agent="Browser/1\0")
    assert not url_checks.note_view(name, ip="192.0.2.1", user_agent="Browser/1\0")  # the same one again
    assert url_checks.note_view(name, ip=None, user_agent="x" * 1000)
    assert not url_checks.note_view(name, ip=None, user_agent="x" * 1000)
    ItemScreenshotFeedback.filter(item=item).update(is_viewed=True)
    views = looking.is_screenshot_viewed(name)
    assert views.viewed
    first, second, third = views.views
    assert (first["ip"], first["userAgent"]) == ("192.0.2.1", "Browser/1\N{REPLACEMENT CHARACTER}")
    assert abs(int(str(first["timestamp"])) - timezone.now().timestamp()) < 60
    assert (second["ip"], len(str(second["userAgent"])), third) == (None, 255, {"item": item.pk})
    monkeypatch.setattr(url_checks, "MAX_VIEWS", 2)
    assert not url_checks.note_view(name, ip="192.0.2.9", user_agent="another")


def test_old_looks_are_forgotten_with_their_pictures(bounds: Any) -> None:
    bounds(keep_days=30)
    old, young, bare = a_look(days=31), a_look(days=29), a_look(days=31, png=None)
    same = a_look("http://elsewhere.example/")  # the very same picture, of another page
    assert url_checks.note_view(old.look_id, ip=None, user_agent="x")
    sweep_slowly()
    assert set(UrlCheck.all().values_list("look_id", flat=True)) == {young.look_id, same.look_id}
    assert (ScreenshotView.count(), StorageService.exists(old.picture)) == (0, False)
    assert StorageService.exists(young.picture)
    assert StorageService.exists(same.picture)
    assert bare.picture == ""
    assert url_checks.forget() == 0


def test_of_each_page_only_the_newest_looks_are_kept(bounds: Any) -> None:
    bounds(keep_per_url=3)
    looks = [a_look(days=10 - n) for n in range(8)]
    other = a_look("http://bank.example/other", days=20)
    StorageService.delete(looks[0].picture)  # gone already
    assert url_checks.forget() == 5
    assert [one.look_id for one in looks_at(URL)] == [look.look_id for look in looks[:4:-1]]
    assert StorageService.exists(other.picture)
    assert [StorageService.exists(look.picture) for look in looks] == [False] * 5 + [True] * 3


def test_the_items_of_a_page_need_not_be_there() -> None:
    look = a_look()
    service().post_feedback(look.look_id, True)
    assert (UrlCheck.get().is_phishing, ReportItem.count()) == (True, 0)
