"""Facts about the reported pages, from the looks taken at them before the decision."""

from __future__ import annotations

from django.db.models import prefetch_related_objects

from abuse.models import ReportItem, UrlStatus

from ...checks import check_at_least_zero
from ...engine.fields import FIELD_BOOLEAN, FIELD_NUMERIC
from ...engine.variables import boolean_rule_variable
from .base import ReportVariablesBase

DOWN = 75
"""From this score a page is down."""


class UrlFacts(ReportVariablesBase):
    """How the reported pages answered. A page that nobody looked at counts as up, and as harmless."""

    @boolean_rule_variable(
        label="Every reported URL is down",
        params=[
            {"name": "try_screenshot", "fieldType": FIELD_BOOLEAN},
            {"name": "down_threshold", "fieldType": FIELD_NUMERIC, "check": check_at_least_zero},
        ],
    )
    def urls_down(self, try_screenshot: bool = True, down_threshold: float = DOWN) -> bool:
        """Whether the newest look at each URL found it down.

        `try_screenshot` is taken for the sake of older rules: whether pictures are made is decided at the look.
        """
        looks = self._looks()
        return bool(looks) and all(
            look is not None and look.score is not None and look.score >= down_threshold for look in looks
        )

    @boolean_rule_variable(label="Every reported URL was seen to be phishing")
    def all_items_phishing(self) -> bool:
        looks = self._looks()
        return bool(looks) and all(look is not None and look.is_phishing is True for look in looks)

    def _looks(self) -> list[UrlStatus | None]:
        """The newest look at each URL of the report, None where there was none."""
        urls = self._items(ReportItem.Type.URL)
        prefetch_related_objects(urls, "url_statuses")  # one query for all, and none when they are at hand
        return [max(item.url_statuses.all(), key=lambda look: (look.date, look.pk), default=None) for item in urls]
