"""The action service for trying things out: takes no measure, only writes down which it would take."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.utils import timezone

from .base import ActionResult, ActionServiceException
from .orders import IdempotentOrders, Order

log = logging.getLogger(__name__)

STATUS = "dry run"


class DryRunActionService(IdempotentOrders):
    """Logs every order, and answers with the status `dry run`. Tickets go on as if it had been carried out.

    :param file: a file to which each order is added, one JSON object a line.
    :param modules: as for all action services.
    """

    def __init__(self, *, file: str | None = None, modules: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(modules)
        self._file = Path(file) if file else None
        if self._file is not None and not self._file.parent.is_dir():
            raise ValueError(f"file: {file!r}; expected a file in a directory that exists")

    def carry_out(self, order: Order) -> ActionResult:
        content = order.as_json()
        log.info("dry run: %s", content)
        if self._file is not None:
            self._note({"at": timezone.now().isoformat(), **content})
        what = order.action.name if order.action else order.kind
        return ActionResult(todo_id=f"dry-run-{order.key[:32]}", status=STATUS, comment=f"would have done: {what}")

    def _note(self, content: Mapping[str, object]) -> None:
        line = json.dumps(content, ensure_ascii=False) + "\n"
        try:
            # One write in append mode: lines of several processes do not mix.
            descriptor = os.open(self._file or "", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ActionServiceException(f"file {self._file}: {error}") from error
