"""Why a rule matched, in words, from the trace that is kept with each decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from abuse.models import BusinessRulesHistory, ReportThreshold, RulesType
from abuse.rules.catalogues import catalogue

# What the facts of the default rules say when they hold, and when they do not.
WORDS = {
    "has_defendant": ("about a customer", "about nobody of ours"),
    "is_report_trusted": ("the reporter is trusted", "the reporter is not trusted"),
    "has_ticket": ("a ticket was open", "no ticket was open"),
    "report_ticket_threshold": ("enough reports wait", "too few reports wait"),
    "autoarchive": ("the reporter is known for noise", "the reporter is not known for noise"),
    "has_urls": ("it names a URL", "it names no URL"),
    "urls_down": ("every URL is down", "a URL is up"),
    "avoid_phishtocheck": ("the reporter's phishing is not looked at", "the reporter's phishing is looked at"),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """The rule that decided, and what the facts that it asked for were, in words."""

    rule: str
    facts: tuple[str, ...]


def reason_of(decision: BusinessRulesHistory | None) -> Reason:
    """Why a report came to where it is."""
    if decision is None or decision.business_rules is None:
        return Reason("no rule", ("none matched",))
    rule = decision.business_rules
    facts: dict[str, Any] = {fact["name"]: fact.get("value") for fact in decision.trace.get("facts", ())}
    names = dict.fromkeys(_names(rule.config["conditions"]))
    return Reason(rule.name, tuple(_said(name, facts.get(name), decision) for name in names))


def _said(name: str, value: object, decision: BusinessRulesHistory) -> str:
    if name in WORDS and isinstance(value, bool):
        words = WORDS[name][0 if value else 1]
        return f"{words} ({_threshold(decision)})" if name == "report_ticket_threshold" else words
    known = catalogue(RulesType.REPORT).variables
    return f"{known[name].label if name in known else name}: {value}"


def _threshold(decision: BusinessRulesHistory) -> str:
    row = ReportThreshold.filter(category_id=decision.report.category_id).first() if decision.report else None
    return f"{row.threshold} within {row.interval} days" if row else "none is set"


def _names(node: Mapping[str, Any]) -> Iterator[str]:
    """The variables that a condition asks for, in order."""
    if "name" in node:
        yield str(node["name"])
    for group in ("all", "any"):
        for child in node.get(group, ()):
            yield from _names(child)
    if "not" in node:
        yield from _names(node["not"])
