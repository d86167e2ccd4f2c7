"""How often a rule's actions may run before a person has to decide: a mistake in a rule then stops by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from abuse.controllers import moves, reports
from abuse.controllers.history import record
from abuse.models import Defendant, History, Report, ReportStatus, RuleActionUse, Ticket, TicketStatus, User

from .engine.jsonable import Json
from .engine.tree import ActionCall, Limit
from .store import StoredRule

_LOCKS = 0x43415053
"""The first half of the advisory locks of capped rules; the second is the rule's id."""
_DAY = timedelta(days=1)

_COUNT = """
SELECT count(*) FILTER (WHERE date > %(hour)s), count(*),
       count(*) FILTER (WHERE defendant_id IS NOT DISTINCT FROM %(defendant)s)
FROM abuse_ruleactionuse WHERE business_rules_id = %(rule)s AND action = %(action)s AND date > %(day)s
"""


@dataclass(frozen=True, slots=True)
class CapReached:
    """An action that was not run: it has run `used` times in the period already, and may run `limit` times."""

    action: str
    period: str
    limit: int
    used: int

    def to_json(self) -> dict[str, Json]:
        return {"action": self.action, "period": self.period, "limit": self.limit, "used": self.used}

    def __str__(self) -> str:
        period = {"hour": "an hour", "day": "a day", "customer_day": "a day for one customer"}[self.period]
        return f"{self.action} has run {self.used} times, and may run {self.limit} times in {period}"


def exceeded(action: str, limit: Limit, *, hour: int, day: int, customer_day: int) -> CapReached | None:
    """The first cap that one more run would break, given how often the action has run in each period."""
    for period, most, used in (
        ("hour", limit.hour, hour),
        ("day", limit.day, day),
        ("customer_day", limit.customer_day, customer_day),
    ):
        if most is not None and used >= most:
            return CapReached(action, period, most, used)
    return None


def lock_caps(rules: Iterable[StoredRule]) -> None:
    """Let only this transaction count uses of capped rules, until its end: no two workers can both take the last one.

    All capped rules are locked at once in ascending order, so that nobody holds one and waits for another.
    """
    capped = sorted(one.pk for one in rules if one.rule.limits and not one.rule.is_shadow)
    if capped:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, key) FROM unnest(%s::int[]) AS key", [_LOCKS, capped])


@dataclass(slots=True)
class Gate:
    """What stands before the actions of one rule on one report or answer. `reached`: where it stopped them."""

    stored: StoredRule
    defendant: Defendant | None
    report: Report | None
    reached: CapReached | None = field(default=None)

    def may_run(self, call: ActionCall) -> bool:
        """Whether an action may run; if so the run is counted. The caps must be locked (`lock_caps`)."""
        name = call.action.name
        limit = self.stored.rule.limits.get(name)
        if limit is None:
            return True
        now = timezone.now()
        with connection.cursor() as cursor:
            cursor.execute(
                _COUNT,
                {
                    "rule": self.stored.pk,
                    "action": name,
                    "hour": now - timedelta(hours=1),
                    "day": now - _DAY,
                    "defendant": self.defendant.pk if self.defendant else None,
                },
            )
            hour, day, customer_day = cursor.fetchone()
        self.reached = exceeded(name, limit, hour=hour, day=day, customer_day=customer_day)
        if self.reached is None:
            RuleActionUse.create(
                business_rules_id=self.stored.pk, action=name, defendant=self.defendant, report=self.report, date=now
            )
        return self.reached is None


def hand_to_person(
    reached: CapReached, rule: str, *, report: Report | None, ticket: Ticket | None, actor: User
) -> None:
    """Let a person decide where a cap stopped a rule: the ticket becomes an alarm, a report without is to be validated.

    What is closed or was decided by a person already stays where it is; history says what was not done.
    """
    reason = f"rule {rule}: {reached}"
    if ticket is not None and ticket.status not in {TicketStatus.ALARM, TicketStatus.CLOSED}:
        moves.set_status(ticket, TicketStatus.ALARM, actor=actor)
    elif ticket is None and report is not None and report.status == ReportStatus.NEW:
        reports.set_status(report, ReportStatus.TO_VALIDATE, actor=actor, reason=reason)
    record(
        History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, report=report, field="rule_limit", new=reached.action,
        rule=rule, period=reached.period, limit=reached.limit, used=reached.used, reason=reason,
    )  # fmt: skip
