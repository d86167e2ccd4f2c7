"""Facts about reports that were decided on long ago, as the rules saw them then, as far as that can still be known.

Where a fact comes from, best first:

* recorded: the decision of that time kept what it saw;
* from the report: it stands in the report itself, which does not change;
* reconstructed: counted from the rows as they were at that moment, one statement for many reports;
* as of today: the settings of a reporter, a customer's data, what an operator's own variable answers now;
* not at all: it was never kept, such as to whom the mail was addressed. Then the rule cannot be tried on the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import prefetch_related_objects

from abuse.controllers.trust import Trust, trust_of_many
from abuse.models import BusinessRulesHistory, Report, ReportThreshold

from .engine.catalogue import Catalogue, VariablesComposite
from .engine.facts import Facts
from .engine.jsonable import MAX_ELEMENTS, MAX_TEXT
from .engine.tree import FactKey, fact_key
from .engine.variables import Variable
from .variables import questions
from .variables.questions import Subjects

IN_THE_REPORT = frozenset(
    {"has_fqdn", "has_urls", "report_body", "report_subject", "report_provider", "report_received_beetween"}
)
NOT_KEPT = frozenset({"report_recipients", "defendant_revenue"})
"""Facts of which only a decision's record tells: the mail's addressees, and what the customer database said."""

_LEARNED = frozenset({"reporter_trust", "reporter_reports_count"})
"""What is known of a reporter is known of him today, whenever the report came."""

_DEFENDANT = ("defendant__details",)
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "has_fqdn": ("items",),
    "has_urls": ("items",),
    "is_misrouted": ("items",),
    "urls_down": ("items", "items__url_statuses"),
    "all_items_phishing": ("items", "items__url_statuses"),
    "is_report_trusted": ("provider",),
    "provider_tags": ("provider__tags",),
    "autoarchive": ("provider__tags",),
    "attach_if_exists": ("provider__tags",),
    "avoid_phishtocheck": ("provider__tags",),
    "customer_since": _DEFENDANT,
    "defendant_legal_form": _DEFENDANT,
    "defendant_country": _DEFENDANT,
    "defendant_customer_id": _DEFENDANT,
    "defendant_is_vip": _DEFENDANT,
    "defendant_is_internal": _DEFENDANT,
    "service_type": ("service",),
    "has_defendant": (),
    "missing_data": (),
    "can_ask_reporter": ("provider__tags", "email"),
    "sender_authentication": (),
    "mail_kind": ("email",),
    "report_category": (),
    "report_body": ("body",),
    "report_subject": (),
    "report_provider": (),
    "report_received_beetween": (),
}
"""What of a report's surroundings is read for a fact; for a variable that is not listed, all of it."""
_ALL = ("body", "items__url_statuses", "provider__tags", "category", "defendant__details", "service", "ticket")


class NotReplayable(LookupError):
    """A fact of that time was not kept and cannot be found out any more."""


class Chunk:
    """Some stored reports, and the answers about all of them. `sources` counts where the answers came from."""

    def __init__(self, reports: Sequence[Report], catalogue: Catalogue, sources: Counter[tuple[str, str]]) -> None:
        self.reports = reports
        self.sources = sources
        self._catalogue = catalogue
        self._bulk: dict[FactKey, Mapping[int, Any]] = {}
        self._read: set[str] = set()
        self._subjects: Subjects | None = None
        self.decided, self._recorded = self._records()

    def facts(self, report: Report) -> Facts:
        """The facts of one report."""
        built = self._catalogue.build_variables(None, report, None)
        return Facts(StoredVariables(built, self, report))

    def need(self, *paths: str) -> None:
        """Read some surroundings of all the reports, if they are not at hand yet; `body` is the text of the mails."""
        missing = [path for path in paths if path not in self._read]
        self._read.update(missing)
        if "body" in missing:
            missing.remove("body")
            bodies = dict(Report.filter(pk__in=[report.pk for report in self.reports]).values_list("pk", "body"))
            for report in self.reports:
                report.body = bodies[report.pk]
        if missing:
            prefetch_related_objects(self.reports, *missing)

    def answer(self, report: Report, variable: Variable, params: Mapping[str, object], method: Any) -> object:
        """The answer of a variable about a report of that time.

        :raises NotReplayable: when nobody can tell any more.
        """
        name = variable.name
        recorded = self._recorded.get(report.pk)
        key = fact_key(variable, params)
        if recorded is not None and key in recorded:
            self.sources[name, "recorded"] += 1
            return recorded[key]
        question = _RECONSTRUCTED.get(name)
        if question is not None:
            self.sources[name, "today" if name in _LEARNED else "reconstructed"] += 1
            if key not in self._bulk:
                self._bulk[key] = question(self, _with_defaults(variable, params))
            return self._bulk[key][report.pk]
        if name in NOT_KEPT:
            self.sources[name, "unknown"] += 1
            raise NotReplayable(f"{name} was not kept with report {report.pk}")
        self.need(*_NEEDED.get(name, _ALL))
        self.sources[name, "report" if name in IN_THE_REPORT else "today"] += 1
        return method(**params)

    def subjects(self) -> Subjects:
        """The reports as questions about the past take them."""
        if self._subjects is None:
            self._subjects = Subjects(self.reports, [report.ticket_id for report in self.reports], as_of=True)
        return self._subjects

    def _records(self) -> tuple[dict[int, str | None], dict[int, dict[FactKey, object]]]:
        """Of the first decision on each report: which rule it was, and the facts that were kept whole."""
        decided: dict[int, str | None] = {}
        recorded: dict[int, dict[FactKey, object]] = {}
        rows = (
            BusinessRulesHistory.filter(report_id__in=[report.pk for report in self.reports], is_shadow=False)
            .order_by("pk")
            .values_list("report_id", "trace__rule", "trace__facts")
        )
        for pk, rule, facts in rows:
            if pk is not None and pk not in decided:
                decided[pk] = rule
                recorded[pk] = self._facts_of(facts or [])
        return decided, recorded

    def _facts_of(self, facts: Sequence[Mapping[str, Any]]) -> dict[FactKey, object]:
        found: dict[FactKey, object] = {}
        variables = self._catalogue.variables
        for fact in facts:
            variable = variables.get(fact.get("name", ""))
            if variable is not None and "value" in fact and _is_whole(fact["value"]):
                found[fact_key(variable, fact.get("params") or {})] = fact["value"]
        return found


