"""Whether Google's lists name a URL (Safe Browsing Lookup API v4, `threatMatches:find`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

import re2
from pydantic import Field

import abuse

from ..kept import Kept
from ..quota import Quota
from ..sections import AnswerPart, read_answer
from .base import Reputation, ReputationServiceException
from .source import SourceSection

SHORT_NAME = "safebrowsing"
MAX_BATCH = 500
"""URLs that one question may name."""
MAX_URL = 8192
LONGEST = 86_400.0
_DURATION = re2.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


class SafeBrowsingSection(SourceSection):
    """`safe_browsing` in the config. `threat_types`: the lists that are asked."""

    url: str = "https://safebrowsing.googleapis.com"
    threat_types: list[str] = Field(
        default=["MALWARE", "SOCIAL_ENGINEERING", "UNWANTED_SOFTWARE", "POTENTIALLY_HARMFUL_APPLICATION"], min_length=1
    )
    keep_negative_seconds: float = Field(default=300.0, ge=60, le=86_400)


class _Threat(AnswerPart):
    url: str = ""


class _Match(AnswerPart):
    kind: str = Field(alias="threatType", max_length=100)
    threat: _Threat
    duration: str = Field(alias="cacheDuration", default="")


class _Answer(AnswerPart):
    matches: tuple[_Match, ...] = ()


class SafeBrowsing:
    """Asks about URLs, many at once, and remembers a match as long as it is told to.

    :raises ValueError: for a value that cannot be.
    """

    def __init__(self, section: SafeBrowsingSection) -> None:
        self._section = section
        headers = {"Content-Type": "application/json", "X-Goog-Api-Key": section.key.get_secret_value()}
        self._client = section.client("safe_browsing", headers)
        self._quota = Quota("Safe Browsing", ReputationServiceException)
        self._known: Kept[str, tuple[str, ...]] = Kept()

    def word(self, url: str) -> Reputation:
        """What it says of a URL.

        :raises ReputationServiceException: when it cannot say.
        """
        kinds = self.find([url])[url]
        name = "Google Safe Browsing"
        return Reputation(SHORT_NAME, f"{name}: {', '.join(kinds)}" if kinds else name, result=bool(kinds))

    def find(self, urls: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """The kinds of threat that each URL is listed for; none: it is not listed.

        :raises ReputationServiceException: when it cannot say; permanent for a URL that is none.
        """
        sent = {url: sent_url(url) for url in urls}
        found: dict[str, tuple[str, ...]] = {}
        for one in dict.fromkeys(sent.values()):
            known = self._known.get(one)
            if known is not None:
                found[one] = known
        missing = [one for one in dict.fromkeys(sent.values()) if one not in found]
        for start in range(0, len(missing), MAX_BATCH):
            found |= self._ask(missing[start : start + MAX_BATCH])
        return {url: found[one] for url, one in sent.items()}

    def _ask(self, urls: Sequence[str]) -> dict[str, tuple[str, ...]]:
        question = {
            "client": {"clientId": "cerberus", "clientVersion": abuse.__version__},
            "threatInfo": {
                "threatTypes": self._section.threat_types,
                "platformTypes": ["ANY_PLATFORM"],
                "threatEntryTypes": ["URL"],
                "threatEntries": [{"url": url} for url in urls],
            },
        }
        with self._quota.respected():
            said = self._client.call("POST", "/v4/threatMatches:find", json.dumps(question).encode()).content
        answer = read_answer(_Answer, said, "Safe Browsing", ReputationServiceException)
        found: dict[str, tuple[str, ...]] = {}
        for url in urls:
            matches = [one for one in answer.matches if one.threat.url == url]
            found[url] = tuple(dict.fromkeys(one.kind for one in matches))
            seconds = min((_seconds(one.duration) for one in matches), default=self._section.keep_negative_seconds)
            self._known.put(url, found[url], seconds)
        return found


def sent_url(url: str) -> str:
    """What is sent of a URL: no fragment, which servers are never sent, and neither user name nor password.

    :raises ReputationServiceException: permanent for what is no URL.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        sent = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    except ValueError as error:
        raise ReputationServiceException(f"url: {url[:80]!r}: {error}", permanent=True) from None
    if len(sent) > MAX_URL:
        raise ReputationServiceException(f"url: {len(sent)} characters; expected at most {MAX_URL}", permanent=True)
    return sent


def _seconds(duration: str) -> float:
    """A duration such as `300.000s`; nothing is kept where it is none."""
    found = _DURATION.fullmatch(duration)
    return min(float(found.group(1)), LONGEST) if found else 0.0
