"""The same small world in the words of several systems: customer c1 has 203.0.113.0/24 and c1.example.org."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar

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


class Whmcs:
    """WHMCS with these products and clients, `page` products a page. Answers as its API reference shows."""

    CREDENTIALS: ClassVar[dict[str, str]] = {"identifier": "the-identifier", "secret": "the-secret"}

    def __init__(self, products: Sequence[dict[str, Any]] = (), page: int = 2) -> None:
        his = {"dedicatedip": "203.0.113.5", "assignedips": "203.0.113.0/24\r\n2001:db8:1::/48\r\n"}
        self.products = list(products) or [
            whmcs_product(11, 7, domain=DOMAIN, regdate="2020-01-01", **his),
            whmcs_product(12, 8, dedicatedip="198.51.100.8"),
            whmcs_product(13, 9, dedicatedip="198.51.100.9", status="Terminated"),
            whmcs_product(14, 9, dedicatedip="198.51.100.8"),
            whmcs_product(15, 7, name="Backup", recurringamount="120.00", billingcycle="Annually"),
        ]
        self.page = page

    def __call__(self, asked: Asked) -> Said:
        form = asked.form
        if {name: form.get(name) for name in self.CREDENTIALS} != self.CREDENTIALS:
            return Said({"result": "error", "message": "Authentication Failed"}, 403)
        if (asked.path, asked.method, form["responsetype"]) != ("/includes/api.php", "POST", "json"):
            return Said({"result": "error", "message": "Invalid request"}, 400)
        return {"GetClientsProducts": self._list, "GetClientsDetails": self._details}[form["action"]](form)

    def _list(self, form: Mapping[str, str]) -> Said:
        wanted = {"serviceid": "id", "clientid": "clientid", "domain": "domain"}
        rows = [
            row
            for row in self.products
            if all(str(row[field]) == form[name] for name, field in wanted.items() if name in form)
        ]
        start, limit = int(form["limitstart"]), min(int(form["limitnum"]), self.page)
        found = rows[start : start + limit]
        common = {"result": "success", "clientid": form.get("clientid"), "serviceid": None, "startnumber": start}
        products = {"product": found} if found else ""
        return Said({**common, "totalresults": str(len(rows)), "numreturned": len(found), "products": products})

    def _details(self, form: Mapping[str, str]) -> Said:
        number = int(form["clientid"])
        if number not in {7, 8, 9}:
            return Said({"result": "error", "message": "Client Not Found"})
        client = {
            "id": number, "client_id": number, "userid": number, "firstname": "Ann", "lastname": "Lee",
            "fullname": "Ann Lee", "companyname": "Lee Ltd", "email": f"c{number}@mail.example",
            "address1": "1 Mill Road", "address2": "Back", "city": "Nantes", "state": "", "postcode": "44000",
            "countrycode": "FR", "phonenumber": "199008739", "phonenumberformatted": "+33.199008739",
            "language": "french", "status": "Active", "groupid": 0, "lastlogin": None, "customfields": [],
        }  # fmt: skip
        return Said({"result": "success", "client": client, **client})


def whmcs_product(number: int, client: int, **fields: Any) -> dict[str, Any]:
    """A product as GetClientsProducts lists it."""
    return {
        "id": number, "clientid": client, "orderid": 1, "pid": 3, "regdate": "0000-00-00", "name": "Small",
        "translated_name": "Small", "groupname": "VPS", "domain": "", "dedicatedip": "", "serverid": 1,
        "serverip": "203.0.113.250", "recurringamount": "12.50", "billingcycle": "Monthly", "status": "Active",
        "username": "x", "password": "y", "assignedips": "", "notes": None, "customfields": {"customfield": []},
        **fields,
    }  # fmt: skip


class Netbox:
    """NetBox 4 with these rows; lists are cut at `page` rows, whatever is asked for."""

    TOKEN = "0123456789abcdef0123456789abcdef01234567"

    def __init__(self, page: int = 1) -> None:
        self.page = page
        self.rows: dict[str, list[dict[str, Any]]] = {
            "ipam/prefixes": [
                netbox_prefix(1, "203.0.113.0/24", 5),
                netbox_prefix(2, "203.0.113.128/25", None, "container"),
                netbox_prefix(3, "203.0.112.0/20", 6),
                netbox_prefix(4, "203.0.113.0/28", 6, "deprecated"),
                netbox_prefix(5, "192.0.2.0/24", None),
            ],
            "ipam/ip-addresses": [
                netbox_address(21, "203.0.113.77/24", 6, "mail.c2.example.org"),
                netbox_address(22, "203.0.113.5/24", 5, f"www.{DOMAIN}"),
                netbox_address(23, "203.0.113.66/24", 5, "twice.example.org"),
                netbox_address(24, "203.0.113.66/24", 6, "twice.example.org"),
                netbox_address(25, "203.0.113.78/24", None, ""),
            ],
            "tenancy/tenants": [
                netbox_tenant(5, "c1", created="2020-01-01T00:00:00Z", tags=["gold"], number=1001),
                netbox_tenant(6, "c2"),
            ],
            "tenancy/contact-assignments": [
                netbox_assignment(1, 5, 31, "billing", "primary"),
                netbox_assignment(2, 5, 32, "abuse", "secondary"),
                netbox_assignment(3, 5, 33, "abuse", "primary"),
                netbox_assignment(4, 5, 34, "abuse", "inactive"),
                {**netbox_assignment(5, 5, 34, "abuse", "primary"), "object_type": "dcim.site"},
            ],
            "tenancy/contacts": [
                {"id": number, "name": f"Contact {number}", "email": f"contact{number}@mail.example", "phone": "1"}
                for number in (31, 32, 33, 34)
            ],
        }

    def __call__(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Token {self.TOKEN}":
            return Said({"detail": "Invalid token"}, 403)
        rows = self.rows.get(asked.path.removeprefix("/api/").strip("/"))
        if rows is None:
            return Said({"detail": "Not found."}, 404)
        paging = {"limit", "offset"}
        found = [
            row for row in rows if all(self._fits(row, *one) for one in asked.query.items() if one[0] not in paging)
        ]
        start, limit = int(asked.query["offset"][0]), min(int(asked.query["limit"][0]), self.page)
        more = f"http://elsewhere.example/?offset={start + limit}" if start + limit < len(found) else None
        return Said({"count": len(found), "next": more, "previous": None, "results": found[start : start + limit]})

    @staticmethod
    def _fits(row: dict[str, Any], name: str, values: list[str]) -> bool:
        if name == "contains":
            return any(ip_address(value) in ip_network(row["prefix"]) for value in values)
        if name == "address":
            return row["address"].partition("/")[0] in values
        if name == "tenant_id":
            return row["tenant"] is not None and str(row["tenant"]["id"]) in values
        if name == "vrf_id":
            return ("null" if row["vrf"] is None else str(row["vrf"]["id"])) in values
        if name.startswith("cf_"):
            return str(row["custom_fields"].get(name[3:])) in values
        return str(row[name]) in values


def netbox_prefix(number: int, prefix: str, tenant: int | None, status: str = "active") -> dict[str, Any]:
    return {
        "id": number, "url": "…", "display": prefix, "family": {"value": 4, "label": "IPv4"}, "prefix": prefix,
        "vrf": None, "tenant": _tenant(tenant), "status": {"value": status, "label": status.title()}, "role": None,
        "description": "", "tags": [], "custom_fields": {},
    }  # fmt: skip


def netbox_address(number: int, address: str, tenant: int | None, name: str) -> dict[str, Any]:
    return {
        "id": number, "address": address, "vrf": None, "tenant": _tenant(tenant), "dns_name": name, "description": "",
        "status": {"value": "active", "label": "Active"},
    }  # fmt: skip


def netbox_tenant(
    row: int, name: str, created: str | None = None, tags: Sequence[str] = (), **fields: Any
) -> dict[str, Any]:
    shown = [{"id": place, "name": tag, "slug": tag} for place, tag in enumerate(tags)]
    common = {"id": row, "name": f"Customer {name}", "slug": name, "custom_fields": fields}
    return {**common, "created": created, "tags": shown}


def netbox_assignment(number: int, tenant: int, contact: int, role: str, priority: str) -> dict[str, Any]:
    return {
        "id": number, "object_type": "tenancy.tenant", "object_id": tenant,
        "contact": {"id": contact, "name": f"Contact {contact}"}, "role": {"id": 1, "name": role.title(), "slug": role},
        "priority": {"value": priority, "label": priority.title()},
    }  # fmt: skip


def _tenant(number: int | None) -> dict[str, Any] | None:
    return None if number is None else {"id": number, "name": f"Customer c{number - 4}", "slug": f"c{number - 4}"}


def jcard(name: str, *emails: str, phone: str = "") -> list[Any]:
    """As RFC 7095 has it."""
    fields: list[list[Any]] = [["version", {}, "text", "4.0"], ["fn", {}, "text", name], ["kind", {}, "text", "org"]]
    fields += [["adr", {"label": "1 Mill Road\n44000 Nantes\nFrance", "cc": "FR"}, "text", [""] * 7]]
    fields += [["email", {"type": "abuse"}, "text", email] for email in emails]
    fields += [["tel", {"type": ["voice"]}, "uri", f"tel:{phone}"]] if phone else []
    return ["vcard", fields]


def rdap_entity(handle: str, *roles: str, card: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"objectClassName": "entity", "handle": handle, "roles": list(roles), "vcardArray": card, **more}


def rdap_network(first: str, last: str, holder: str, *, kind: str = "ASSIGNED PA", **more: Any) -> dict[str, Any]:
    """A network as registries answer it: the holder, and within him where to complain."""
    abuse = rdap_entity("AR1-TEST", "abuse", card=jcard("Abuse", f"abuse@{holder.lower()}.example", phone="+33 1"))
    owner = rdap_entity(holder, "registrant", card=jcard(f"{holder} Ltd"), entities=[abuse])
    return {
        "rdapConformance": ["rdap_level_0"], "objectClassName": "ip network", "handle": f"{first} - {last}",
        "startAddress": first, "endAddress": last, "ipVersion": "v4", "name": f"NET-{holder}", "type": kind,
        "country": "FR", "status": ["active"], "entities": [rdap_entity("MNT", "technical"), owner],
        "events": [{"eventAction": "registration", "eventDate": "2020-01-01T00:00:00Z"}], **more,
    }  # fmt: skip


class Rdap:
    """A registry: 203.0.113.0/24 is c1's, 192.0.2.0/24 our own, and c1.example.org has a registrar."""

    def __init__(self) -> None:
        self.networks = [
            rdap_network("203.0.113.0", "203.0.113.255", "c1"),
            rdap_network("192.0.2.0", "192.0.2.255", "ORG-OURS", kind="ALLOCATED PA"),
        ]

    def __call__(self, asked: Asked) -> Said:
        kind, _, thing = asked.path.removeprefix("/rdap").lstrip("/").partition("/")
        if kind == "ip":
            for network in self.networks:
                first, last = ip_address(network["startAddress"]), ip_address(network["endAddress"])
                address = ip_address(thing)
                if address.version == first.version and int(first) <= int(address) <= int(last):
                    return Said(network, 200, {})
        if (kind, thing) == ("domain", "example.org"):
            registrar = rdap_entity(
                "292", "registrar", card=jcard("Registrar"),
                entities=[rdap_entity("", "abuse", card=jcard("Desk", "abuse@registrar.example"))],
            )  # fmt: skip
            return Said({"objectClassName": "domain", "handle": "D1", "ldhName": thing, "entities": [registrar]})
        if (kind, thing) == ("entity", "c1"):
            owner = self.networks[0]["entities"][1]
            return Said({**owner, "networks": [self.networks[0]], "roles": []})
        return Said({"errorCode": 404, "title": "Not Found", "description": ["No such object."]}, 404)
