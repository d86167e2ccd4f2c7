"""The same small world in the words of several systems: customer c1 has 203.0.113.0/24 and c1.example.org."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from .servers import Asked, Said

NETWORK = ip_network("203.0.113.0/24")
DOMAIN = "c1.example.org"


def has(item: dict[str, Any]) -> bool:
    """Whether c1 has the thing."""
    if "address" in item:
        return ip_address(item["address"]) in NETWORK
    return bool(f".{item['domain']}".endswith(f".{DOMAIN}"))


def http_crm(asked: Asked) -> Said:
    """As docs/reference/crm-http.md has it."""
    said = asked.json
    customers = [{"customerId": "c1", "email": "c1@mail.example", "creationDate": "2020-01-01"}]
    services = [{"serviceId": "service-c1", "customerId": "c1", "name": "vps of c1"}]
    nothing: dict[str, Any] = {"customers": [], "services": []}
    known = {"customers": customers, "services": services}
    if said["type"] == "crm.customer":
        return Said(known if said["customerId"] == "c1" else nothing)
    if said["type"] == "crm.service":
        return Said(known if said["serviceId"] == "service-c1" else nothing)
    items = [{"id": item["id"], "serviceId": "service-c1" if has(item) else None} for item in said["items"]]
    return Said({**known, "items": items})
