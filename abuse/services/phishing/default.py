"""The phishing service that works out of the box: looks at pages itself, without harm to the network it stands in."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

from abuse.models import Report

from ..signed_webhook import SignedWebhook, WebhookError
from ..storage import StorageService, StorageServiceException
from . import looks
from .addresses import Network
from .base import PhishingServiceBase, PhishingServiceException, PingResponse, Screenshot, ScreenshotViews
from .browsing import Browser
from .connecting import Proxy, Reach, Unreachable
from .fetching import USER_AGENT, Limits, Page, TooManyRedirects, fetch
from .pages import Kind, Verdict, judge, judge_silence
from .politeness import Politeness
from .resolving import DnsResolver
from .targets import read_target

log = logging.getLogger(__name__)

_WORTH_A_PICTURE = frozenset({Kind.UP, Kind.BLOCKED, Kind.FORBIDDEN, Kind.UNKNOWN})


class HttpPhishingService(PhishingServiceBase):
    """Asks public addresses alone, each checked before it is connected to; takes no more than the bounds below.

    :param total_seconds: for one look, from the name to the last byte; another as long for a look through a proxy.
    :param body_bytes: of a page, packed and unpacked; what comes after is not read.
    :param redirects: that are followed, each checked as the first URL was.
    :param ports: that may be asked.
    :param pause_seconds: between two looks at one host.
    :param nameservers: `address` or `address:port`; none: the machine's own.
    :param refused_networks: public networks of your own that must not be asked from inside.
    :param proxies: by country, `http://[user:password@]host:port`; `default` for all others. They must let CONNECT
        through to the ports above.
    :param browser: the name or path of a Chromium that takes pictures; none: no pictures are taken.
    :param browser_seconds: for one picture.
    :param browser_sandbox: false only in a laboratory: pages are hostile.
    :param headers_seconds: for how long the header fields that a look found are given out without asking again.
    :param blocking: the webhook that blocks URLs: `url`, `secret`, and what else `SignedWebhook` takes.
    :param allowed_networks: networks that are asked although they are not public. For laboratories only: whoever
        reports a URL can have the desk ask there.
    :raises ValueError: for a value that cannot be.
    """

    def __init__(
        self,
        *,
        total_seconds: float = 10.0,
        body_bytes: int = 512 * 1024,
        redirects: int = 5,
        ports: Sequence[int] = (80, 443, 8000, 8080, 8443),
        pause_seconds: float = 1.0,
        nameservers: Sequence[str] = (),
        refused_networks: Sequence[str] = (),
        proxies: Mapping[str, str] | None = None,
        user_agent: str = USER_AGENT,
        browser: str | None = None,
        browser_seconds: float = 20.0,
        browser_sandbox: bool = True,
        headers_seconds: float = 300.0,
        blocking: Mapping[str, Any] | None = None,
        allowed_networks: Sequence[str] = (),
    ) -> None:
        super().__init__()
        _within("total_seconds", total_seconds, 0.1, 300)
        _within("body_bytes", body_bytes, 1024, 16 * 1024 * 1024)
        _within("redirects", redirects, 0, 20)
        _within("pause_seconds", pause_seconds, 0, 60)
        _within("browser_seconds", browser_seconds, 1, 300)
        _within("headers_seconds", headers_seconds, 0, 86_400)
        self._headers_age = timedelta(seconds=headers_seconds)
        for port in ports:
            _within("ports", port, 1, 65535)
        if not user_agent.isascii() or not user_agent.isprintable():
            raise ValueError(f"user_agent: {user_agent!r}; expected printable ASCII")
        self._limits = Limits(total_seconds, body_bytes=body_bytes, redirects=redirects, ports=frozenset(ports))
        self._reach = Reach(
            DnsResolver(nameservers),
            allowed=_networks("allowed_networks", allowed_networks),
            refused=_networks("refused_networks", refused_networks),
        )
        self._user_agent = user_agent
        self._proxies = {country.upper(): _proxy(country, text) for country, text in (proxies or {}).items()}
        self._politeness = Politeness(pause_seconds)
        self._browser = (
            Browser(
                browser,
                self._reach,
                ports=self._limits.ports,
                seconds=browser_seconds,
                has_sandbox=browser_sandbox,
            )
            if browser
            else None
        )
        self._blocking = SignedWebhook(**blocking) if blocking else None
        if self._reach.allowed:
            log.warning("allowed_networks: pages in %s are looked at: for laboratories only", allowed_networks)

    def ping_url(self, url: str, country: str | None = None, try_screenshot: bool = True) -> PingResponse:
        """See `PhishingServiceBase`. Touches no database, so that many threads may look at once.

        Two looks, one of them through the proxy for the country, are as good as the better one: what hides from the
        desk is not down. `is_phishing` is left to people.

        :raises PhishingServiceException: permanent when the page may not be asked for; else when its host was asked
            too often just now.
        """
        page, verdict = self._look(url, None)
        proxied: Verdict | None = None
        proxy = self._proxies.get((country or "").upper()) or self._proxies.get("DEFAULT")
        if proxy is not None:
            proxied_page, proxied = self._look(url, proxy)
            page = page or proxied_page
        best = verdict if proxied is None or verdict.score <= proxied.score else proxied
        look_id, picture = uuid.uuid4().hex, ""
        if try_screenshot and self._browser is not None and best.kind in _WORTH_A_PICTURE:
            picture = self._take_picture(self._browser, url, look_id)
        return PingResponse(
            score=best.score,
            http_code=page.status if page else None,
            direct_status=verdict.state,
            proxied_status=proxied.state if proxied else "UNKNOWN",
            headers=page.headers if page else {},
            final_url=page.trail[-1] if page else "",
            picture=picture,
            country=country or "",
            look_id=look_id,
            looked_at=datetime.now(UTC),
        )

    def get_screenshots(self, url: str, limit: int = 10) -> Sequence[Screenshot]:
        """See `PhishingServiceBase`; `location` is the storage key of the PNG. The newest first."""
        return [looks.as_screenshot(check) for check in looks.pictures_of(url, limit=max(limit, 0))]

    def is_screenshot_viewed(self, screenshot_id: str) -> ScreenshotViews:
        """See `PhishingServiceBase`; an unknown picture has been looked at by nobody."""
        return looks.views_of(screenshot_id)

    def post_feedback(self, screenshot_id: str, is_phishing: bool) -> None:
        """Keep an operator's verdict, with the picture and with the newest looks at its page, for the rules.

        :raises PhishingServiceException: permanent when there is no such picture.
        """
        looks.judge(screenshot_id, is_phishing)

    def block_url(self, url: str, report: Report) -> None:
        """Have the URL blocked by the webhook of `blocking`. The same URL for the same report is one order.

        :raises PhishingServiceException: when there is none, or it did not take the order.
        """
        key = hashlib.sha256(f"block {report.pk} {url}".encode("utf-8", "replace")).hexdigest()
        self._order(
            key,
            {
                "type": "url.block",
                "url": url,
                "report": {"id": report.pk, "category": report.category_id, "provider": report.provider_id},
            },
        )

    def unblock_url(self, url: str) -> None:
        """Have the block taken away.

        :raises PhishingServiceException: when there is no webhook, or it did not take the order.
        """
        self._order(uuid.uuid4().hex, {"type": "url.unblock", "url": url})

    def get_http_headers(self, url: str) -> Mapping[str, str]:
        """The header fields of the last answer, names in lower case; a URL that redirects has those of where it leads.

        Those of a look within the last `headers_seconds`, else the page is asked.

        :raises PhishingServiceException: when there was no answer.
        """
        known = looks.headers_of(url, since=datetime.now(UTC) - self._headers_age)
        if known is not None:
            return known
        self._wait(url)
        try:
            page = fetch(url, self._reach, self._limits, user_agent=self._user_agent)
        except (Unreachable, TooManyRedirects) as error:
            raise PhishingServiceException(f"{url[:200]}: {error}") from None
        return page.headers

    def _look(self, url: str, proxy: Proxy | None) -> tuple[Page | None, Verdict]:
        self._wait(url)
        try:
            page = fetch(url, self._reach, self._limits, proxy=proxy, user_agent=self._user_agent)
        except Unreachable as fault:
            log.info("%s: %s", url[:200], fault)
            return None, judge_silence(fault)
        except TooManyRedirects as fault:
            log.info("%s: %s", url[:200], fault)
            return None, judge_silence(Unreachable("broken", str(fault)))
        return page, judge(page)

    def _wait(self, url: str) -> None:
        target = read_target(url, ports=self._limits.ports)
        if not self._politeness.wait(str(target.host), until=time.monotonic() + self._limits.total_seconds):
            raise PhishingServiceException(f"{target.host}: is asked for too many pages at once")

    def _take_picture(self, browser: Browser, url: str, look_id: str) -> str:
        """The storage key of a picture; empty when there is none: the look is as good without.

        Each picture is an object of its own, so that it goes with its look, whatever other pages look like.
        """
        try:
            png = browser.picture(url, patience=self._limits.total_seconds)
            key = f"{hashlib.sha256(png).hexdigest()}-{look_id}"
            StorageService.write(key, png)
        except (PhishingServiceException, StorageServiceException) as error:
            log.warning("%s: no picture: %s", url[:200], error)
            return ""
        return key

    def _order(self, key: str, payload: Mapping[str, Any]) -> None:
        if self._blocking is None:
            raise PhishingServiceException("blocking: no webhook is configured that blocks URLs", permanent=True)
        try:
            self._blocking.call(key, payload)
        except WebhookError as error:
            raise PhishingServiceException(f"blocking: {error}", permanent=error.permanent) from error


def _within(name: str, value: Any, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name}: {value!r}; expected a number from {low:g} to {high:g}")


def _networks(name: str, texts: Sequence[str]) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise ValueError(f"{name}: {error}; expected networks such as 192.0.2.0/24") from None


def _proxy(country: str, text: str) -> Proxy:
    try:
        return Proxy.read(text)
    except ValueError as error:
        raise ValueError(f"proxies.{country}: {error}") from None
