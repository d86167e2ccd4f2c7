"""The grammar of the `filters` query parameter: JSON that says which rows, which fields, in what order, which page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from apiflask import HTTPError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel

from .json_text import read_json

MAX_LENGTH = 32_768
"""Characters of the parameter."""
MAX_PAGE_SIZE = 250
MAX_PAGE = 1_000_000
MAX_CLAUSES = 50
MAX_VALUES = 1000
MAX_TEXT = 1024
Scalar = str | int | bool | None


class FilterError(HTTPError):
    """The `filters` parameter cannot be used: which part, what it is, and what was expected."""

    def __init__(self, part: str, value: object, expected: str, *, status: int = 400) -> None:
        fault = f"{_shown(value)}; expected {expected}"
        errors = {"errors": [{"field": part, "message": fault}]}
        super().__init__(status, f"{part}: {fault}", extra_data=errors if status == 400 else {})


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 100 else text[:99] + "…"


def _scalar(value: Any) -> Any:
    match value:
        case str():
            return _text(value)
        case bool() | int() | None:
            return value
        case _:
            raise ValueError("expected text, a whole number, true, false or null")


def _text(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise ValueError(f"expected at most {MAX_TEXT} characters")
    return _storable(value)


def _storable(value: str) -> str:
    # PostgreSQL can store neither.
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("expected text without NUL and without halves of surrogate pairs")
    return value


def storable_json(value: Any) -> Any:
    """The value of a free field, if PostgreSQL can store it.

    :raises ValueError: when a text or a key in it holds what cannot be stored.
    """
    match value:
        case str():
            _storable(value)
        case dict():
            for key, inner in value.items():
                _storable(key)
                storable_json(inner)
        case list():
            for inner in value:
                storable_json(inner)
    return value


class _AsPattern:
    """Says in the OpenAPI document what the validators of a text see to."""

    def __init__(self, longest: int | None = None) -> None:
        self._longest = longest

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        schema.setdefault("pattern", STORABLE)
        if self._longest is not None:
            schema["maxLength"] = min(schema.get("maxLength", self._longest), self._longest)
        return schema


STORABLE = r"^([^\x00]+)?$"
"""The same as `^[^\\x00]*$`, but programs that fold `maxLength` into a pattern leave this one alone: they compile
`{0,100000}` into a hundred megabytes."""
LongText = Annotated[str, AfterValidator(_storable), _AsPattern()]
"""Text of any length."""
Text = Annotated[str, AfterValidator(_text), _AsPattern(MAX_TEXT)]
"""Text of 1024 characters at most."""
SCALAR: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "maxLength": MAX_TEXT, "pattern": STORABLE}, {"type": "integer"}, {"type": "boolean"},
        {"type": "null"},
    ]
}  # fmt: skip
Clause = dict[
    str,
    Annotated[list[Annotated[Any, AfterValidator(_scalar), WithJsonSchema(SCALAR)]], Field(max_length=MAX_VALUES)],
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", alias_generator=to_camel)


_DIGITS = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)


def _also_as_text(*, from_: int, to: int | None = None) -> Callable[[dict[str, Any]], None]:
    def describe(schema: dict[str, Any]) -> None:
        del schema["type"], schema["minimum"]
        schema.pop("maximum", None)
        number: dict[str, Any] = {"type": "integer", "minimum": from_}
        if to is not None:
            number["maximum"] = to
        digits = r"^(0|[1-9][0-9]{0,5})$" if from_ == 0 else r"^[1-9][0-9]{0,5}$"
        schema["anyOf"] = [number, {"type": "string", "pattern": digits}, {"type": "null"}]

    return describe


class Paginate(_Part):
    """Which page. A size of 0 asks for no rows, sizes above 250 are served as 250."""

    results_per_page: int = Field(default=10, ge=0, json_schema_extra=_also_as_text(from_=0))
    current_page: int = Field(default=1, ge=1, le=MAX_PAGE, json_schema_extra=_also_as_text(from_=1, to=MAX_PAGE))
    cursor: str | None = Field(
        default=None, max_length=MAX_LENGTH, description="As `next` of the page before; `currentPage` does not count."
    )

    @field_validator("results_per_page", "current_page", mode="before")
    @classmethod
    def _as_clients_send_it(cls, value: object, info: Any) -> object:
        """Null is as if it were left out, and the older client sends digits."""
        if value is None:
            return cls.model_fields[info.field_name].default
        return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value

    @property
    def size(self) -> int:
        return min(self.results_per_page, MAX_PAGE_SIZE)

    @property
    def start(self) -> int:
        return (self.current_page - 1) * self.size


class Where(_Part):
    """Which rows. `in`: one of the values, for every field named; `like`: the first value within any field named."""

    in_: list[Clause] = Field(default=[], alias="in", max_length=MAX_CLAUSES)
    like: list[Clause] = Field(default=[], max_length=MAX_CLAUSES)

    @property
    def is_empty(self) -> bool:
        return not any(self.in_) and not any(self.like)

    def leaves(self, name: str, known: Collection[str]) -> bool:
        """Whether the values that `in` asks for under a name are of some known ones; True when it asks for none."""
        asked = [values for clause in self.in_ for one, values in clause.items() if one == name]
        return all(any(value in known for value in values) for values in asked)


def _flag(value: object) -> object:
    """The older client keeps the switch in its address, from which it comes back as text."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


class Filters(_Part):
    """The whole parameter; every part may be left out.

    `onlyUnassigned` is read by /tickets/todo alone, `withMetadata` and `reverse` by timelines.
    """

    paginate: Paginate = Paginate()
    sort_by: dict[str, Literal[1, -1]] = Field(default={}, max_length=10)
    query_fields: list[str] | None = Field(default=None, max_length=100)
    where: Where = Where()
    only_unassigned: Annotated[bool, BeforeValidator(_flag, json_schema_input_type=bool)] = False
    with_metadata: bool = False
    reverse: bool = False


class FiltersParameter(BaseModel):
    """The query string of a list. `filters` is JSON; `read_filters` reads it."""

    filters: str | None = None


NO_FILTERS = Filters()


def read_filters(text: str | None) -> Filters:
    """The parameter as sent, URL-decoded once by the server; a second encoding is taken off here.

    :raises FilterError: naming the part, its value and what was expected.
    """
    if not text:
        return NO_FILTERS
    if len(text) > MAX_LENGTH:
        raise FilterError("filters", f"{len(text)} characters", f"at most {MAX_LENGTH}", status=414)
    try:
        return Filters.model_validate(_decoded(text))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        part = ".".join(["filters", *(str(place) for place in fault["loc"])])
        raise FilterError(part, fault["input"], _expected(fault["type"], fault["msg"], fault["loc"])) from None


def _decoded(text: str) -> object:
    for candidate in (text, unquote(text)):
        try:
            return read_json(candidate)
        except ValueError:
            continue
    raise FilterError("filters", text, "a JSON object, URL-encoded once or twice")


def _expected(kind: str, message: str, place: Sequence[int | str]) -> str:
    if kind == "extra_forbidden":
        models: dict[str, type[_Part]] = {"paginate": Paginate, "where": Where}
        model = models.get(str(place[0]), Filters) if len(place) > 1 else Filters
        return "one of " + ", ".join(sorted(field.alias or name for name, field in model.model_fields.items()))
    message = message.removeprefix("Value error, ").removeprefix("expected ")
    return message.replace("Input should be ", "").replace("Unable to parse input string as an integer", "an integer")
