"""The desk's looks at reported pages as they are kept in the database: what a page was, its pictures, and verdicts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from abuse.models import ItemScreenshotFeedback, ReportItem, UrlCheck, UrlStatus
from abuse.models.fields import clipped

from .base import PhishingServiceException, Screenshot, ScreenshotViews

_RAW_ITEM = 4000
"""Characters of a URL that items keep."""
_MAX_VIEWS = 100
_NAME = re.compile(r"[0-9a-f]{32}")


def url_key(url: str) -> str:
    """By what the looks at one page are found."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()


def looks_at(url: str, *, limit: int = 50) -> Sequence[UrlCheck]:
    """The newest looks at a page, the newest first."""
    return list(UrlCheck.filter(url_sha256=url_key(url)).order_by("-looked_at", "-pk")[:limit])


def pictures_of(url: str, *, limit: int) -> Sequence[UrlCheck]:
    """The newest looks at a page of which there is a picture, the newest first."""
    return list(UrlCheck.filter(url_sha256=url_key(url)).exclude(picture="").order_by("-looked_at", "-pk")[:limit])


def headers_of(url: str, *, since: datetime) -> Mapping[str, str] | None:
    """The header fields that the newest look since a moment found; None when there was none with an answer."""
    found = UrlCheck.filter(url_sha256=url_key(url), looked_at__gte=since, http_code__isnull=False)
    headers = found.order_by("-looked_at", "-pk").values_list("headers", flat=True).first()
    return {str(name): str(value) for name, value in headers.items()} if headers is not None else None


def as_screenshot(check: UrlCheck) -> Screenshot:
    """A look of which there is a picture, as the contract shows it."""
    direct: dict[str, object] = {"state": check.direct_status, "urls": [check.url]}
    if check.http_code is not None:
        direct |= {"statusCode": check.http_code, "headers": check.headers}
    if check.final_url and check.final_url != check.url:
        direct["urls"] = [check.url, check.final_url]
    grade = None if check.is_phishing is None else float(check.is_phishing)
    details: dict[str, object] = {}
    if grade is not None:
        comment = "the last verdict of an operator"
        details = {"category": "PHISHING" if check.is_phishing else "LEGIT", "grade": grade, "comment": comment}
    return Screenshot(
        timestamp=check.looked_at,
        location=check.picture,
        screenshot_id=check.look_id,
        score=check.score,
        phishing_grade=grade,
        phishing_grade_details=details,
        response={"directAccess": direct, "proxyAccess": {"state": check.proxied_status or "UNKNOWN"}},
    )


@transaction.atomic
def judge(screenshot_id: str, is_phishing: bool) -> None:
    """Write an operator's verdict to a picture, and to the newest look at each item that is this page, for the rules.

    :raises PhishingServiceException: permanent when there is no such picture.
    """
    check = find_picture(screenshot_id)
    if check is None:
        raise PhishingServiceException(f"screenshot {screenshot_id[:80]!r}: there is none of that name", permanent=True)
    UrlCheck.filter(pk=check.pk).update(is_phishing=is_phishing, judged_at=timezone.now())
    note_verdict(check.url, is_phishing)


@transaction.atomic
def note_verdict(url: str, is_phishing: bool) -> int:
    """Write an operator's verdict to the newest look at each item that is this page, for the rules; how many.

    An item that nobody looked at gets a look that says nothing else.
    """
    items = ReportItem.filter(raw_item=clipped(url, _RAW_ITEM), item_type=ReportItem.Type.URL)
    newest = dict(items.order_by().annotate(look=Max("url_statuses__pk")).values_list("pk", "look"))
    UrlStatus.filter(pk__in=[look for look in newest.values() if look is not None]).update(is_phishing=is_phishing)
    now = timezone.now()
    UrlStatus.objects.bulk_create(
        UrlStatus(item_id=item, direct_status=UrlStatus.State.UNKNOWN, is_phishing=is_phishing, date=now)
        for item, look in newest.items()
        if look is None
    )
    return len(newest)


def views_of(screenshot_id: str) -> ScreenshotViews:
    """Whether, and by whom, a picture has been looked at: those who were shown it, and customers by the item."""
    check = find_picture(screenshot_id)
    if check is None:
        return ScreenshotViews(viewed=False)
    views: list[Mapping[str, object]] = [
        {"ip": view.ip, "userAgent": view.user_agent, "timestamp": int(view.viewed_at.timestamp())}
        for view in check.views.order_by("viewed_at", "pk")[:_MAX_VIEWS]
    ]
    items = ItemScreenshotFeedback.filter(token=screenshot_id, is_viewed=True).order_by("pk")
    views += [{"item": item} for item in items.values_list("item_id", flat=True)[:_MAX_VIEWS]]
    return ScreenshotViews(viewed=bool(views), views=tuple(views))


def find_picture(screenshot_id: str) -> UrlCheck | None:
    """The look of which a picture is; None when there is none of that name."""
    if not _NAME.fullmatch(screenshot_id):
        return None
    return UrlCheck.filter(look_id=screenshot_id).exclude(picture="").first()