class StoredVariables(VariablesComposite):
    """The variables of a catalogue, answered by a chunk of stored reports."""

    __slots__ = ("_chunk", "_methods", "_report")

    def __init__(self, built: VariablesComposite, chunk: Chunk, report: Report) -> None:
        super().__init__((), built.variables)
        self._methods = built
        self._chunk = chunk
        self._report = report

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        variable = self.variables[name]
        method = getattr(self._methods, name)
        return lambda **params: self._chunk.answer(self._report, variable, params, method)


def _is_whole(value: object) -> bool:
    """Whether a value in a record is the value itself, not a shortened form of it."""
    if isinstance(value, bool | int | float):
        return True
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and not value.startswith("<")
    if isinstance(value, list):
        return len(value) <= MAX_ELEMENTS and all(isinstance(one, str) and _is_whole(one) for one in value)
    return False


def _with_defaults(variable: Variable, params: Mapping[str, object]) -> dict[str, Any]:
    return {parameter.name: params.get(parameter.name, parameter.default) for parameter in variable.parameters}


def _threshold(chunk: Chunk, params: Mapping[str, Any]) -> Mapping[int, bool]:
    thresholds = {one.category_id: one for one in ReportThreshold.all()}
    answers: dict[int, bool] = {report.pk: False for report in chunk.reports}
    for category, threshold in thresholds.items():
        about = [report for report in chunk.reports if report.category_id == category and report.defendant_id]
        if about:
            subjects = Subjects(about, [None] * len(about), as_of=True)
            waiting = questions.waiting_count(subjects, days=threshold.interval, enough=threshold.threshold)
            answers |= {pk: count >= threshold.threshold for pk, count in waiting.items()}
    return answers


def _trusts(chunk: Chunk) -> Mapping[int, Trust]:
    chunk.need("provider")
    known = trust_of_many({(report.provider_id, report.category_id): (report.provider, report.category_id)
                           for report in chunk.reports}.values())  # fmt: skip
    return {report.pk: known[report.provider_id, report.category_id] for report in chunk.reports}


def _judged(trust: Trust) -> int:
    return trust.confirmed + trust.false + trust.duplicate + trust.not_ours


_RECONSTRUCTED: Mapping[str, Callable[[Chunk, dict[str, Any]], Mapping[int, Any]]] = {
    "has_ticket": lambda chunk, params: questions.has_ticket(chunk.subjects()),
    "report_ticket_threshold": _threshold,
    "report_count": lambda chunk, params: questions.report_count(chunk.subjects()),
    "ticket_count": lambda chunk, params: questions.ticket_count(chunk.subjects(), **params),
    "has_defendant_answers": lambda chunk, params: questions.has_answers(
        chunk.subjects(),
        same_service=params["same_service"],
        last_days=params["last_days"],
        rule=params["rule_codename"],
    ),
    "service_action_count": lambda chunk, params: questions.action_count(chunk.subjects(), last_days=None),
    "service_action_count_last_days": lambda chunk, params: questions.action_count(chunk.subjects(), **params),
    "rule_applied": lambda chunk, params: questions.rule_applied(
        chunk.subjects(),
        rule=params["rule_codename"],
        since_last_days=params["since_last_days"],
        older_than_days=params["older_than_days"],
    ),
    "reporter_trust": lambda chunk, params: {pk: trust.score for pk, trust in _trusts(chunk).items()},
    "reporter_reports_count": lambda chunk, params: {pk: _judged(trust) for pk, trust in _trusts(chunk).items()},
}
