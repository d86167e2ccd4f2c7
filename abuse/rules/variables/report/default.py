"""The facts about a report that come with Cerberus, all in one class. Each theme is a file of its own."""

from __future__ import annotations

from .defendant_facts import DefendantFacts
from .history_facts import HistoryFacts
from .report_facts import ReportFacts
from .reporter_facts import ReporterFacts
from .url_facts import UrlFacts


class DefaultReportVariables(ReportFacts, ReporterFacts, DefendantFacts, UrlFacts, HistoryFacts):
    """What a Report rule may ask."""
