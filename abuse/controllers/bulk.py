"""The same change to many tickets or reports: each is done or refused by itself, and the answer says which and why."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db import IntegrityError, transaction
from django.db.models import ObjectDoesNotExist

from abuse.models import MoveRefused, Report, Ticket, User
from abuse.models.questions import sight_of
from abuse.services.facade import ServiceError

from . import ownership
from .editing import Refused

log = logging.getLogger(__name__)

MAX_TICKETS = 1000
MAX_REPORTS = 1000
_REFUSALS = {
    "one_open_ticket": "another ticket of the customer about the same category and service is open; expected it to be "
    "merged or closed first",
}
Thing = TypeVar("Thing", Ticket, Report)


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one ticket or report: done, or refused and why."""

    pk: int
    done: bool
    reason: str = ""


@transaction.atomic
def change_many(ticket_ids: Sequence[int], change: Callable[[Ticket], object], *, actor: User) -> list[BulkResult]:
    """Make one change to each of some tickets; the results in the order asked for.

    Each ticket has a savepoint of its own: one that is refused leaves no trace of the attempt, and the others are done.
    A ticket that was nobody's becomes the actor's, as if he had opened it. A fault that is no refusal undoes all.

    :raises Refused: for more than MAX_TICKETS.
    """

    def change_and_take(ticket: Ticket) -> None:
        change(ticket)
        ownership.take_on_opening(ticket, actor=actor)

    wanted = _checked("tickets", ticket_ids, MAX_TICKETS)
    seen = {ticket.pk: ticket for ticket in sight_of(actor).tickets().filter(pk__in=wanted)}
    return _change_all("ticket", wanted, seen, change_and_take, actor)


@transaction.atomic
def change_many_reports(
    report_ids: Sequence[int], change: Callable[[Report], object], *, actor: User
) -> list[BulkResult]:
    """Make one change to each of some reports; the results in the order asked for. See `change_many`.

    :raises Refused: for more than MAX_REPORTS.
    """
    wanted = _checked("reports", report_ids, MAX_REPORTS)
    related = ("provider", "defendant__details", "service", "ticket")
    rows = sight_of(actor).reports().filter(pk__in=wanted).select_related(*related)
    return _change_all("report", wanted, {report.pk: report for report in rows}, change, actor)


def _checked(name: str, ids: Sequence[int], most: int) -> list[int]:
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > most:
        raise Refused(f"{name}: {len(wanted)}; expected {most} at most")
    return wanted


def _change_all(
    what: str, wanted: Sequence[int], seen: Mapping[int, Thing], change: Callable[[Thing], object], actor: User
) -> list[BulkResult]:
    results: dict[int, BulkResult] = {}
    for pk in sorted(wanted):  # everybody locks in this order
        thing = seen.get(pk)
        results[pk] = (
            BulkResult(pk, done=False, reason=f"there is no {what} {pk} that {actor} may see")
            if thing is None
            else _change_one(thing, change)
        )
    return [results[pk] for pk in wanted]


def _sentence(error: IntegrityError) -> str:
    """What a constraint that refused a change means to people."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    return _REFUSALS.get(name or "", "it does not fit what else is there; change it alone to see why")


def _change_one(thing: Thing, change: Callable[[Thing], object]) -> BulkResult:
    try:
        with transaction.atomic():
            change(thing)
    except (Refused, MoveRefused, ServiceError, ObjectDoesNotExist) as error:
        return BulkResult(thing.pk, done=False, reason=str(error))
    except IntegrityError as error:
        log.warning("%s was not changed with others", thing, exc_info=error)
        return BulkResult(thing.pk, done=False, reason=_sentence(error))
    return BulkResult(thing.pk, done=True)
