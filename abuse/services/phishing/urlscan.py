"""The phishing service that has pages looked at from elsewhere, too, by a scanner that speaks urlscan.io's API."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from abuse.models import UrlStatus

from ..sections import read_section
from ..storage import StorageService, StorageServiceException
from .base import PhishingServiceException, PingResponse
from .default import HttpPhishingService
from .scanner import Scan, Scanner, ScannerSection
from .targets import read_target

log = logging.getLogger(__name__)

DOUBTFUL = 50
"""The score of a page that only a person can judge."""
_GONE = frozenset({404, 410})


class UrlscanPhishingService(HttpPhishingService):
    """Looks at pages as the default does, and asks a scanner about those that this look allows.

    :param scanner: see `ScannerSection`.
    :param direct: what the default takes.
    :raises ValueError: for a value that cannot be.
    """

    def __init__(self, *, scanner: Mapping[str, Any], **direct: Any) -> None:
        super().__init__(**direct)
        section = read_section(ScannerSection, scanner, "scanner")
        self._scanner, self._trusts = Scanner(section), section.trust_verdict

    def ping_url(self, url: str, country: str | None = None, try_screenshot: bool = True) -> PingResponse:
        """See `HttpPhishingService`. A scanner that does not answer changes nothing.

        What the desk may not ask for is not sent to the scanner either, and a name that does not exist is not worth it.

        :raises PhishingServiceException: as the default does.
        """
        look = super().ping_url(url, country, try_screenshot)
        if look.http_code is None and look.score == 100:
            return look
        # Without user name, password and fragment: who reports a page is no reason to pass those on.
        sent = read_target(url, ports=self._limits.ports).url
        is_new = self._scanner.known(sent) is None
        try:
            scan = self._scanner.scan(sent)
        except PhishingServiceException as error:
            log.warning("%s: no scan: %s", url[:200], error)
            return look
        if scan is None:
            log.info("%s: the scan is not finished", url[:200])
            return look
        look = combined(look, scan, trusts_verdict=self._trusts)
        if try_screenshot and not look.picture and is_new:
            look = replace(look, picture=self._fetch_picture(scan, look.look_id, url))
        return look

    def _fetch_picture(self, scan: Scan, look_id: str, url: str) -> str:
        """The storage key of the scanner's picture; empty when there is none."""
        try:
            png = self._scanner.picture(scan)
            key = f"{hashlib.sha256(png).hexdigest()}-{look_id}"
            StorageService.write(key, png)
        except (PhishingServiceException, StorageServiceException) as error:
            log.warning("%s: no picture: %s", url[:200], error)
            return ""
        return key


def combined(look: PingResponse, scan: Scan, *, trusts_verdict: bool) -> PingResponse:
    """Both looks as one.

    A page that the desk did not get but the scanner did is up: it hides from the desk. A page that the desk read is
    what it read, since the code says less than the text; unless the scanner takes it to be malicious: then a person
    looks.
    """
    score = look.score
    is_hidden = look.http_code is None or look.http_code >= 400
    if is_hidden and _state(scan) == UrlStatus.State.UP:
        score = 0
    if scan.is_malicious:
        score = min(score, DOUBTFUL)
    is_phishing = True if scan.is_malicious and trusts_verdict else look.is_phishing
    proxied = look.proxied_status if look.proxied_status != UrlStatus.State.UNKNOWN else _state(scan)
    final_url = look.final_url or scan.final_url
    return replace(look, score=score, is_phishing=is_phishing, proxied_status=str(proxied), final_url=final_url)


def _state(scan: Scan) -> UrlStatus.State:
    if scan.status is not None and 200 <= scan.status < 400:
        return UrlStatus.State.UP
    return UrlStatus.State.DOWN if scan.status in _GONE else UrlStatus.State.UNKNOWN
