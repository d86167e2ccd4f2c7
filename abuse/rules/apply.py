"""Letting the rules decide, and keeping why."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from abuse.models import BusinessRulesHistory, Report, RulesType, Tag, Ticket, User
from abuse.models.inserting import insert_all
from abuse.parsers.values import ParsedEmail

from .caps import Gate, hand_to_person, lock_caps
from .catalogues import catalogue
from .deciding import Verdict, decide, variables_of, without
from .engine.catalogue import Composite
from .engine.evaluate import Decision, evaluate
from .engine.facts import Facts
from .engine.jsonable import Json
from .engine.run import run_actions
from .networks import Address
from .store import StoredRule, active_rules

_ASK_DECISIONS = frozenset({"rule_applied", "has_defendant_answers"})
"""Variables that look at decisions: those of this transaction must be written before they are asked."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is decided on: a report, or a ticket to which somebody wrote."""

    report: Report | None
    ticket: Ticket | None
    email_id: int | None

    def present_ticket(self) -> Ticket | None:
        """The ticket as it is after the actions."""
        return self.report.ticket if self.report is not None else self.ticket


@dataclass(slots=True)
class RulesRun:
    """The active rules, read once for several decisions, and the decisions until `write` keeps them.

    All inside one transaction: a decision whose effects were rolled back leaves no trace either.
    """

    actor: User
    _rules: dict[str, Sequence[StoredRule]] = field(default_factory=dict)
    _decisions: list[BusinessRulesHistory] = field(default_factory=list)
    _tagged: list[tuple[int, str]] = field(default_factory=list)
    _caps_locked: set[str] = field(default_factory=set)
    _asks_decisions: bool = False

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
        stored = self._active(RulesType.REPORT)
        if self._asks_decisions:
            self._write_decisions()
        facts = Facts(known.build_variables(parsed, report, ticket, is_trusted=trusted))
        verdict = decide([one.rule for one in stored], facts, transaction.atomic)
        return self._act(
            verdict,
            stored,
            lambda: known.build_actions(report, ticket, lang, actor=self.actor),
            RulesType.REPORT,
            _Subject(report, None, report.email_id),
        )

    def apply_rule(
        self,
        name: str,
        report: Report,
        ticket: Ticket | None,
        *,
        trusted: bool = False,
        ignoring: frozenset[str] = frozenset(),
        lang: str = "EN",
    ) -> bool:
        """Apply one active Report rule alone, without its conditions on some variables; whether it acted.

        So a person's word takes the place of a condition: that a page is phishing, say.
        """
        known = catalogue(RulesType.REPORT)
        stored = [one for one in self._active(RulesType.REPORT) if one.rule.name == name and not one.rule.is_shadow]
        if not stored:
            return False
        rule = stored[0].rule
        conditions = without(rule.conditions, ignoring)
        facts = Facts(known.build_variables(None, report, ticket, is_trusted=trusted))
        outcomes = () if conditions is None else (evaluate(dataclasses.replace(rule, conditions=conditions), facts),)
        holds = all(outcome.matched for outcome in outcomes)
        verdict = Verdict(Decision(rule if holds else None, outcomes, facts.recorded()), ())
        fired = self._act(
            verdict,
            stored,
            lambda: known.build_actions(report, ticket, lang, actor=self.actor),
            RulesType.REPORT,
            _Subject(report, None, report.email_id),
        )
        return fired is not None

    def decide_answer(
        self, ticket: Ticket, parsed: ParsedEmail, recipient: str, category: str, *, email_id: int, known_sender: bool
    ) -> str | None:
        """Apply the EmailReply rules to a mail that is addressed to a ticket."""
        known = catalogue(RulesType.EMAIL_REPLY)
        stored = self._active(RulesType.EMAIL_REPLY)
        facts = Facts(known.build_variables(ticket, parsed, recipient, category, sender_is_known=known_sender))
        return self._act(
            decide([one.rule for one in stored], facts, transaction.atomic),
            stored,
            lambda: known.build_actions(ticket, parsed, recipient, category, email_id=email_id, actor=self.actor),
            RulesType.EMAIL_REPLY,
            _Subject(None, ticket, email_id),
        )

    def decide_cdn_request(self, report: Report, domain: str, addresses: Sequence[Address]) -> str | None:
        """Apply the CDNRequest rules to a domain of a report. `addresses`: what it resolves to, looked up before."""
        known = catalogue(RulesType.CDN_REQUEST)
        stored = self._active(RulesType.CDN_REQUEST)
        facts = Facts(known.build_variables(domain.lower(), addresses))
        return self._act(
            decide([one.rule for one in stored], facts, transaction.atomic),
            stored,
            lambda: known.build_actions(report, domain.lower(), actor=self.actor),
            RulesType.CDN_REQUEST,
            _Subject(report, None, report.email_id),
        )

    def _active(self, rules_type: RulesType) -> Sequence[StoredRule]:
        if rules_type not in self._rules:
            self._rules[rules_type] = active_rules(rules_type)
            asked = variables_of(one.rule for one in self._rules[rules_type])
            self._asks_decisions = self._asks_decisions or bool(asked & _ASK_DECISIONS)
        return self._rules[rules_type]

    def _act(
        self,
        verdict: Verdict,
        stored: Sequence[StoredRule],
        build_actions: Callable[[], Composite],
        rules_type: RulesType,
        subject: _Subject,
    ) -> str | None:
        by_rule = {id(one.rule): one for one in stored}
        for shadow in verdict.shadows:
            self._keep(by_rule[id(shadow.rule)], rules_type, subject, shadow.to_json(), is_shadow=True)
        rule = verdict.decision.rule
        trace = verdict.decision.to_json()
        fired = by_rule[id(rule)] if rule is not None else None
        trace["actions"] = self._run_actions(fired, stored, build_actions, rules_type, subject, trace) if fired else []
        self._keep(fired, rules_type, subject, trace, is_shadow=False)
        if fired is None:
            return None
        if rules_type == RulesType.REPORT and subject.report is not None:
            self._tagged.append((subject.report.pk, f"report:{fired.rule.name}"))
        return fired.rule.name

    def _run_actions(
        self,
        fired: StoredRule,
        stored: Sequence[StoredRule],
        build_actions: Callable[[], Composite],
        rules_type: RulesType,
        subject: _Subject,
        trace: dict[str, Json],
    ) -> list[Json]:
        """Run the rule's actions up to a cap that is reached; there a person takes over."""
        if not fired.rule.limits:
            return [action.to_json() for action in run_actions(fired.rule, build_actions())]
        if rules_type not in self._caps_locked:
            lock_caps(stored)
            self._caps_locked.add(rules_type)
        owner = subject.report.defendant if subject.report else subject.ticket.defendant if subject.ticket else None
        gate = Gate(fired, owner, subject.report)
        done = run_actions(fired.rule, build_actions(), gate.may_run)
        if gate.reached is not None:
            trace["limit"] = gate.reached.to_json()
            hand_to_person(
                gate.reached,
                fired.rule.name,
                report=subject.report,
                ticket=subject.present_ticket(),
                actor=self.actor,
            )
        return [action.to_json() for action in done]

    def _keep(
        self,
        stored: StoredRule | None,
        rules_type: RulesType,
        subject: _Subject,
        trace: dict[str, Json],
        *,
        is_shadow: bool,
    ) -> None:
        about = subject.report or subject.ticket
        self._decisions.append(
            BusinessRulesHistory(
                business_rules_id=stored.pk if stored else None,
                rule_version=stored.version if stored else None,
                rules_type=rules_type,
                report=subject.report,
                ticket=subject.present_ticket(),
                defendant_id=about.defendant_id if about else None,
                service_id=about.service_id if about else None,
                email_id=subject.email_id,
                trace=trace,
                is_shadow=is_shadow,
                date=timezone.now(),
            )
        )

    def write(self) -> None:
        """Keep the decisions, and tag each report with the rule that decided on it."""
        self._write_decisions()
        names = sorted({name for _, name in self._tagged})
        if names:
            tags = _report_tags(names)
            through = Report.tags.through
            insert_all(
                [through(report_id=report, tag_id=tags[name]) for report, name in self._tagged], ignore_conflicts=True
            )
        self._tagged = []

    def _write_decisions(self) -> None:
        if self._decisions:
            insert_all(self._decisions, at_once=500)
        self._decisions = []


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
