"""The history of reported pages: looks written down after they were taken, and forgotten in time.

Nobody asks the network here but `look_again`, which does so before its transaction.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from abuse.config import current
from abuse.models import ScreenshotView, UrlCheck, UrlStatus
from abuse.models.fields import clipped
from abuse.services.phishing import PhishingService, PingResponse
from abuse.services.phishing.looks import find_picture, url_key
from abuse.services.storage import StorageService, StorageServiceException

log = logging.getLogger(__name__)

MAX_HEADERS = 50
MAX_VALUE = 2000
"""Characters of a header field's value that are kept."""
MAX_VIEWS = 100
"""Views of one picture that are kept: more say nothing new."""
_STATES = frozenset(UrlStatus.State.values)
_BATCH = 500
# Beyond the newest of each page; `url_check_of_page` gives the order.
_BEYOND = """
SELECT id FROM (
    SELECT id, row_number() OVER (PARTITION BY url_sha256 ORDER BY looked_at DESC, id DESC) AS place
    FROM abuse_urlcheck
    WHERE url_sha256 IN (SELECT url_sha256 FROM abuse_urlcheck GROUP BY url_sha256 HAVING count(*) > %s)
) AS looks WHERE place > %s ORDER BY id LIMIT %s
"""


def named(look: PingResponse, country: str | None) -> PingResponse:
    """The look with a name and a moment, which not every phishing service gives."""
    return replace(
        look,
        look_id=look.look_id or uuid.uuid4().hex,
        looked_at=look.looked_at or timezone.now(),
        country=look.country or country or "",
    )


def keep(looks: Iterable[tuple[str, PingResponse]]) -> int:
    """Write looks down, each once, however often it is given; how many were given. Part of the present transaction."""
    rows = {look.look_id: _row(url, look) for url, look in looks if look.look_id}
    UrlCheck.objects.bulk_create(rows.values(), ignore_conflicts=True, batch_size=200)
    return len(rows)


def look_again(url: str, *, country: str | None = None) -> UrlCheck:
    """Look at a page now, and write the look down.

    :raises PhishingServiceException: when it could not be looked at.
    """
    look = named(PhishingService.ping_url(url, country), country)
    with transaction.atomic():
        keep([(url, look)])
        return UrlCheck.get(look_id=look.look_id)


def fresh_looks(countries: Mapping[str, str | None], *, now: datetime | None = None) -> dict[str, PingResponse]:
    """The looks at pages, each as seen from a country, that are so fresh that nobody need look again."""
    since = (now or timezone.now()) - timedelta(seconds=current().URL_CHECKS.fresh_seconds)
    by_key = {url_key(url): url for url in countries}
    found = UrlCheck.filter(url_sha256__in=list(by_key), looked_at__gte=since).order_by("looked_at", "pk")
    fresh = {}
    for check in found:
        url = by_key[check.url_sha256]
        if check.country == (countries[url] or "")[:8]:
            fresh[url] = _as_look(check)
    return fresh


@transaction.atomic
def note_view(screenshot_id: str, *, ip: str | None, user_agent: str) -> bool:
    """Somebody is shown a picture; False when there is none of that name, or enough is known of who has seen it."""
    check = find_picture(screenshot_id)
    if check is None or check.views.count() >= MAX_VIEWS:
        return False
    now = timezone.now()
    _, is_new = ScreenshotView.get_or_create(
        check_of=check, ip=ip, user_agent=clipped(_clean(user_agent), 255), day=now.date(), defaults={"viewed_at": now}
    )
    return is_new


def forget(*, now: datetime | None = None) -> int:
    """Delete looks that are older than `URL_CHECKS.keep_days`, and of each page those beyond `keep_per_url`; how many.

    Their pictures go first: whoever dies in between leaves rows, which the next round finds.
    """
    settings = current().URL_CHECKS
    before = (now or timezone.now()) - timedelta(days=settings.keep_days)
    forgotten = 0
    while True:
        old = list(UrlCheck.filter(looked_at__lt=before).order_by("pk").values_list("pk", flat=True)[:_BATCH])
        if not old:
            with connection.cursor() as cursor:
                cursor.execute(_BEYOND, [settings.keep_per_url, settings.keep_per_url, _BATCH])
                old = [pk for (pk,) in cursor.fetchall()]
        if not old:
            return forgotten
        for key in UrlCheck.filter(Q(pk__in=old) & ~Q(picture="")).values_list("picture", flat=True):
            _delete_picture(key)
        UrlCheck.filter(pk__in=old).delete()
        forgotten += len(old)


def _delete_picture(key: str) -> None:
    try:
        StorageService.delete(key)
    except StorageServiceException as error:
        if not error.permanent:  # it is gone already, or it is left behind and said so
            log.warning("picture %s: %s", key, error)


def _row(url: str, look: PingResponse) -> UrlCheck:
    """A look as a row. What the service says is held to what the columns take."""
    code = look.http_code
    return UrlCheck(
        look_id=look.look_id[:32],
        url_sha256=url_key(url),
        url=_clean(url),
        country=look.country[:8],
        looked_at=look.looked_at or timezone.now(),
        direct_status=look.direct_status if look.direct_status in _STATES else UrlStatus.State.UNKNOWN,
        proxied_status=look.proxied_status if look.proxied_status in _STATES else None,
        http_code=code if code is not None and 0 <= code < 1000 else None,
        score=min(100, max(0, int(look.score))),
        headers={
            clipped(_clean(name), 200): clipped(_clean(value), MAX_VALUE)
            for name, value in list(look.headers.items())[:MAX_HEADERS]
        },
        final_url=_clean(look.final_url),
        picture=look.picture[:128],
        is_phishing=look.is_phishing,
    )


def _as_look(check: UrlCheck) -> PingResponse:
    return PingResponse(
        score=check.score,
        http_code=check.http_code,
        direct_status=check.direct_status,
        proxied_status=check.proxied_status or "UNKNOWN",
        is_phishing=check.is_phishing,
        headers=check.headers,
        final_url=check.final_url,
        picture=check.picture,
        country=check.country,
        look_id=check.look_id,
        looked_at=check.looked_at,
    )


def _clean(text: str) -> str:
    """Text as PostgreSQL takes it: no NUL, no lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
