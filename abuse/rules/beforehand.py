"""What was asked of other systems before the transaction began: within one, rules ask nobody over the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from abuse.services.crm import CRMService, Match

RevenueKey = tuple[str, str | None]
"""Customer id, and the name of the service."""


@dataclass(frozen=True, slots=True)
class Answers:
    """`revenues`: what customers pay. `owners`: whose the things are that a mail names, by the mail's id."""

    revenues: Mapping[RevenueKey, float] = field(default_factory=dict)
    owners: Mapping[int, Sequence[Match]] = field(default_factory=dict)


_answers: ContextVar[Answers | None] = ContextVar("answers", default=None)


@contextmanager
def asked_beforehand(answers: Answers) -> Iterator[None]:
    """Within the block the rules find these answers without asking anybody."""
    token = _answers.set(answers)
    try:
        yield
    finally:
        _answers.reset(token)


def ask_revenues(keys: Iterable[RevenueKey]) -> dict[RevenueKey, float]:
    """Ask the CRM for each customer and service once.

    :raises CRMServiceException: when it cannot answer.
    """
    return {key: float(CRMService.get_customer_revenue(key[0], service=key[1])) for key in dict.fromkeys(keys)}


def revenue_of(customer_id: str, service: str | None) -> float:
    """What a customer pays for a service, as asked before; asked now where nobody has."""
    key = (customer_id, service)
    known = _answers.get()
    if known is not None and key in known.revenues:
        return known.revenues[key]
    return ask_revenues([key])[key]


def owners_in(email_id: int | None) -> Sequence[Match] | None:
    """Whose the things are that a mail names, each customer's service once; None when nobody has asked."""
    known = _answers.get()
    return known.owners.get(email_id) if known is not None and email_id is not None else None
