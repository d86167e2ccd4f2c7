"""Measures taken by a system that is told over HTTP: signed, repeated when it fails, carried out once.

    POST, with the headers of `abuse.services.signed_webhook` and Idempotency-Key
    {"type": "service.action", "key": …, "ticket": …, "customer": …, "service": …, "action": …, "ip": …, …}

    200, 201    done               {"todo_id": "4711", "status": "ok", "comment": "…"}, all of it optional
    202         will be done       the same; a callback says how it ended
    408, 409, 425, 429, 500, 502-504, or no answer: asked again with the same key
    anything else: refused

The callback is signed the same way; its status is ok or failed:

    {"type": "order.result", "key": …, "status": "ok", "todo_id": …, "comment": …}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ..signed_webhook import SignatureError, SignedWebhook, WebhookError, read_secret, verify
from .base import ActionResult, ActionServiceException, NotAuthentic, OrderResult
from .orders import IdempotentOrders, Order

PENDING = "pending"
CALLBACK = "order.result"
ENDS = {"ok": False, "failed": True}
"""What a callback may say of an order, and whether that is a failure."""
MAX_CALLBACK_SECONDS = 30 * 86_400
_MAX_TODO, _MAX_STATUS, _MAX_COMMENT = 128, 32, 256


class WebhookActionService(IdempotentOrders):
    """Orders to a URL of yours.

    :param url: and the parameters up to `plaintext`: see `SignedWebhook`.
    :param callback_seconds: after a 202, how long the callback may take; then the order is put to a person.
    :param callback_secrets: with which callbacks may be signed; none: the same secret. Several while one is replaced.
    :param modules: as for all action services.
    """

    def __init__(
        self,
        *,
        url: str,
        secret: str,
        timeout_seconds: float = 15.0,
        attempts: int = 4,
        pause_seconds: float = 1.0,
        ca_file: str | None = None,
        plaintext: bool = False,
        callback_seconds: float = 86_400,
        callback_secrets: Sequence[str] = (),
        modules: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(modules)
        self._webhook = SignedWebhook(
            url,
            secret,
            timeout_seconds=timeout_seconds,
            attempts=attempts,
            pause_seconds=pause_seconds,
            ca_file=ca_file,
            plaintext=plaintext,
        )
        if not 1 <= callback_seconds <= MAX_CALLBACK_SECONDS:
            raise ValueError(f"callback_seconds: {callback_seconds!r}; expected 1 to {MAX_CALLBACK_SECONDS}")
        self._told_within = timedelta(seconds=callback_seconds)
        self._callback_secrets = [read_secret(one, name="callback_secrets") for one in callback_secrets or (secret,)]

    def carry_out(self, order: Order) -> ActionResult:
        try:
            answer = self._webhook.call(order.key, order.as_json())
        except WebhookError as error:
            raise ActionServiceException(str(error), permanent=error.permanent) from error
        if answer.status == 202:
            return replace(_result(answer.content, default=PENDING), told_within=self._told_within)
        return _result(answer.content, default="ok")

    def read_callback(self, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> OrderResult:
        """What a callback says, when it is signed as it should be. Hearing the same one twice must do no harm.

        :param now: seconds since 1970; None for the present.
        :raises NotAuthentic: when it is not signed with a secret of ours, or not lately.
        :raises ActionServiceException: permanent when it cannot be understood.
        """
        try:
            verify(self._callback_secrets, headers, body, now=now)
        except SignatureError as error:
            raise NotAuthentic(f"callback: {error}") from None
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = None
        # The type, so that an order of ours, sent back to us, is not taken for its own result.
        if not isinstance(content, dict) or content.get("type") != CALLBACK:
            raise ActionServiceException(f"callback: expected a JSON object of the type {CALLBACK}", permanent=True)
        key = content.get("key")
        if not isinstance(key, str) or not 1 <= len(key) <= 64:
            raise ActionServiceException(f"callback: key: {str(key)[:80]!r}; expected that of an order", permanent=True)
        if not content.get("status"):
            raise ActionServiceException("callback: status: is missing", permanent=True)
        result = _result(content, default="")
        if result.status not in ENDS:
            raise ActionServiceException(
                f"callback: status: {result.status!r}; expected {' or '.join(ENDS)}", permanent=True
            )
        return OrderResult(key, result, has_failed=ENDS[result.status])


def _result(content: Mapping[str, Any], *, default: str) -> ActionResult:
    """What was answered, held to what is kept of it."""
    return ActionResult(
        todo_id=_text(content, "todo_id", _MAX_TODO),
        status=_text(content, "status", _MAX_STATUS) or default,
        comment=_text(content, "comment", _MAX_COMMENT),
    )


def _text(content: Mapping[str, Any], name: str, limit: int) -> str:
    value = content.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ActionServiceException(f"answer: {name}: {str(value)[:80]!r}; expected a text", permanent=True)
    return "".join(one for one in str(value)[:limit] if one.isprintable())
