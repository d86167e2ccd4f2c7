"""Action services that keep a book of what they were asked: one line an order, on disk before it is answered."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from abuse.models import ServiceAction, Ticket, User
from abuse.services.action import ActionResult, ActionServiceBase, ActionServiceException


class BookActionService(ActionServiceBase):
    """Writes each order down. `behaviour`: ok, refuse, break (a fault of its own), or die (the process is killed)."""

    def __init__(self, book: str, behaviour: str = "ok") -> None:
        super().__init__()
        self.book = Path(book)
        self.behaviour = behaviour

    def _note(self, *what: object) -> ActionResult:
        with self.book.open("a", encoding="utf-8") as book:
            book.write(" ".join(str(one) for one in what) + "\n")
            book.flush()
            os.fsync(book.fileno())
        match self.behaviour:
            case "refuse":
                raise ActionServiceException("this service may not be suspended", permanent=True)
            case "break":
                raise KeyError("no such key")
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
        return ActionResult(todo_id=f"todo-{len(self.lines())}", status="ok", comment="done")

    def lines(self) -> list[str]:
        """What was ordered so far."""
        return self.book.read_text(encoding="utf-8").splitlines() if self.book.exists() else []

    def close_service(self, ticket: Ticket, user: User | None = None) -> None:
        self._note("close_service", ticket.pk)

    def close_all_services(self, ticket: Ticket, user: User | None = None) -> None:
        self._note("close_all_services", ticket.pk)

    def close_defendant(self, ticket: Ticket, user: User | None = None) -> None:
        self._note("close_defendant", ticket.pk)

    def apply_action_on_service(
        self, ticket_id: int, action_id: int, ip_addr: str | None, user_id: int
    ) -> ActionResult:
        return self._note("apply", ticket_id, action_id, ip_addr)

    def list_actions_for_ticket(self, ticket: Ticket) -> Sequence[ServiceAction]:
        return list(ServiceAction.all())


class KeyedActionService(BookActionService):
    """One that tells repeated orders apart: an order whose key is in the book is not carried out again."""

    def apply_action_once(
        self, ticket_id: int, action_id: int, ip_addr: str | None, user_id: int, *, idempotency_key: str
    ) -> ActionResult:
        if any(line.endswith(idempotency_key) for line in self.lines()):
            return ActionResult(todo_id="known", status="ok", comment="it was done before")
        return self._note("apply", ticket_id, action_id, ip_addr, idempotency_key)
