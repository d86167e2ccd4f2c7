"""`python -m bench.replay`: how long a rule takes to be tried on stored reports."""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .__main__ import ROOT, _at_least, _remove
from .desk import create_tables, use_directory

RULE = """\
name: candidate
rulesType: Report
orderId: 95
config:
  conditions:
    all:
    - {name: has_defendant, operator: is_true}
    - {name: report_category, operator: equal_to, value: spam}
    - {name: defendant_country, operator: shares_at_least_one_element_with, value: [FR, DE]}
    - {name: report_count, operator: greater_than, value: 3}
    - {name: report_subject, operator: matches_regex, value: '(?i)spam [0-9]*7'}
  actions:
  - name: create_ticket
  - {name: set_ticket_priority, params: {priority: High}}
"""
CUSTOMERS, REPORTERS = 2_000, 300


def main() -> int:
    """Fill a database of its own, try a rule on all of it, print figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.replay", description=__doc__)
    parser.add_argument("--reports", type=_at_least(1000), default=100_000, metavar="N", help="stored reports (100000)")
    arguments = parser.parse_args()
    base = ROOT / "var"
    base.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    try:
        use_directory(directory)
        from abuse.bootstrap import set_up

        set_up()
        create_tables()
        fill(arguments.reports)
        return measure(arguments.reports)
    finally:
        _remove(directory)


def measure(count: int) -> int:
    """Try the rule, and say how long it took."""
    from django.utils import timezone

    from abuse.rules.replay import replay
    from abuse.rules.store import check_rule

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    result = replay(check_rule(RULE), since=timezone.now() - timedelta(days=31))
    used = time.process_time() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{result.reports} of {count} reports in {result.seconds:.1f} s ({used:.1f} s of CPU), {grown:.0f} MB more")
    print(f"{result.matches} match, {result.decides} decided, {result.changed} changed: {dict(result.changes)}")
    print(f"not as then: {result.not_as_then()}")
    print(f"{result.differs_from_record} differ from what was recorded; undecidable: {dict(result.undecidable)}")
    return 0 if result.reports == count else 1


def fill(count: int) -> None:
    """Reports of a month with items, and the decisions on them, as many rows at a time as are written quickly."""
    from abuse.models import (
        BusinessRules,
        BusinessRulesHistory,
        Category,
        Defendant,
        DefendantRevision,
        Provider,
        Report,
        ReportItem,
        Service,
    )
    from abuse.models.fields import as_network

    chance = random.Random(7)
    now = datetime.now(UTC)
    Provider.objects.bulk_create(
        [Provider(email=f"r{number}@reporter.example", trusted=number % 10 == 0) for number in range(REPORTERS)]
    )
    defendants = Defendant.objects.bulk_create([Defendant(customer_id=f"c{number}") for number in range(CUSTOMERS)])
    revisions = DefendantRevision.objects.bulk_create(
        [
            DefendantRevision(
                defendant=one, digest=f"{one.pk:064}", email=f"{one.customer_id}@customer.example",
                creation_date=now - timedelta(days=900), country=chance.choice(["FR", "DE", "PL"]),
            )
            for one in defendants
        ]
    )  # fmt: skip
    for one, revision in zip(defendants, revisions, strict=True):
        one.details = revision
    Defendant.objects.bulk_update(defendants, ["details"], batch_size=500)
    services = Service.objects.bulk_create(
        [Service(key=f"{number:064}", name=f"vps-{number}", component_type="vps") for number in range(CUSTOMERS)]
    )
    rules = {rule.name: rule for rule in BusinessRules.all()}
    categories = list(Category.all().values_list("name", flat=True))
    body = "We received spam from your network. " * 40
    for start in range(0, count, 5_000):
        reports, facts = [], []
        for number in range(start, min(start + 5_000, count)):
            which = chance.randrange(CUSTOMERS) if number % 5 else None
            provider = chance.randrange(REPORTERS)
            reports.append(
                Report(
                    body=body, subject=f"Spam {number}", provider_id=f"r{provider}@reporter.example",
                    category_id=chance.choice(categories), filename=f"{number:064}", created_at=now,
                    received_date=now - timedelta(days=30 * (1 - number / count)),
                    defendant=defendants[which] if which is not None else None,
                    service=services[which] if which is not None else None,
                )
            )  # fmt: skip
            facts.append(decided(reports[-1], trusted=provider % 10 == 0))
        Report.objects.bulk_create(reports)
        ReportItem.objects.bulk_create(
            [
                ReportItem(
                    report=report, item_type=kind, raw_item=raw, date=now,
                    network=as_network("203.0.113.5/32") if kind == "IP" else None,
                )
                for report in reports
                for kind, raw in (("IP", "203.0.113.5"), ("URL", "http://c.example/x"))
            ]
        )  # fmt: skip
        BusinessRulesHistory.objects.bulk_create(
            [
                BusinessRulesHistory(
                    business_rules=rules.get(trace["rule"]), rules_type="Report", report=report, date=now, trace=trace,
                    defendant=report.defendant, service=report.service,
                )
                for report, trace in zip(reports, facts, strict=True)
            ]
        )  # fmt: skip
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def decided(report: Any, *, trusted: bool) -> dict[str, Any]:
    """The trace of a decision by the shipped rules, as it is kept."""
    has_defendant = report.defendant is not None
    phishing = report.category_id == "Phishing"
    facts: dict[str, Any] = {"has_defendant": has_defendant}
    facts |= {"is_report_trusted": trusted, "autoarchive": False} if not has_defendant else {"autoarchive": False}
    if not has_defendant:
        rule = "to_validate" if trusted else "default_no_defendant"
    else:
        facts |= {"report_category": report.category_id.lower(), "is_report_trusted": trusted}
        if phishing:
            facts |= {"has_urls": True, "urls_down": False, "avoid_phishtocheck": False}
            if trusted:
                facts["all_items_phishing"] = False
        if phishing:
            rule = "phishing_phishtocheck"
        else:
            facts |= {"attach_if_exists": False}
            if trusted:
                rule = "default_defendant_trusted"
                if report.category_id == "Copyright":
                    facts["provider_tags"] = []
            else:
                facts |= {"has_ticket": False, "report_ticket_threshold": False}
                rule = "default_defendant_not_trusted_no_ticket"
    because = {"path": "config.conditions.all[1]", "name": "is_report_trusted", "operator": "is_true", "actual": False}
    return {
        "rule": rule,
        "rules": [{"rule": f"rule {number}", "matched": False, "because": because} for number in range(10)],
        "facts": [{"name": name, "value": value, "milliseconds": 0.01} for name, value in facts.items()],
        "actions": [{"name": "do_nothing"}],
    }


if __name__ == "__main__":
    sys.exit(main())
