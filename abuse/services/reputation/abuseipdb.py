"""What others have reported of an address to AbuseIPDB (API v2, https://docs.abuseipdb.com/)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import Field

from ..kept import Kept
from ..phishing.addresses import Address
from ..quota import Quota
from ..sections import AnswerPart, read_answer
from .base import Reputation, ReputationDetail, ReputationServiceException
from .source import SourceSection

SHORT_NAME = "abuseipdb"
FAULT_SECONDS = 30.0
"""An address about which nothing was answered is not asked about again for so long."""
_MAX_TEXT = 500
_CATEGORIES = {
    1: "DNS compromise", 2: "DNS poisoning", 3: "fraud orders", 4: "DDoS attack", 5: "FTP brute force",
    6: "ping of death", 7: "phishing", 8: "fraud VoIP", 9: "open proxy", 10: "web spam", 11: "email spam",
    12: "blog spam", 13: "VPN", 14: "port scan", 15: "hacking", 16: "SQL injection", 17: "spoofing", 18: "brute force",
    19: "bad web bot", 20: "exploited host", 21: "web application attack", 22: "SSH", 23: "IoT targeted",
}  # fmt: skip


class AbuseIpdbSection(SourceSection):
    """`abuseipdb` in the config. `min_score`: from which confidence (0 to 100) on an address counts as listed."""

    url: str = "https://api.abuseipdb.com/api/v2"
    max_age_days: int = Field(default=90, ge=1, le=365)
    min_score: int = Field(default=25, ge=1, le=100)
    max_reports: int = Field(default=25, ge=1, le=100)
    keep_seconds: float = Field(default=6 * 3600.0, ge=60, le=7 * 86_400)
    keep_negative_seconds: float = Field(default=3600.0, ge=60, le=7 * 86_400)


class _Check(AnswerPart):
    score: int = Field(alias="abuseConfidenceScore", ge=0, le=100)
    total: int = Field(alias="totalReports", default=0, ge=0)
    last: datetime | None = Field(alias="lastReportedAt", default=None)


class _CheckAnswer(AnswerPart):
    data: _Check


class _Report(AnswerPart):
    reported: datetime = Field(alias="reportedAt")
    comment: str | None = None
    categories: tuple[int, ...] = ()


class _Page(AnswerPart):
    results: tuple[_Report, ...] = ()


class _ReportsAnswer(AnswerPart):
    data: _Page


@dataclass(frozen=True, slots=True)
class _Fault:
    message: str
    permanent: bool


class AbuseIpdb:
    """Asks one question for an address, and remembers the answer.

    :raises ValueError: for a value that cannot be.
    """

    def __init__(self, section: AbuseIpdbSection) -> None:
        self._section = section
        self._client = section.client("abuseipdb", {"Key": section.key.get_secret_value()})
        # Each of the two has a limit of its own.
        self._checks = Quota("AbuseIPDB check", ReputationServiceException)
        self._pages = Quota("AbuseIPDB reports", ReputationServiceException)
        self._words: Kept[Address, Reputation | _Fault] = Kept()
        self._events: Kept[Address, tuple[ReputationDetail, ...]] = Kept(1000)

    def word(self, address: Address) -> Reputation:
        """What it says of an address.

        :raises ReputationServiceException: when it cannot say.
        """
        known = self._words.get(address)
        if isinstance(known, _Fault):
            raise ReputationServiceException(known.message, permanent=known.permanent)
        if known is not None:
            return known
        try:
            word = self._ask(address)
        except ReputationServiceException as error:
            self._words.put(address, _Fault(str(error), error.permanent), FAULT_SECONDS)
            raise
        section = self._section
        self._words.put(address, word, section.keep_seconds if word.result else section.keep_negative_seconds)
        return word

    def events(self, address: Address) -> Sequence[ReputationDetail]:
        """The newest reports of an address.

        :raises ReputationServiceException: when it cannot say.
        """
        known = self._events.get(address)
        if known is not None:
            return known
        wanted = {**self._about(address), "page": 1, "perPage": self._section.max_reports}
        with self._pages.respected():
            said = self._client.get("/reports", wanted).content
        answer = read_answer(_ReportsAnswer, said, "AbuseIPDB reports", ReputationServiceException)
        found = tuple(_detail(one) for one in answer.data.results[: self._section.max_reports])
        self._events.put(address, found, self._section.keep_negative_seconds)
        return found

    def _ask(self, address: Address) -> Reputation:
        with self._checks.respected():
            said = self._client.get("/check", self._about(address)).content
        found = read_answer(_CheckAnswer, said, "AbuseIPDB check", ReputationServiceException).data
        reports = "1 report" if found.total == 1 else f"{found.total} reports"
        return Reputation(
            short_name=SHORT_NAME,
            full_name=f"AbuseIPDB: score {found.score} of 100, {reports} in {self._section.max_age_days} days",
            result=found.score >= self._section.min_score,
            last_event=_aware(found.last) if found.last else None,
        )

    def _about(self, address: Address) -> dict[str, object]:
        return {"ipAddress": str(address), "maxAgeInDays": self._section.max_age_days}


def _detail(report: _Report) -> ReputationDetail:
    comment = "".join(one if one.isprintable() else " " for one in (report.comment or "")[: 2 * _MAX_TEXT])
    categories = ", ".join(_CATEGORIES.get(one, f"category {one}") for one in report.categories[:20])
    return ReputationDetail(" ".join(comment.split())[:_MAX_TEXT], _aware(report.reported), categories)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
