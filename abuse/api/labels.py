"""The words that there are for statuses and priorities."""

from __future__ import annotations

from apiflask import APIBlueprint
from pydantic import RootModel

from abuse.models import Priority, ReportStatus, TicketStatus
from abuse.policies import Right

from .access import needs
from .answers import Answer
from .bodies import not_found

blueprint = APIBlueprint("labels", __name__, url_prefix="/api", tag="Lists of words")

_STATUSES = {"ticket": tuple(TicketStatus.values), "report": tuple(ReportStatus.values)}
_RATED = frozenset({"ticket", "provider"})


class Label(Answer):
    label: str


class Labels(RootModel[list[Label]]):
    """Words."""

    @classmethod
    def of(cls, words: tuple[str, ...] | list[str]) -> Labels:
        return cls([Label(label=word) for word in words])


@blueprint.get("/status")
@needs(Right.LOOK)
@blueprint.output(Labels, example=[{"label": "Open"}])
def list_all_statuses() -> Labels:
    """List the statuses of tickets and reports"""
    return Labels.of(tuple(dict.fromkeys(_STATUSES["ticket"] + _STATUSES["report"])))


@blueprint.get("/status/<model>")
@needs(Right.LOOK)
@blueprint.output(Labels, example=[{"label": "Open"}])
def list_statuses(model: str) -> Labels:
    """List the statuses of tickets, or of reports

    `model`: Ticket or Report.
    """
    if model.lower() not in _STATUSES:
        raise not_found("list of statuses of", model)
    return Labels.of(_STATUSES[model.lower()])


@blueprint.get("/priorities/<model>")
@needs(Right.LOOK)
@blueprint.output(Labels, example=[{"label": "Low"}, {"label": "Normal"}])
def list_priorities(model: str) -> Labels:
    """List the priorities of tickets, or of reporters

    `model`: ticket or provider. The least urgent first.
    """
    if model.lower() not in _RATED:
        raise not_found("list of priorities of", model)
    return Labels.of(Priority.values)
