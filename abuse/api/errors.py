"""Every error as JSON: `{"message": …}`, the right status, nothing of the database in the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apiflask import APIFlask, HTTPError
from django.db import InterfaceError, OperationalError
from flask import Request
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import ImmutableMultiDict

from abuse.controllers.editing import NotAllowed, Refused, StaleEdit
from abuse.controllers.filled_texts import ProofMissing
from abuse.models import MoveRefused
from abuse.rules.engine.errors import ActionError, RuleError
from abuse.services.facade import NotImplementedByConfiguration, ServiceError

from .declared import TOKEN_HEADER
from .json_text import read_json

_Answer = tuple[dict[str, Any], int, dict[str, Any]]
MAX_FAULTS = 50
"""Fields named at once."""
ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Error",
    "required": ["message"],
    "properties": {
        "message": {"type": "string", "description": "What is wrong, for people."},
        "errors": {
            "type": "array",
            "description": "Each field that cannot be understood, where there are some; `message` says the same.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string", "description": "The way to it, such as emails.0.subject."},
                    "message": {"type": "string"},
                },
            },
        },
        "code": {"type": "string", "description": "What is wrong, for programs, where they can do something about it."},
    },
    "examples": [
        {"message": "filters.paginate.currentPage: 0; expected greater than or equal to 1"},
        {
            "message": "emails.0.subject: Field required",
            "errors": [{"field": "emails.0.subject", "message": "Field required"}],
        },
    ],
}


ERROR_REF = {"$ref": "#/components/schemas/Error"}


def error_response(description: str) -> dict[str, Any]:
    """An error in the OpenAPI document, for where APIFlask does not write it by itself."""
    return {"description": description, "content": {"application/json": {"schema": ERROR_REF}}}


def fields_at_fault(faults: Sequence[tuple[str, str]]) -> HTTPError:
    """The error for what cannot be understood: names of fields, each with what is wrong. The first of very many."""
    told = [f"{field}: {fault}" for field, fault in faults[:MAX_FAULTS]]
    if len(faults) > MAX_FAULTS:
        told.append(f"and {len(faults) - MAX_FAULTS} more")
    errors = [{"field": field, "message": fault} for field, fault in faults[:MAX_FAULTS]]
    return HTTPError(400, "; ".join(told), extra_data={"errors": errors})


class JsonProvider(DefaultJSONProvider):
    """JSON as Flask does it, but keys stay in order, and nesting too deep is a fault of the text, not of the server."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return read_json(s)


class _OnceEach(ImmutableMultiDict[str, str]):
    """A query string. Read as a whole it has each parameter once: no call takes several, so that one would be lost."""

    def to_dict(self, flat: bool = True) -> Any:
        twice = [name for name, values in self.lists() if flat and len(values) > 1]
        if twice:
            raise HTTPError(400, f"{twice[0][:100]}: given {len(self.getlist(twice[0]))} times; expected once")
        return super().to_dict() if flat else super().to_dict(flat=False)


class JsonRequest(Request):
    """A request that says what is wrong with its JSON. Null is no body: no call of the API takes it."""

    parameter_storage_class = _OnceEach

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        if not force or silent:
            return super().get_json(force=force, silent=silent, cache=cache)
        try:
            said = read_json(self.get_data(cache=cache))
        except ValueError as error:
            return self.on_json_loading_failure(error)
        return self.on_json_loading_failure(None) if said is None else said

    def on_json_loading_failure(self, e: ValueError | None) -> Any:
        raise HTTPError(400, f"body: {e or 'nothing'}; expected JSON")


def install(app: APIFlask) -> None:
    """Make all errors of the application answer as JSON."""
    app.json = JsonProvider(app)
    app.request_class = JsonRequest
    app.error_processor(_answer)

    for kind in _SPOKEN_OF:
        app.register_error_handler(kind, lambda error: _answer(_spoken(app, error)))


_REFUSALS: dict[type[Exception], int] = {
    Refused: 409,
    NotAllowed: 403,
    StaleEdit: 409,
    MoveRefused: 409,
    ProofMissing: 400,  # by this status the older client knows that proof is missing
}
"""What controllers refuse, and its status: by the nearest class."""
_SPOKEN_OF: tuple[type[Exception], ...] = (
    OperationalError, InterfaceError, ServiceError, RuleError, ActionError, *_REFUSALS,
)  # fmt: skip


def _spoken(app: APIFlask, error: Exception) -> HTTPError:
    """What the caller is told. What is in the way of a rule is in the way of the call; all else is a fault of ours."""
    cause = error.__cause__ if isinstance(error, RuleError | ActionError) else error
    if isinstance(cause, OperationalError | InterfaceError):
        app.logger.error("The database cannot be used", exc_info=error)
        return HTTPError(503, "The database cannot be used at the moment", headers={"Retry-After": "5"})
    refused = next((_REFUSALS[kind] for kind in type(cause).__mro__ if kind in _REFUSALS), None)
    if refused is not None:
        return HTTPError(refused, str(error))
    if isinstance(cause, NotImplementedByConfiguration):
        return HTTPError(501, str(error))
    if isinstance(cause, ServiceError) and cause.permanent:
        return HTTPError(409, str(error))
    if isinstance(cause, ServiceError):
        app.logger.warning("A service could not do what was asked", exc_info=error)
        return HTTPError(503, str(error), headers={"Retry-After": "5"})
    raise error


def _answer(error: HTTPError) -> _Answer:
    headers = dict(error.headers)
    if error.status_code == 401:
        headers["WWW-Authenticate"] = f'ApiKey header="{TOKEN_HEADER}"'
    if error.detail:
        # What a schema found: {"json": {"name": ["Field required"]}}.
        error = fields_at_fault(
            [
                (field, " ".join(messages))
                for fields in error.detail.values()
                for field, messages in sorted(fields.items())
            ]
        )
    return {"message": error.message or "", **error.extra_data}, error.status_code, headers
