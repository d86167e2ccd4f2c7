"""What all bodies that are sent to the API have in common."""

from __future__ import annotations

import re
from typing import Annotated, Any

from apiflask import HTTPError
from flask import request
from pydantic import BeforeValidator, ConfigDict, Field

from .answers import Answer
from .conditions import MAX_ID

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
_DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)


def typed(value: object) -> object:
    """A whole number that came as its digits; else what came."""
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value


Whole = Annotated[
    int,
    BeforeValidator(typed, json_schema_input_type=int | Annotated[str, Field(pattern="^[0-9]{1,15}$")]),
    Field(description="A whole number, also as text: the older client sends what was typed into a field."),
]
MESSAGE = {"message": "Done"}
"""The example of an answer that says that something was done."""
LARGE_BODY_BYTES = 32 * 1024 * 1024


class Order(Answer):
    """A JSON object from a client, with these fields and no others. Nothing is taken for what it is not."""

    model_config = ConfigDict(strict=True, frozen=True)


class Body(Order):
    """A JSON object from a client. What it holds besides the fields is passed over: clients send whole objects back."""

    model_config = ConfigDict(extra="ignore")

    def given(self) -> dict[str, Any]:
        """The fields that the client sent, by their Python names."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def allow_large_body() -> None:
    """Before a request whose body may hold a whole mail: clients send back what they were given."""
    request.max_content_length = LARGE_BODY_BYTES


def not_found(what: str, identifier: object) -> HTTPError:
    """The error for something that is not there, or not there for the caller."""
    return HTTPError(404, f"There is no {what} {str(identifier)[:100]}")
