"""The reasons for closing a ticket. Every change answers with all of them: the older client shows what it gets."""

from __future__ import annotations

from apiflask import APIBlueprint
from pydantic import RootModel

from abuse.controllers import resolutions
from abuse.models import Resolution
from abuse.policies import Right

from .access import needs
from .answers import Answer
from .bodies import Body
from .filters import Text
from .objects import child

blueprint = APIBlueprint("resolutions", __name__, url_prefix="/api/resolutions", tag="Resolutions")

_EXAMPLE = [{"id": 1, "codename": "fixed_by_customer"}]


class ResolutionAnswer(Answer):
    id: int
    codename: str


class ResolutionAnswers(RootModel[list[ResolutionAnswer]]):
    """All reasons, by codename."""


class ResolutionText(Body):
    codename: Text


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.output(ResolutionAnswers, example=_EXAMPLE)
def list_resolutions() -> ResolutionAnswers:
    """List the reasons for closing a ticket"""
    return _all()


@blueprint.post("")
@needs(Right.ADMINISTER)
@blueprint.input(ResolutionText, example={"codename": "fixed_by_customer"})
@blueprint.output(ResolutionAnswers, example=_EXAMPLE)
def create_resolution(json_data: ResolutionText) -> ResolutionAnswers:
    """Make a reason"""
    resolutions.save_resolution(json_data.codename)
    return _all()


@blueprint.put("/<int:resolution_id>")
@needs(Right.ADMINISTER)
@blueprint.input(ResolutionText, example={"id": 1, "codename": "fixed_by_customer"})
@blueprint.output(ResolutionAnswers, example=_EXAMPLE)
def update_resolution(resolution_id: int, json_data: ResolutionText) -> ResolutionAnswers:
    """Rename a reason"""
    resolutions.save_resolution(json_data.codename, child(Resolution.all(), "resolution", resolution_id))
    return _all()


@blueprint.delete("/<int:resolution_id>")
@needs(Right.ADMINISTER)
@blueprint.output(ResolutionAnswers, example=_EXAMPLE)
def delete_resolution(resolution_id: int) -> ResolutionAnswers:
    """Take a reason away for which no ticket was closed"""
    resolutions.delete_resolution(child(Resolution.all(), "resolution", resolution_id))
    return _all()


def _all() -> ResolutionAnswers:
    rows = Resolution.all().order_by("codename")
    return ResolutionAnswers([ResolutionAnswer(id=row.pk, codename=row.codename) for row in rows])
