"""What was asked of other systems before the transaction began: within one, rules ask nobody over the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from abuse.services.crm import CRMService, Match
from abuse.services.email import KeptFile

RevenueKey = tuple[str, str | None]
"""Customer id, and the name of the service."""


@dataclass(frozen=True, slots=True)
class Received:
    """What is known of a mail beside its parsed form: its files, and whether it is shown to be forged."""

    files: tuple[KeptFile, ...] = ()
    is_forged: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """`revenues`: what customers pay. `owners`: whose the things are that a mail names, by the mail's id.

    `received`: what else is known of a mail, by its id.
    """

    revenues: Mapping[RevenueKey, float] = field(default_factory=dict)
    owners: Mapping[int, Sequence[Match]] = field(default_factory=dict)
    received: Mapping[int, Received] = field(default_factory=dict)


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


def received_in(email_id: int) -> Received:
    """What is known of a mail beside its parsed form; nothing where nobody has said it."""
    known = _answers.get()
    return known.received.get(email_id, Received()) if known is not None else Received()
