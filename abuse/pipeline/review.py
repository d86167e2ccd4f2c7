"""What a person decides about a report that waits for him, and the rules that then act on his word.

The controllers say what may be done and write it; the rules are told from here, since controllers know no rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from django.db import transaction
from django.utils import timezone

from abuse.controllers import lookups, phishing, validation
from abuse.controllers.editing import Refused
from abuse.controllers.history import record
from abuse.controllers.searching import note_reports
from abuse.models import History, Report, ReportItem, ReportStatus, User
from abuse.parsers import hosts
from abuse.rules.apply import RulesRun

from . import again

CONFIRMED_PHISHING = "phishing_up"
"""The Report rule for pages that a person has seen; what he has seen is not asked of machines again."""
SEEN_BY_A_PERSON = frozenset({"urls_down", "all_items_phishing"})


def validate(report_id: int, *, actor: User) -> str:
    """A person vouches for a report that waits for validation; the rule that acted, or `invalid`.

    :raises Report.DoesNotExist: when there is no such report.
    :raises Refused: see `validation.validate`; nothing has changed then.
    """

    def decide(report: Report) -> str | None:
        return again.decide_again(report.pk, actor=actor, trusted=True)

    return validation.validate(Report.get(pk=report_id), actor=actor, decide=decide)


def review_phishing(report_id: int, verdicts: Sequence[phishing.Verdict], *, actor: User) -> ReportStatus:
    """A person looked at the reported pages; what the report is now.

    :raises Report.DoesNotExist: when there is no such report.
    :raises Refused: see `phishing.give_feedback`; nothing has changed then.
    """

    def decide(report: Report) -> str | None:
        acted = again.apply_again(CONFIRMED_PHISHING, report.pk, actor=actor, ignoring=SEEN_BY_A_PERSON, trusted=True)
        return CONFIRMED_PHISHING if acted else None

    return phishing.give_feedback(Report.get(pk=report_id), verdicts, actor=actor, decide=decide)


@transaction.atomic
def ask_content_network(
    report_id: int, domain: str, addresses: Sequence[IPv4Address | IPv6Address], *, actor: User
) -> str:
    """Have the network that serves a reported domain asked whose it is; the rule that acted.

    `addresses`: what the domain resolves to, looked up before.

    :raises Report.DoesNotExist: when there is no such report.
    :raises Refused: for a report that does not wait for validation, a domain that is none or does not resolve, or one
        that no network we know serves; nothing has changed then.
    """
    report = Report.get(pk=report_id)
    validation.lock(report)
    if report.status != ReportStatus.TO_VALIDATE:
        raise Refused(f"{report} is {report.status}; expected {ReportStatus.TO_VALIDATE}")
    host = hosts.name(domain)
    if host is None:
        raise Refused(f"domainToRequest: {domain[:100]!r}; expected a domain name")
    if not addresses:
        raise Refused(f"domainToRequest: {host} does not resolve")
    if not ReportItem.filter(report=report, raw_item=host).exists():
        ReportItem.create(
            report=report, item_type=ReportItem.Type.FQDN, raw_item=host, fqdn=host[:255], original=domain[:4000],
            place="given by hand", date=timezone.now(),
        )  # fmt: skip
        note_reports([report.pk])
        lookups.ask_soon([report.pk])
        record(History.Type.ADD_ITEM, actor=actor, report=report, new=host)
    run = RulesRun(actor)
    fired = run.decide_cdn_request(report, host, addresses)
    if fired is None:
        raise Refused(f"domainToRequest: no rule says whom to ask about {host}")
    run.write()
    return fired
