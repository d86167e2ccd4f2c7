"""Proof before acting: a rule is tried on the reports of the past, and nothing is changed.

Each stored report is decided on twice: by the rules as they are, and as if the candidate took its place among them.
What differs is counted. Reports are read in order of their dates, a few thousand at a time, so that memory does not
grow with their number. What a rule would have changed for later reports (a ticket that they could have joined) is not
played through: `has_ticket` is what it was.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from abuse.models import Report, RulesType

from .caps import CapReached, exceeded
from .catalogues import catalogue
from .deciding import holds, variables_of
from .effects import NEEDED, effect_of
from .engine.errors import RuleError
from .engine.evaluate import in_order
from .engine.facts import Facts
from .engine.jsonable import Json
from .engine.tree import Rule
from .store import active_rules
from .stored_facts import IN_THE_REPORT, NOT_KEPT, Chunk, NotReplayable

CHUNK = 5_000
NO_RULE = "no rule"


class ReplayRefused(ValueError):
    """This rule cannot be tried on stored reports; the text says why."""


@dataclass(frozen=True, slots=True)
class Example:
    """One report whose decision would change."""

    report: int
    provider: str
    category: str
    subject: str
    received: datetime

    def to_json(self) -> dict[str, Json]:
        return {
            "report": self.report,
            "provider": self.provider,
            "category": self.category,
            "subject": self.subject,
            "receivedDate": self.received.isoformat(),
        }


@dataclass(slots=True)
class ReplayResult:
    """What the candidate would have done between two moments.

    `matches`: its conditions hold. `decides`: they do, and no rule before it decides. `changes`: from which rule to
    which, how often, with examples. `actions`: what would have been done, how often. `capped`: runs that its limits
    would have stopped. `sources`: for each variable, where its answers came from (see `stored_facts`).

    `undecidable`: reports left out because a variable of that name cannot be answered any more. `failing`: reports on
    which a variable failed, as it would when the mail came in. `differs_from_record`: reports on which the rules of
    today decide otherwise than was decided then.
    """

    rule: str
    since: datetime
    until: datetime
    reports: int = 0
    matches: int = 0
    decides: int = 0
    differs_from_record: int = 0
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[Example]] = field(default_factory=dict)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    capped: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    sources: Counter[tuple[str, str]] = field(default_factory=Counter)
    undecidable: Counter[str] = field(default_factory=Counter)
    failing: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def changed(self) -> int:
        """On how many reports another rule would decide."""
        return self.changes.total()

    def not_as_then(self) -> dict[str, dict[str, int]]:
        """The variables whose answers were not all recorded at the time, with how many came from where."""
        found: dict[str, dict[str, int]] = {}
        for (name, source), count in sorted(self.sources.items()):
            if name not in IN_THE_REPORT:
                found.setdefault(name, {})[source] = count
        return {name: sources for name, sources in found.items() if set(sources) != {"recorded"}}

    def to_json(self) -> dict[str, Json]:
        """All of it as JSON, counts in descending order."""
        facts: dict[str, Json] = {name: dict(sources) for name, sources in self.not_as_then().items()}
        return {
            "rule": self.rule,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "reports": self.reports,
            "matches": self.matches,
            "decides": self.decides,
            "changed": self.changed,
            "changes": [
                {"from": old, "to": new, "count": count, "examples": [one.to_json() for one in self.examples[old, new]]}
                for (old, new), count in self.changes.most_common()
            ],
            "actions": [
                {"action": name, "effect": effect, "count": count}
                for (name, effect), count in self.actions.most_common()
            ],
            "capped": [
                {"action": name, "period": period, "limit": limit, "count": count}
                for (name, period, limit), count in self.capped.most_common()
            ],
            "notAsThen": facts,
            "undecidable": dict(self.undecidable),
            "failing": dict(self.failing),
            "differsFromRecord": self.differs_from_record,
            "seconds": round(self.seconds, 3),
        }


def count_reports(since: datetime, until: datetime | None = None) -> int:
    """How many reports a replay would read."""
    return _between(since, until or timezone.now()).count()


def replay(
    candidate: Rule,
    *,
    since: datetime,
    until: datetime | None = None,
    examples: int = 5,
    progress: Callable[[int], None] | None = None,
    chunk_size: int = CHUNK,
) -> ReplayResult:
    """Try a rule on the reports received between two moments, beside the active rules of today. Changes nothing.

    The candidate takes the place of the rule of its name, if there is one, and counts as active and live. `examples`:
    at most so many for each kind of change. `progress` is told how many reports were read since it was told last.

    :raises ReplayRefused: for a rule that does not decide on reports.
    """
    if candidate.rules_type != RulesType.REPORT:
        raise ReplayRefused(
            f"rule {candidate.name!r} is of type {candidate.rules_type}; only Report rules can be tried on reports"
        )
    started = time.monotonic()
    tried = replace(candidate, is_active=True, is_shadow=False)
    present = [rule for rule in in_order(one.rule for one in active_rules(RulesType.REPORT)) if not rule.is_shadow]
    future = in_order([*(rule for rule in present if rule.name != tried.name), tried])
    result = ReplayResult(candidate.name, since, until or timezone.now())
    caps = _Caps(tried)
    needed = frozenset().union(*(NEEDED.get(call.action.name, frozenset()) for call in tried.actions))
    known = catalogue(RulesType.REPORT)
    for reports in _chunks(result.since, result.until, chunk_size):
        chunk = Chunk(reports, known, result.sources)
        for report in reports:
            _try(report, chunk, present, future, tried, result, caps, needed, examples)
        if progress is not None:
            progress(len(reports))
    result.seconds = time.monotonic() - started
    return result


def _try(
    report: Report,
    chunk: Chunk,
    present: Sequence[Rule],
    future: Sequence[Rule],
    tried: Rule,
    result: ReplayResult,
    caps: _Caps,
    needed: frozenset[str],
    examples: int,
) -> None:
    result.reports += 1
    facts = chunk.facts(report)
    known: dict[int, bool] = {}
    try:
        old = _first(present, facts, known)
        new = _first(future, facts, known)
        result.matches += _holds(tried, facts, known)
    except RuleError as error:
        (result.undecidable if isinstance(error.cause, NotReplayable) else result.failing)[error.variable] += 1
        return
    old_name, new_name = (rule.name if rule is not None else NO_RULE for rule in (old, new))
    if report.pk in chunk.decided and (chunk.decided[report.pk] or NO_RULE) != old_name:
        result.differs_from_record += 1
    if new is tried:
        result.decides += 1
        chunk.need(*needed)
        _act(report, tried, facts, result, caps)
    if old_name != new_name:
        result.changes[old_name, new_name] += 1
        shown = result.examples.setdefault((old_name, new_name), [])
        if len(shown) < examples:
            subject = (report.subject or "")[:100]
            shown.append(Example(report.pk, report.provider_id, report.category_id, subject, report.received_date))


def _first(rules: Sequence[Rule], facts: Facts, known: dict[int, bool]) -> Rule | None:
    return next((rule for rule in rules if _holds(rule, facts, known)), None)


def _holds(rule: Rule, facts: Facts, known: dict[int, bool]) -> bool:
    answer = known.get(id(rule))
    if answer is None:
        answer = known[id(rule)] = holds(rule, facts)
    return answer


def _act(report: Report, rule: Rule, facts: Facts, result: ReplayResult, caps: _Caps) -> None:
    for call in rule.actions:
        reached = caps.take(call.action.name, report)
        if reached is not None:
            result.capped[reached.action, reached.period, reached.limit] += 1
            return
        result.actions[call.action.name, effect_of(call, report, facts)] += 1


class _Caps:
    """The limits of a rule, counted along the moments at which the reports came in."""

    def __init__(self, rule: Rule) -> None:
        self._limits = rule.limits
        self._runs: dict[str, deque[tuple[datetime, int | None]]] = {name: deque() for name in rule.limits}
        self._customers: dict[str, Counter[int | None]] = {name: Counter() for name in rule.limits}

    def take(self, action: str, report: Report) -> CapReached | None:
        """Count a run, or say which limit forbids it."""
        limit = self._limits.get(action)
        if limit is None:
            return None
        now = report.received_date
        runs, customers = self._runs[action], self._customers[action]
        while runs and runs[0][0] <= now - timedelta(days=1):
            _, customer = runs.popleft()
            customers[customer] -= 1
            if not customers[customer]:
                del customers[customer]
        hour = 0
        if limit.hour is not None:
            for moment, _ in reversed(runs):
                if moment <= now - timedelta(hours=1) or hour >= limit.hour:
                    break
                hour += 1
        reached = exceeded(action, limit, hour=hour, day=len(runs), customer_day=customers[report.defendant_id])
        if reached is None:
            runs.append((now, report.defendant_id))
            customers[report.defendant_id] += 1
        return reached


def not_replayable(rule: Rule) -> list[str]:
    """The variables of a rule of which only the record of a decision tells, if it was asked then."""
    return sorted(variables_of([rule]) & NOT_KEPT)


def _between(since: datetime, until: datetime) -> QuerySet[Report]:
    return Report.filter(received_date__gte=since, received_date__lt=until)


def _chunks(since: datetime, until: datetime, size: int) -> Iterator[list[Report]]:
    """The reports in order of their dates, each chunk found by where the one before ended."""
    rows = _between(since, until).order_by("received_date", "pk").defer("body")
    last: Report | None = None
    while True:
        after = rows
        if last is not None:
            behind = Q(received_date__gt=last.received_date) | Q(pk__gt=last.pk)
            after = rows.filter(behind, received_date__gte=last.received_date)
        reports = list(after[:size])
        if reports:
            yield reports
        if len(reports) < size:
            return
        last = reports[-1]
