"""A scanner that opens pages elsewhere: urlscan.io, or one of one's own with the same API (https://docs.urlscan.io/)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

import re2
from pydantic import BeforeValidator, Field, SecretStr

from ..breaker import CircuitBreaker
from ..json_client import JsonClient
from ..kept import Kept
from ..quota import Quota
from ..sections import AnswerPart, ConfigSection, read_answer
from .base import PhishingServiceException

MAX_RESULT = 16 * 1024 * 1024
"""Bytes of a result: it names every request that the page made."""
_UUID = re2.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_PNG = b"\x89PNG\r\n\x1a\n"
_NOT_YET = 404


class ScannerSection(ConfigSection):
    """`scanner` in the config.

    `visibility`: who else may see scans: nobody (private), or people whom the scanner trusts (unlisted). `seconds`:
    that a look waits for a result. `keep_seconds`: for which a page is not scanned again.
    """

    key: SecretStr = Field(min_length=1)
    url: str = "https://urlscan.io"
    visibility: Literal["private", "unlisted"] = "private"
    seconds: float = Field(default=12.0, ge=0.1, le=120)
    poll_seconds: float = Field(default=2.0, ge=0.05, le=30)
    keep_seconds: float = Field(default=3600.0, ge=60, le=7 * 86_400)
    picture_bytes: int = Field(default=4 * 1024 * 1024, ge=1024, le=32 * 1024 * 1024)
    trust_verdict: bool = False
    timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    ca_file: str | None = None
    plaintext: bool = False


def _code(value: object) -> int | None:
    """A status as a number or as digits; anything else says nothing."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) == 3 else None


class _Submission(AnswerPart):
    uuid: str


class _Page(AnswerPart):
    url: str | None = None
    status: Annotated[int | None, BeforeValidator(_code)] = None


class _Overall(AnswerPart):
    malicious: bool | None = None


class _Verdicts(AnswerPart):
    overall: _Overall | None = None


class _Result(AnswerPart):
    page: _Page | None = None
    verdicts: _Verdicts | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """What the scanner saw. `status`: None when it got no answer, or says nothing of it."""

    uuid: str
    status: int | None
    final_url: str
    is_malicious: bool


class Scanner:
    """Has pages scanned, each once for a while. Many threads may use it.

    :raises ValueError: for a value that cannot be.
    """

    def __init__(self, section: ScannerSection) -> None:
        self._section = section
        self._client = self._make_client(MAX_RESULT)
        self._pictures = self._make_client(section.picture_bytes)
        # Each kind of call has a limit of its own.
        self._submissions = Quota("scanner: submissions", PhishingServiceException)
        self._results = Quota("scanner: results", PhishingServiceException)
        self._screenshots = Quota("scanner: screenshots", PhishingServiceException)
        self._under_way: Kept[str, str] = Kept()
        self._scans: Kept[str, Scan] = Kept()

    def _make_client(self, max_answer_bytes: int) -> JsonClient:
        section = self._section
        try:
            return JsonClient(
                section.url,
                error=PhishingServiceException,
                headers={"API-Key": section.key.get_secret_value()},
                timeout_seconds=section.timeout_seconds,
                attempts=1,
                ca_file=section.ca_file,
                plaintext=section.plaintext,
                max_answer_bytes=max_answer_bytes,
                breaker=CircuitBreaker(),
            )
        except (ValueError, OSError) as error:
            raise ValueError(f"scanner.{error}") from None

    def known(self, url: str) -> Scan | None:
        """What was seen at a URL lately; None when nothing is known, or not yet."""
        return self._scans.get(url)

    def scan(self, url: str) -> Scan | None:
        """Have a URL scanned; None when that takes longer than is waited for: the next call asks for its result.

        :raises PhishingServiceException: when the scanner did not take it, or its result cannot be had.
        """
        known = self._scans.get(url)
        if known is not None:
            return known
        end = time.monotonic() + self._section.seconds
        uuid = self._under_way.get(url)
        if uuid is None:
            uuid = self._submit(url)
            self._under_way.put(url, uuid, self._section.keep_seconds)
        try:
            result = self._wait(uuid, end)
        except PhishingServiceException as error:
            if error.permanent:  # this one will never be there
                self._under_way.put(url, uuid, 0)
            raise
        if result is None:
            return None
        page, verdicts = result.page or _Page(), result.verdicts or _Verdicts()
        is_malicious = verdicts.overall is not None and verdicts.overall.malicious is True
        found = Scan(uuid, page.status, page.url or "", is_malicious)
        self._scans.put(url, found, self._section.keep_seconds)
        return found

    def picture(self, scan: Scan) -> bytes:
        """The page as a PNG.

        :raises PhishingServiceException: when there is none, or it is too large.
        """
        with self._screenshots.respected():
            content = self._pictures.get_bytes(f"/screenshots/{scan.uuid}.png")
        if not content.startswith(_PNG):
            raise PhishingServiceException(f"scanner: screenshot {scan.uuid}: is no PNG", permanent=True)
        return content

    def _submit(self, url: str) -> str:
        body = json.dumps({"url": url, "visibility": visibility_of(url, self._section.visibility)}).encode()
        with self._submissions.respected():
            said = self._client.call(
                "POST", "/api/v1/scan/", body, headers=lambda: {"Content-Type": "application/json"}
            ).content
        uuid = read_answer(_Submission, said, "scanner: scan", PhishingServiceException).uuid
        if not _UUID.fullmatch(uuid):
            raise PhishingServiceException(f"scanner: uuid: {uuid[:80]!r}; expected a UUID", permanent=True)
        return uuid

    def _wait(self, uuid: str, end: float) -> _Result | None:
        while True:
            with self._results.respected():
                said = self._client.get(f"/api/v1/result/{uuid}/", allowing={_NOT_YET})
            if said.status != _NOT_YET:
                return read_answer(_Result, said.content, "scanner: result", PhishingServiceException)
            left = end - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(self._section.poll_seconds, left))


def visibility_of(url: str, wanted: Literal["private", "unlisted"]) -> str:
    """Who may see the scan of a URL. One with a query, or with an e-mail address, may name the person whom it was sent
    to: that is for nobody's eyes but the desk's.
    """
    parts: Any = urlsplit(url)
    return "private" if parts.query or "@" in unquote(url) else wanted
