"""Tags that clients put on things: named by id, else by name, within the kind that fits."""

from __future__ import annotations

from apiflask import HTTPError
from pydantic import ConfigDict, Field, model_validator

from abuse.models import Tag

from .bodies import Body, Id
from .filters import Text

TAG_EXAMPLE = {"id": 7, "name": "phishing:autoclosed", "tagType": "Ticket", "level": 0}


class TagReference(Body):
    """A tag. The whole tag may be sent: what is not said here is passed over."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["id"], "properties": {"id": {"type": "integer"}}},
                {"required": ["name"], "properties": {"name": {"type": "string"}}},
            ]
        }
    )

    id: Id | None = None
    name: Text | None = Field(default=None, max_length=255)

    @model_validator(mode="after")
    def _says_which(self) -> TagReference:
        if self.id is None and self.name is None:
            raise ValueError("expected an id or a name")
        return self


def tag_meant(reference: TagReference, tag_type: Tag.Type) -> Tag:
    """The tag of that kind, or an error for the caller."""
    which = {"pk": reference.id} if reference.id is not None else {"name": reference.name}
    tag = Tag.filter(tag_type=tag_type, **which).first()
    if tag is None:
        raise HTTPError(404, f"There is no {tag_type} tag {str(reference.id or reference.name)[:100]}")
    return tag
