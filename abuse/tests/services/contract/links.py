"""CRM services for chains, with what they know in their config."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from abuse.services.crm import CRMServiceBase, CRMServiceException, DefendantInfo, Match, Query, ServiceInfo


class Known(CRMServiceBase):
    """Knows the customers of its `things`: by address or name the fields of a customer. `asked` is all it was asked."""

    def __init__(self, things: dict[str, dict[str, Any]], fails: str = "", revenue: float = 0) -> None:
        super().__init__()
        made = datetime(2020, 1, 1, tzinfo=UTC)
        self.known = {
            thing: DefendantInfo(creation_date=made, **{"email": "", **fields}) for thing, fields in things.items()
        }
        self.fails, self.revenue = fails, revenue
        self.asked: list[object] = []

    def find(self, queries: Sequence[Query]) -> Sequence[Match | None]:
        self.asked += [str(query.address or query.host) for query in queries]
        self._fail()
        found = [self.known.get(str(query.address or query.host)) for query in queries]
        return [None if one is None else Match(one, self._service(one.customer_id)) for one in found]

    def get_customer_infos(self, customer_id: str) -> DefendantInfo | None:
        self.asked.append(customer_id)
        self._fail()
        return next((one for one in self.known.values() if one.customer_id == customer_id), None)

    def get_service_infos(self, service_id: str) -> ServiceInfo | None:
        known = {one.customer_id for one in self.known.values()}
        return next((self._service(one) for one in known if service_id == f"s-{one}"), None)

    def get_customer_services(self, customer_id: str) -> Sequence[ServiceInfo]:
        return [self._service(customer_id)] if self.get_customer_infos(customer_id) else []

    def get_customer_revenue(self, customer_id: str, service: str | None = None) -> float:
        return self.revenue

    def _service(self, customer_id: str) -> ServiceInfo:
        return ServiceInfo(f"vps of {customer_id}", f"s-{customer_id}")

    def _fail(self) -> None:
        if self.fails == "busy":
            raise CRMServiceException("busy")
        if self.fails == "broken":
            raise KeyError("x")
