"""What all answers of the API have in common: camelCase names at the edge, times in whole seconds since 1970."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Any, Literal

from flask import Response, jsonify
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


def _epoch(value: object) -> object:
    return int(value.timestamp()) if isinstance(value, datetime) else value


EpochSeconds = Annotated[int, BeforeValidator(_epoch), Field(description="Seconds since 1970-01-01 00:00 UTC.")]


class Answer(BaseModel):
    """A JSON object of the API; Python names here, camelCase in the JSON."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid")

    @classmethod
    def json_names(cls) -> tuple[str, ...]:
        """The names of its fields in the JSON."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())


NextPage = Annotated[
    str | None,
    Field(default=None, description="For `filters.paginate.cursor`: the page after this one, if there is one."),
]


IsExact = Annotated[
    Literal[False] | None,
    Field(default=None, description="False where there are more than the count says; else it is not there."),
]


class PagedLists(Answer):
    """An answer with cursors for the pages after it, as `next` or `…Next`: not there where there is no such page.

    Where a count stopped early, `…IsExact` is false; else that is not there either.
    """

    def model_dump(self, **options: Any) -> dict[str, Any]:
        return super().model_dump(**options, exclude=self._absent())

    def response(self) -> Response:
        """The same as an answer that is written at once, without the objects that `model_dump` makes."""
        text = self.model_dump_json(by_alias=True, exclude=self._absent())
        return Response(text, mimetype="application/json")

    def _absent(self) -> set[str]:
        names = type(self).model_fields
        return {name for name in names if name.endswith(("next", "exact")) and getattr(self, name) is None}


class Paged(PagedLists):
    """An answer with one list, and a cursor for the page after it."""

    next: NextPage


class Explanation(Answer):
    """Why something is where it is."""

    explanation: dict[str, Any] = Field(
        description="Rules in order with the facts that decided, actions done, what lies ahead, and history."
    )


class Message(Answer):
    """That something was done, or what is wrong."""

    message: str


def rows_answer(rows: Iterable[Answer], names: Set[str] | None) -> Response:
    """A bare array of rows, as the lists answer. `names`: only these fields, by their names in the JSON."""
    return jsonify(rows_of(rows, names))


def rows_of(rows: Iterable[Answer], names: Set[str] | None) -> list[dict[str, Any]]:
    """The rows as JSON objects. `names`: only these fields, by their names in the JSON."""
    dumped = (row.model_dump(mode="json", by_alias=True) for row in rows)
    return [row if names is None else {name: row[name] for name in row if name in names} for row in dumped]


def single_address(network: IPv4Network | IPv6Network | None) -> IPv4Address | IPv6Address | None:
    """The address of a network that holds one; None for wider networks."""
    if network is None or network.prefixlen != network.max_prefixlen:
        return None
    return network.network_address
