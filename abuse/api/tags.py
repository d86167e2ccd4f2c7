"""Tags: the labels that there are."""

from __future__ import annotations

from apiflask import APIBlueprint
from pydantic import BaseModel, ConfigDict, Field, RootModel

from abuse.controllers import catalogue_rows
from abuse.models import Tag
from abuse.policies import Right

from . import examples
from .access import needs
from .answers import Message
from .bodies import MESSAGE, Body, Whole
from .filters import Text
from .labels import Labels
from .objects import child
from .parties_schemas import TagAnswer, tags_of

blueprint = APIBlueprint("tags", __name__, url_prefix="/api/tags", tag="Tags")


class TagAnswers(RootModel[list[TagAnswer]]):
    """Tags, by kind and name."""


class OfKind(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    tag_type: Text | None = Field(default=None, alias="tagType")


class TagText(Body):
    name: Text = Field(max_length=255)
    tag_type: Text | None = Field(default=None, description=", ".join(Tag.Type.values))
    level: Whole | None = Field(default=None, description="Sorts the queue of tickets to do: higher comes first.")


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.input(OfKind, location="query")
@blueprint.output(TagAnswers, example=[examples.TAG])
def list_tags(query_data: OfKind) -> TagAnswers:
    """List the tags, of one kind or of all"""
    rows = Tag.filter(tag_type=query_data.tag_type) if query_data.tag_type else Tag.all()
    return TagAnswers(tags_of(rows))


@blueprint.get("/types")
@needs(Right.LOOK)
@blueprint.output(Labels, example=[{"label": "Ticket"}])
def list_tag_types() -> Labels:
    """List the kinds of tags"""
    return Labels.of(Tag.Type.values)


@blueprint.get("/<int:tag_id>")
@needs(Right.LOOK)
@blueprint.output(TagAnswer, example=examples.TAG)
def show_tag(tag_id: int) -> TagAnswer:
    """Show a tag"""
    return TagAnswer.of(child(Tag.all(), "tag", tag_id))


@blueprint.post("")
@needs(Right.ADMINISTER)
@blueprint.input(TagText, example={"name": "fraud", "tagType": "Ticket", "level": 0})
@blueprint.output(TagAnswer, example=examples.TAG)
def create_tag(json_data: TagText) -> TagAnswer:
    """Make a tag"""
    return TagAnswer.of(catalogue_rows.save_tag(json_data.name, json_data.tag_type or "", json_data.level or 0))


@blueprint.put("/<int:tag_id>")
@needs(Right.ADMINISTER)
@blueprint.input(TagText, example={"name": "fraud", "level": 5})
@blueprint.output(TagAnswer, example=examples.TAG)
def update_tag(tag_id: int, json_data: TagText) -> TagAnswer:
    """Rename a tag, or give it another level"""
    tag = child(Tag.all(), "tag", tag_id)
    level = tag.level if json_data.level is None else json_data.level
    return TagAnswer.of(catalogue_rows.save_tag(json_data.name, json_data.tag_type or tag.tag_type, level, tag))


@blueprint.delete("/<int:tag_id>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example=MESSAGE)
def delete_tag(tag_id: int) -> Message:
    """Take a tag away, from everything that has it"""
    catalogue_rows.delete_tag(child(Tag.all(), "tag", tag_id))
    return Message(message="Tag deleted")
