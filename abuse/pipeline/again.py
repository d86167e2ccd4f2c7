"""Letting the Report rules decide once more on a stored report, on a person's word or because more is known now."""

from __future__ import annotations

from django.db import connection, transaction

from abuse.controllers import tickets
from abuse.controllers.together import written_together
from abuse.models import Report, User
from abuse.rules.apply import RulesRun

from .batch import accused_lock_key


def decide_again(report_id: int, *, actor: User, trusted: bool) -> str | None:
    """Apply the Report rules to a report; the rule that acted. `trusted`: whoever sent it, because a person vouches.

    :raises Report.DoesNotExist: when there is no such report.
    :raises RuleError, ActionError: when a variable or an action fails; nothing has changed then.
    """
    with transaction.atomic(), written_together():
        report = lock_for_decision(report_id)
        ticket = report.ticket if report.ticket is not None and report.ticket.is_open else None
        run = RulesRun(actor)
        fired = run.decide_report(report, None, ticket or tickets.open_ticket_of(report), trusted=trusted)
        run.write()
    return fired


def apply_again(
    name: str, report_id: int, *, actor: User, ignoring: frozenset[str] = frozenset(), trusted: bool
) -> bool:
    """Apply one Report rule to a report, without its conditions on some variables; whether it acted.

    So `phishing_up` acts on what a person has seen: ignoring `urls_down` and `all_items_phishing`.

    :raises Report.DoesNotExist: when there is no such report.
    :raises RuleError, ActionError: when a variable or an action fails; nothing has changed then.
    """
    with transaction.atomic(), written_together():
        report = lock_for_decision(report_id)
        ticket = report.ticket if report.ticket is not None and report.ticket.is_open else None
        run = RulesRun(actor)
        fired = run.apply_rule(
            name, report, ticket or tickets.open_ticket_of(report), trusted=trusted, ignoring=ignoring
        )
        run.write()
    return fired


def lock_for_decision(report_id: int) -> Report:
    """A report with all that rules ask at hand, locked as the working off of mails locks: first whom it accuses.

    :raises Report.DoesNotExist: when there is no such report.
    """
    accused = Report.filter(pk=report_id).values_list("defendant__customer_id", "service__key").first()
    if accused is not None and all(accused):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [accused_lock_key(str(accused[0]), str(accused[1]))])
    return (
        Report.objects.select_for_update(of=("self",))
        .select_related("provider", "category", "defendant__details", "service", "ticket__defendant__details")
        .prefetch_related("items", "provider__tags")
        .get(pk=report_id)
    )
