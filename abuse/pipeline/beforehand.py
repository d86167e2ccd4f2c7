"""Asking other systems what the rules will want to know, before the transaction in which they decide."""

from __future__ import annotations

from collections.abc import Sequence

from abuse.config import Settings
from abuse.models import RulesType
from abuse.rules.beforehand import Answers, RevenueKey, ask_revenues
from abuse.rules.deciding import variables_of
from abuse.rules.store import active_rules
from abuse.services.crm import Match
from abuse.services.facade import facade

from .answers import received_of
from .reading import ReadMail
from .urls import look_at_urls

LONGEST_LOOK = 30.0
"""Seconds for the pages of one batch, if the lease of the mails leaves them."""


def ask_beforehand(mails: Sequence[ReadMail], settings: Settings) -> None:
    """Look at reported pages, and ask what customers pay if a rule wants to know; kept with the mails.

    :raises CRMServiceException: when the customer database cannot answer.
    """
    look_at_urls(mails, seconds=min(LONGEST_LOOK, settings.PIPELINE.lease_seconds / 2))
    keys = {mail.claim.email_id: _revenue_keys(mail) for mail in mails}
    if any(keys.values()) and _revenue_is_asked():
        known = ask_revenues(key for of_mail in keys.values() for key in of_mail)
        for mail in mails:
            mail.revenues = {key: known[key] for key in keys[mail.claim.email_id]}


def _revenue_keys(mail: ReadMail) -> list[RevenueKey]:
    return [
        (one.match.defendant.customer_id, one.match.service.name) for one in mail.accusations if one.match is not None
    ]


def _revenue_is_asked() -> bool:
    """Whether the customer database knows what customers pay, and an active rule asks."""
    if not facade("CRMServiceBase").overrides("get_customer_revenue"):
        return False
    return "defendant_revenue" in variables_of(one.rule for one in active_rules(RulesType.REPORT))


def answers_of(mails: Sequence[ReadMail]) -> Answers:
    """What was asked for these mails, as the rules read it."""
    owners: dict[int, Sequence[Match]] = {
        mail.claim.email_id: [one.match for one in mail.accusations if one.match is not None] for mail in mails
    }
    return Answers(
        {key: value for mail in mails for key, value in mail.revenues.items()},
        owners,
        {mail.claim.email_id: received_of(mail) for mail in mails},
    )
