"""The least that keeps the contracts of services for which there may be no class, and classes that break others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from abuse.models import Report, ServiceAction, Ticket, User
from abuse.parsers.values import ParsedEmail
from abuse.services.action import ActionResult, ActionServiceBase
from abuse.services.crm import CRMServiceBase, DefendantInfo, Match, Query, ServiceInfo
from abuse.services.facade import ServiceBase
from abuse.services.kpi import KPIServiceBase
from abuse.services.reputation import Reputation, ReputationDetail, ReputationServiceBase, Tool
from abuse.services.search import SearchServiceBase
from abuse.services.storage import StorageServiceBase, StorageServiceException
from abuse.services.storage.encrypted import EncryptedStorage


class QuietKPI(KPIServiceBase):
    """Records nothing."""

    def new_ticket(self, ticket: Ticket) -> None:
        return None

    def new_ticket_assign(self, ticket: Ticket) -> None:
        return None

    def close_ticket(self, ticket: Ticket) -> None:
        return None

    def new_report(self, report: Report) -> None:
        return None


class NoReputation(ReputationServiceBase):
    """Knows nothing."""

    def get_ip_rbl_reputations(self, ip: str) -> Sequence[Reputation]:
        return []

    def get_ip_internal_reputations(self, ip: str) -> Sequence[Reputation]:
        return []

    def get_ip_external_reputations(self, ip: str) -> Sequence[Reputation]:
        return [Reputation("x", "X", False)]

    def get_ip_external_details(self, ip: str, short_name: str) -> Sequence[ReputationDetail]:
        return []

    def get_url_external_reputations(self, url: str) -> Sequence[Reputation]:
        return []

    def get_ip_tools(self, ip: str) -> Sequence[Tool]:
        return [Tool("x", "X", "https://tools.example/")]


class WordSearch(SearchServiceBase):
    """Finds the words of subjects."""

    def __init__(self) -> None:
        super().__init__()
        self.index: dict[str, list[int]] = {}

    def index_email(self, parsed_email: ParsedEmail, filename: str, reports_id: Sequence[int]) -> None:
        for word in parsed_email.subject.split():
            self.index.setdefault(word, []).extend(reports_id)

    def search_reports(self, query: str) -> Sequence[int]:
        return self.index.get(query, [])


class MemoryStorage(StorageServiceBase):
    """Objects in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def read(self, name: str) -> bytes:
        try:
            return self.objects[self.check_key(name)]
        except KeyError:
            raise StorageServiceException(f"no object {name}", permanent=True) from None

    def write(self, name: str, data: bytes) -> bool:
        with self._lock:
            if self.exists(name):
                return False
            self.objects[name] = data
        return True

    def delete(self, name: str) -> None:
        self.read(name)
        del self.objects[name]

    def exists(self, name: str) -> bool:
        return self.check_key(name) in self.objects


class EncryptedInS3(EncryptedStorage):
    """Two storages within one another."""


class EmptyCRM(CRMServiceBase):
    """Nobody has anything."""

    def find(self, queries: Sequence[Query]) -> Sequence[Match | None]:
        return [None for _ in queries]

    def get_customer_infos(self, customer_id: str) -> DefendantInfo | None:
        return None

    def get_service_infos(self, service_id: str) -> ServiceInfo | None:
        return None

    def get_customer_services(self, customer_id: str) -> Sequence[ServiceInfo]:
        return []


class EagerActions(ActionServiceBase):
    """Does all it is told, without a look at what it is."""

    def close_service(self, ticket: Ticket, user: User | None = None) -> None:
        return None

    def close_all_services(self, ticket: Ticket, user: User | None = None) -> None:
        return None

    def close_defendant(self, ticket: Ticket, user: User | None = None) -> None:
        return None

    def apply_action_on_service(
        self, ticket_id: int, action_id: int, ip_addr: str | None, user_id: int
    ) -> ActionResult:
        return ActionResult("", "ok")

    def list_actions_for_ticket(self, ticket: Ticket) -> Sequence[ServiceAction]:
        return list(ServiceAction.all())


def changed(service: ServiceBase, name: str, method: Callable[..., Any]) -> ServiceBase:
    """The service with another method; it is given the one that it replaces, and the arguments."""
    original = getattr(service, name)
    setattr(service, name, lambda *arguments, **named: method(original, *arguments, **named))
    return service
