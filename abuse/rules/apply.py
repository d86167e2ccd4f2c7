"""Letting the rules decide, and keeping why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from abuse.models import BusinessRulesHistory, Report, RulesType, Tag, Ticket, User
from abuse.parsers.values import ParsedEmail

from .catalogues import catalogue
from .engine.catalogue import Composite
from .engine.facts import Facts
from .engine.run import run_rules
from .store import StoredRule, active_rules


@dataclass(slots=True)
class RulesRun:
    """The active rules, read once for several decisions, and the decisions until `write` keeps them.

    All inside one transaction: a decision whose effects were rolled back leaves no trace either.
    """

    actor: User
    _rules: dict[str, Sequence[StoredRule]] = field(default_factory=dict)
    _decisions: list[BusinessRulesHistory] = field(default_factory=list)
    _tagged: list[tuple[int, str]] = field(default_factory=list)

    def decide_report(
        self,
        report: Report,
        parsed: ParsedEmail | None,
        ticket: Ticket | None,
        *,
        trusted: bool = False,
        lang: str = "EN",
    ) -> str | None:
        """Apply the Report rules: the first that matches acts. Its name, or None when none matched.

        :raises RuleError, ActionError: when a variable or an action fails; nothing of the report may be kept then.
        """
        known = catalogue(RulesType.REPORT)
        variables = known.build_variables(parsed, report, ticket, is_trusted=trusted)
        fired = self._run(
            RulesType.REPORT,
            Facts(variables),
            lambda: known.build_actions(report, ticket, lang, actor=self.actor),
            report=report,
            email_id=report.email_id,
        )
        if fired is not None:
            self._tagged.append((report.pk, f"report:{fired}"))
        return fired

    def decide_answer(
        self, ticket: Ticket, parsed: ParsedEmail, recipient: str, category: str, *, email_id: int, known_sender: bool
    ) -> str | None:
        """Apply the EmailReply rules to a mail that is addressed to a ticket."""
        known = catalogue(RulesType.EMAIL_REPLY)
        variables = known.build_variables(ticket, parsed, recipient, category, sender_is_known=known_sender)
        return self._run(
            RulesType.EMAIL_REPLY,
            Facts(variables),
            lambda: known.build_actions(ticket, parsed, recipient, category, email_id=email_id, actor=self.actor),
            ticket=ticket,
            email_id=email_id,
        )

    def _run(
        self,
        rules_type: RulesType,
        facts: Facts,
        build_actions: Callable[[], Composite],
        *,
        email_id: int | None,
        report: Report | None = None,
        ticket: Ticket | None = None,
    ) -> str | None:
        if rules_type not in self._rules:
            self._rules[rules_type] = active_rules(rules_type)
        stored = self._rules[rules_type]
        decision, actions = run_rules([one.rule for one in stored], facts, build_actions)
        fired = next((one for one in stored if one.rule is decision.rule), None)
        self._decisions.append(
            BusinessRulesHistory(
                business_rules_id=fired.pk if fired else None,
                rule_version=fired.version if fired else None,
                rules_type=rules_type,
                report=report,
                ticket=report.ticket if report else ticket,
                defendant_id=report.defendant_id if report else ticket.defendant_id if ticket else None,
                service_id=report.service_id if report else ticket.service_id if ticket else None,
                email_id=email_id,
                trace={**decision.to_json(), "actions": [action.to_json() for action in actions]},
                date=timezone.now(),
            )
        )
        return fired.rule.name if fired else None

    def write(self) -> None:
        """Keep the decisions, and tag each report with the rule that decided on it."""
        if self._decisions:
            BusinessRulesHistory.objects.bulk_create(self._decisions, batch_size=500)
        names = sorted({name for _, name in self._tagged})
        if names:
            tags = _report_tags(names)
            through = Report.tags.through
            through.objects.bulk_create(
                [through(report_id=report, tag_id=tags[name]) for report, name in self._tagged],
                batch_size=1000,
                ignore_conflicts=True,
            )
        self._decisions, self._tagged = [], []


def _report_tags(names: list[str]) -> dict[str, int]:
    def read() -> dict[str, int]:
        return dict(Tag.filter(tag_type=Tag.Type.REPORT, codename__in=names).values_list("codename", "pk"))

    found = read()
    missing = [name for name in names if name not in found]
    if missing:
        Tag.objects.bulk_create(
            [Tag(codename=name, name=name[:255], tag_type=Tag.Type.REPORT) for name in missing], ignore_conflicts=True
        )
        found = read()
    return found
