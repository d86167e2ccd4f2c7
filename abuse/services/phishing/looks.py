"""The looks at reported pages that are kept in the database; the pipeline writes them with the reports."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from abuse.models import ItemScreenshotFeedback, ReportItem, UrlStatus
from abuse.models.fields import clipped

from .base import ScreenshotViews

_RAW_ITEM = 4095


def looks_at(url: str, *, limit: int = 50) -> Sequence[UrlStatus]:
    """The newest looks at a page, in whichever report it stands; the newest first."""
    rows = UrlStatus.filter(item__raw_item=clipped(url, _RAW_ITEM), item__item_type=ReportItem.Type.URL)
    return list(rows.select_related("item").order_by("-date", "-pk")[:limit])


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
    """Whether customers have looked at a picture that was shown to them: one entry an item."""
    items = ItemScreenshotFeedback.filter(token=screenshot_id, is_viewed=True).order_by("pk")
    views = tuple({"item": item} for item in items.values_list("item_id", flat=True))
    return ScreenshotViews(viewed=bool(views), views=views)
