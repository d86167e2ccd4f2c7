"""The same change to many tickets: each is done or refused by itself, and the answer says which and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import ObjectDoesNotExist

from abuse.models import MoveRefused, Ticket, User
from abuse.models.questions import sight_of
from abuse.services.facade import ServiceError

from . import ownership
from .editing import Refused

MAX_TICKETS = 1000


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one ticket: done, or refused and why."""

    ticket_id: int
    done: bool
    reason: str = ""


@transaction.atomic
def change_many(ticket_ids: Sequence[int], change: Callable[[Ticket], object], *, actor: User) -> list[BulkResult]:
    """Make one change to each of some tickets; the results in the order asked for.

    Each ticket has a savepoint of its own: one that is refused leaves no trace of the attempt, and the others are done.
    A ticket that was nobody's becomes the actor's, as if he had opened it. A fault that is no refusal undoes all.

    :raises Refused: for more than MAX_TICKETS.
    """
    wanted = list(dict.fromkeys(ticket_ids))
    if len(wanted) > MAX_TICKETS:
        raise Refused(f"tickets: {len(wanted)}; expected {MAX_TICKETS} at most")
    seen = {ticket.pk: ticket for ticket in sight_of(actor).tickets().filter(pk__in=wanted)}
    results: dict[int, BulkResult] = {}
    for pk in sorted(wanted):  # everybody locks tickets in this order
        ticket = seen.get(pk)
        results[pk] = (
            BulkResult(pk, done=False, reason=f"there is no ticket {pk} that {actor} may see")
            if ticket is None
            else _change_one(ticket, change, actor)
        )
    return [results[pk] for pk in wanted]


def _change_one(ticket: Ticket, change: Callable[[Ticket], object], actor: User) -> BulkResult:
    try:
        with transaction.atomic():
            change(ticket)
            ownership.take_on_opening(ticket, actor=actor)
    except (Refused, MoveRefused, ServiceError, ObjectDoesNotExist) as error:
        return BulkResult(ticket.pk, done=False, reason=str(error))
    except IntegrityError as error:
        return BulkResult(ticket.pk, done=False, reason=f"the database refused it: {str(error).splitlines()[0]}")
    return BulkResult(ticket.pk, done=True)
