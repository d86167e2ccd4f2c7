"""`Idempotency-Key`: a POST that is sent again with the same key is answered as the first time, and not done again.

After draft-ietf-httpapi-idempotency-key-header: the same key with something else is 422, and 409 while the first call
runs. Answers above 499 and 429 are not kept: those calls may be tried again with the same key.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response, g, request

from abuse.controllers import idempotency
from abuse.policies import Right

from .access import current_token, current_user
from .declared import calls
from .errors import error_response

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
RETRY_SECONDS = 2
_WITHOUT = frozenset({Right.PUBLIC, Right.ACCOUNT, Right.SELF})
"""Calls of nobody in particular, and on one's own account: their bodies hold passwords and codes."""
_WITH_SECRETS = frozenset({"webhooks.create_webhook", "webhooks.renew_webhook_secret", "account.make_token"})
"""Calls whose answers hold a secret that nobody may keep: sent again, they are neither carried out nor answered so."""
_KEY = re.compile(rf"[\x21-\x7e](?:[\x20-\x7e]{{0,{idempotency.MAX_KEY - 2}}}[\x21-\x7e])?")
_KEPT_HEADERS = ("ETag", "Link", "Location")
_PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": idempotency.MAX_KEY,
        "pattern": "^[!#-~]([ -~]*[!#-~])?$",
    },
    "description": (
        "Any text of yours, such as a UUID. The same request with the same key within 24 hours is answered as the first"
        " time and not carried out again."
    ),
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}
_RESPONSES = {
    "400": error_response("The request cannot be understood; the message names the field."),
    "409": error_response("The present state does not allow it, or the first request with the key is not over."),
    "422": error_response("The Idempotency-Key was used for another request."),
}


def install(app: APIFlask) -> None:
    """Have the views of all POSTs that may take a key look for one."""
    app.after_request(_keep)
    for endpoint in takers(app):
        app.view_functions[endpoint] = _looking_for_key(app.view_functions[endpoint])


def takers(app: APIFlask) -> frozenset[str]:
    """The endpoints that take a key."""
    return frozenset(
        endpoint
        for method, _, endpoint, needs in calls(app)
        if method == "POST" and (needs.right not in _WITHOUT or endpoint in _WITH_SECRETS)
    )


def described(document: Any, app: APIFlask) -> Any:
    """The OpenAPI document with the header where it is taken."""
    ids = {f"post_{endpoint.replace('.', '_')}" for endpoint in takers(app)}
    for item in document["paths"].values():
        operation = item.get("post")
        if operation is not None and operation["operationId"] in ids:
            operation["parameters"].append(_PARAMETER)
            for status, response in _RESPONSES.items():
                operation["responses"].setdefault(status, response)
    return document


def _looking_for_key(view: Callable[..., Any]) -> Callable[..., Any]:
    # Around the view, not before the request: only now is it known how large a body the call may have.
    @functools.wraps(view)
    def with_key(**arguments: Any) -> Any:
        sent = request.headers.get(HEADER)
        if sent is None or request.method != "POST":
            return view(**arguments)
        try:
            taken = idempotency.take(current_user().pk, _key(sent), _fingerprint())
        except idempotency.KeyRefused as error:
            raise HTTPError(422, str(error)) from None
        except idempotency.StillRunning as error:
            raise HTTPError(409, str(error), headers={"Retry-After": str(RETRY_SECONDS)}) from None
        except idempotency.EndUnknown as error:
            raise HTTPError(409, str(error)) from None
        if isinstance(taken, idempotency.KeptAnswer):
            headers = {**taken.headers, REPLAYED: "true"}
            return Response(taken.body, status=taken.status, content_type=taken.content_type, headers=headers)
        g.idempotent_call = taken
        return view(**arguments)

    return with_key


def _key(sent: str) -> str:
    """The key, with or without the quotes of a structured field (RFC 8941)."""
    key = sent[1:-1] if len(sent) > 2 and sent[0] == sent[-1] == '"' else sent
    if not _KEY.fullmatch(key):
        raise HTTPError(400, f"{HEADER}: expected 1 to {idempotency.MAX_KEY} printable ASCII characters")
    return key


def _fingerprint() -> str:
    """What is asked for, and within which categories: a token for some must not get the answer of one for all."""
    parts = (
        request.method,
        request.full_path,
        request.content_type or "",
        repr(sorted(current_token().categories or [])),
        hashlib.sha256(request.get_data(cache=True)).hexdigest(),
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _keep(response: Response) -> Response:
    """After each request: keep the answer of the first call with a key."""
    taken: int | None = g.pop("idempotent_call", None)
    if taken is None:
        return response
    too_large = response.is_streamed or len(response.get_data()) > idempotency.MAX_ANSWER_BYTES
    secret = response.status_code < 400 and request.endpoint in _WITH_SECRETS
    if response.status_code >= 500 or response.status_code == 429:
        idempotency.give_back(taken)
    elif too_large or secret:
        idempotency.keep(taken, None, status=response.status_code)
    else:
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        answer = idempotency.KeptAnswer(response.status_code, response.content_type or "", response.get_data(), headers)
        idempotency.keep(taken, answer, status=response.status_code)
    return response
