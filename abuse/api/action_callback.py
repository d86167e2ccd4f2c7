"""Where systems that carry out measures say how an order ended. They log in by their signature."""

from __future__ import annotations

from typing import Any, cast

from apiflask import APIBlueprint, HTTPError
from flask import request

from abuse.controllers import callbacks
from abuse.controllers.editing import Refused
from abuse.controllers.history import robot
from abuse.policies import Right
from abuse.services.action import ActionService, ActionServiceException, CalledBackActionService, NotAuthentic
from abuse.services.facade import facade

from .access import needs
from .answers import Message
from .errors import error_response

MAX_BODY = 64 * 1024
"""Bytes. A result is a few words."""

blueprint = APIBlueprint("action_callback", __name__, url_prefix="/api", tag="Callbacks")


_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: error_response("The callback cannot be understood; the message names the field."),
    401: error_response("The signature is not ours, or its time is more than five minutes from now."),
    404: error_response("There is no such order, or no action service that takes callbacks."),
    409: error_response("The order was never given, or ended otherwise."),
    413: error_response("The body is longer than 64 KiB."),
}


@blueprint.post("/actions/callback")
@needs(Right.PUBLIC)
@blueprint.output(Message, example={"message": "noted"})
@blueprint.doc(responses=_REFUSALS)
def take_result() -> Message:
    """Say how an order ended

    For the system behind the action service, after it answered an order with 202. It needs no token but the signature
    of the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`. The same result may be said again.

    The body: `{"type": "order.result", "key": "…", "status": "ok", "todo_id": "…", "comment": "…"}`; the status is
    `ok` or `failed`.
    """
    request.max_content_length = MAX_BODY
    body = request.get_data()
    try:
        told = _reader().read_callback(dict(request.headers), body)
        return Message(message=str(callbacks.note_result(told, actor=robot())))
    except NotAuthentic as error:
        raise HTTPError(401, str(error)) from None
    except ActionServiceException as error:
        raise HTTPError(400, str(error)) from None
    except callbacks.UnknownOrder as error:
        raise HTTPError(404, str(error)) from None
    except Refused as error:
        raise HTTPError(409, str(error)) from None


def _reader() -> CalledBackActionService:
    if not facade("ActionServiceBase").is_implemented() or not hasattr(ActionService, "read_callback"):
        raise HTTPError(404, "There is no action service that takes callbacks")
    return cast("CalledBackActionService", ActionService)
