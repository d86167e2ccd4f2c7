"""A CRM service that asks NetBox: the tenant of an address, or of the longest prefix around it, and his contacts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_interface
from typing import Any, TypeVar

from pydantic import Field

from ..breaker import CircuitBreaker
from ..json_client import JsonClient
from .base import CRMServiceException, DefendantInfo, Match, ServiceInfo
from .remote import Foreign, RemoteCRM, Stopwatch, is_identifier, read_answer
from .windows import Holding, Question, TimedCache, WindowCache

ROLES = ("abuse", "security", "noc", "technical", "admin")
_PRIORITIES = ("primary", "secondary", "tertiary", "")
_AT_ONCE = 50
_PAGE = 500
_GONE = frozenset({"deprecated", "reserved"})
T = TypeVar("T", bound="_Row")


class _Row(Foreign):
    id: int


class _Choice(Foreign):
    value: str


class _Named(_Row):
    name: str = ""
    slug: str = ""


class _Assigned(_Row):
    """An address or a prefix."""

    tenant: _Named | None = None
    status: _Choice | None = None
    description: str = ""


class _Address(_Assigned):
    address: str
    dns_name: str = ""


class _Prefix(_Assigned):
    prefix: str


class _Tenant(_Named):
    created: str | None = None
    tags: tuple[_Named, ...] = ()
    custom_fields: Mapping[str, Any] = Field(default_factory=dict)


class _Assignment(_Row):
    object_type: str = ""
    content_type: str = ""
    object_id: int
    contact: _Row
    role: _Named | None = None
    priority: _Choice | None = None


class _Contact(_Named):
    email: str = ""
    phone: str = ""


class _Page(Foreign):
    count: int
    results: tuple[Any, ...]


class NetboxCRM(RemoteCRM):
    """Tenants of NetBox 4 (3 with `legacy_contacts`) as customers. NetBox knows the present alone, whatever the moment.

    :param url: of NetBox, without `/api`.
    :param token: of a user who may read IPAM and tenancy.
    :param customer_field: of a tenant, for the customer's id: `id`, `slug`, `name`, or `cf_` and a custom field.
    :param roles: of contacts, by slug, the best one first; others come after them.
    :param vrf_id: of the addresses: `null` for the global table, a number, or empty for all.
    :param seconds: for which one batch is asked about at most; then it is tried again, from there on.
    :param timeout_seconds: and the parameters up to `plaintext`: see `JsonClient`; the others as for `HttpCRM`.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str,
        customer_field: str = "slug",
        roles: Sequence[str] = ROLES,
        vrf_id: str | int = "null",
        legacy_contacts: bool = False,
        seconds: float = 30.0,
        timeout_seconds: float = 10.0,
        attempts: int = 3,
        pause_seconds: float = 0.5,
        ca_file: str | None = None,
        plaintext: bool = False,
        cache_entries: int = 10_000,
        cache_seconds: float = 900.0,
        negative_seconds: float = 60.0,
        breaker_failures: int = 5,
        breaker_seconds: float = 15.0,
        networks: Sequence[str] = (),
    ) -> None:
        super().__init__(WindowCache(cache_entries, cache_seconds, negative_seconds), networks)
        if customer_field not in {"id", "slug", "name"} and not customer_field.startswith("cf_"):
            raise ValueError(f"customer_field: {customer_field!r}; expected id, slug, name or cf_ and a custom field")
        self._field, self._roles, self._seconds = customer_field, tuple(roles), seconds
        self._vrf = [] if vrf_id == "" else [("vrf_id", str(vrf_id))]
        self._type_name = "content_type" if legacy_contacts else "object_type"
        self._tenants: TimedCache[int, DefendantInfo] = TimedCache(cache_entries, cache_seconds)
        self._prefixes: TimedCache[str, list[_Prefix]] = TimedCache(cache_entries, negative_seconds)
        scheme = "Bearer" if token.startswith("nbt_") else "Token"
        self._client = JsonClient(
            url,
            error=CRMServiceException,
            headers={"Authorization": f"{scheme} {token}"},
            timeout_seconds=timeout_seconds,
            attempts=attempts,
            pause_seconds=pause_seconds,
            ca_file=ca_file,
            plaintext=plaintext,
            breaker=CircuitBreaker(breaker_failures, breaker_seconds),
        )

    def look_up(self, questions: Sequence[Question]) -> Mapping[Question, Holding]:
        watch = Stopwatch(self._seconds)
        by_thing: dict[tuple[bool, str], list[Question]] = {}
        for question in questions:
            by_thing.setdefault((question.is_address, question.thing), []).append(question)
        addresses = [thing for is_address, thing in by_thing if is_address]
        names = [thing for is_address, thing in by_thing if not is_address]
        held: dict[tuple[bool, str], _Assigned | None] = {
            (True, thing): row for thing, row in self._addresses("address", addresses).items()
        }
        held |= {(False, thing): row for thing, row in self._addresses("dns_name", names).items()}
        missing = [thing for thing in addresses if (True, thing) not in held]
        for number, thing in enumerate(missing):
            watch.check(number, len(missing))
            held[True, thing] = self._prefix(thing)
        infos = self._infos({row.tenant.id for row in held.values() if row is not None and row.tenant is not None})
        found = {question: Holding(None) for question in questions}
        for key, row in held.items():
            info = infos.get(row.tenant.id) if row is not None and row.tenant is not None else None
            if row is not None and info is not None:
                match = Match(info, _service(row), f"NetBox {_shown(row)}")
                found |= dict.fromkeys(by_thing[key], Holding(match))
        return found

    def get_customer_infos(self, customer_id: str) -> DefendantInfo | None:
        tenant = self._tenant(customer_id)
        return None if tenant is None else self._infos({tenant.id}).get(tenant.id)

    def get_service_infos(self, service_id: str) -> ServiceInfo | None:
        kind, _, number = service_id.partition("-")
        if kind not in {"address", "prefix"} or not (number.isascii() and number.isdecimal() and len(number) < 19):
            return None
        rows: Iterator[_Assigned] = (
            self._all("ip-addresses", [("id", number)], _Address)
            if kind == "address"
            else self._all("prefixes", [("id", number)], _Prefix)
        )
        row = next(rows, None)
        return None if row is None else _service(row)

    def get_customer_services(self, customer_id: str) -> Sequence[ServiceInfo]:
        tenant = self._tenant(customer_id)
        if tenant is None:
            return []
        wanted = [("tenant_id", str(tenant.id)), *self._vrf]
        rows: list[_Assigned] = [*self._all("prefixes", wanted, _Prefix), *self._all("ip-addresses", wanted, _Address)]
        return [_service(row) for row in rows if not _is_gone(row)]

    def _addresses(self, field: str, wanted: Sequence[str]) -> dict[str, _Assigned | None]:
        """The rows with a tenant, by address or by name; None where two tenants have the same."""
        found: dict[str, list[_Assigned]] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            batch = wanted[start : start + _AT_ONCE]
            for row in self._all("ip-addresses", [*((field, one) for one in batch), *self._vrf], _Address):
                thing = _plain(row.address) if field == "address" else row.dns_name.lower()
                if row.tenant is not None and not _is_gone(row) and thing in batch:
                    found.setdefault(thing, []).append(row)
        return {
            thing: rows[0] if len({row.tenant.id for row in rows if row.tenant is not None}) == 1 else None
            for thing, rows in found.items()
        }

    def _prefix(self, address: str) -> _Prefix | None:
        """The longest prefix around an address that has a tenant."""
        known = self._prefixes.get(address)
        if known is None:
            rows = self._all("prefixes", [("contains", address), *self._vrf], _Prefix)
            known = [row for row in rows if row.tenant is not None and not _is_gone(row)]
            # Kept at once: when the time is up, the next attempt need not ask for it again.
            self._prefixes.put(address, known)
        return max(known, key=lambda row: int(row.prefix.rpartition("/")[2] or 0), default=None)

    def _tenant(self, customer_id: str) -> _Tenant | None:
        if not is_identifier(customer_id) or (self._field == "id" and not customer_id.isdecimal()):
            return None
        rows = self._all("tenants", [(self._field, customer_id)], _Tenant)
        return next((row for row in rows if self._id_of(row) == customer_id), None)

    def _infos(self, tenants: Iterable[int]) -> dict[int, DefendantInfo]:
        """Tenants with their contacts as customers, by the tenant's number."""
        wanted = sorted(set(tenants))
        known = {number: info for number in wanted if (info := self._tenants.get(number)) is not None}
        missing = [number for number in wanted if number not in known]
        for start in range(0, len(missing), _AT_ONCE):
            ids = [("id", str(number)) for number in missing[start : start + _AT_ONCE]]
            rows = list(self._all("tenants", ids, _Tenant))
            contacts = self._contacts([row.id for row in rows])
            for row in rows:
                info = self._info(row, contacts.get(row.id, []))
                if info is not None:
                    known[row.id] = info
                    self._tenants.put(row.id, info)
        return known

    def _contacts(self, tenants: Sequence[int]) -> dict[int, list[_Contact]]:
        """The contacts of tenants, the best one first."""
        if not tenants:
            return {}
        wanted = [(self._type_name, "tenancy.tenant"), *(("object_id", str(number)) for number in tenants)]
        assignments = [
            row
            for row in self._all("contact-assignments", wanted, _Assignment)
            if (row.object_type or row.content_type) == "tenancy.tenant" and row.object_id in tenants
        ]
        ids = sorted({row.contact.id for row in assignments})
        contacts: dict[int, _Contact] = {}
        for start in range(0, len(ids), _AT_ONCE):
            rows = self._all("contacts", [("id", str(one)) for one in ids[start : start + _AT_ONCE]], _Contact)
            contacts |= {row.id: row for row in rows}
        found: dict[int, list[_Contact]] = {}
        for row in sorted(assignments, key=self._rank):
            if row.contact.id in contacts and (row.priority is None or row.priority.value in _PRIORITIES):
                found.setdefault(row.object_id, []).append(contacts[row.contact.id])
        return found

    def _rank(self, row: _Assignment) -> tuple[int, int, int]:
        role = row.role.slug if row.role is not None else ""
        priority = row.priority.value if row.priority is not None else ""
        return (
            self._roles.index(role) if role in self._roles else len(self._roles),
            _PRIORITIES.index(priority) if priority in _PRIORITIES else len(_PRIORITIES),
            row.id,
        )

    def _id_of(self, tenant: _Tenant) -> str:
        if self._field.startswith("cf_"):
            value = tenant.custom_fields.get(self._field.removeprefix("cf_"))
            return "" if value is None else str(value)
        return str(getattr(tenant, self._field))

    def _info(self, tenant: _Tenant, contacts: Sequence[_Contact]) -> DefendantInfo | None:
        """None for a tenant that the chosen field gives no id, such as one of the company's own."""
        customer_id = self._id_of(tenant)
        if not customer_id:
            return None
        emails = list(dict.fromkeys(one.email for one in contacts if one.email))
        return DefendantInfo(
            customer_id=customer_id,
            email=emails[0] if emails else "",
            spare_email=emails[1] if len(emails) > 1 else None,
            creation_date=_moment(tenant.created),
            organisation=tenant.name or None,
            name=next((one.name for one in contacts if one.name), None),
            phone=next((one.phone for one in contacts if one.phone), None),
            tags=tuple(tag.name for tag in tenant.tags if tag.name),
        )

    def _all(self, what: str, query: Sequence[tuple[str, str]], kind: type[T]) -> Iterator[T]:
        """All rows, page by page."""
        app = "ipam" if what in {"ip-addresses", "prefixes"} else "tenancy"
        path, offset = f"/api/{app}/{what}/", 0
        while True:
            asked = [*query, ("limit", str(_PAGE)), ("offset", str(offset))]
            page = read_answer(_Page, self._client.get(path, asked).content, f"{self._client.host}: {path}")
            for place, row in enumerate(page.results):
                yield read_answer(kind, row, f"{self._client.host}: {path} results.{place}")
            offset += len(page.results)
            if not page.results or offset >= page.count:
                return


def _plain(address: str) -> str:
    """An address as questions spell it, without the length of its prefix."""
    try:
        return str(ip_interface(address).ip)
    except ValueError:
        return address


def _is_gone(row: _Assigned) -> bool:
    return row.status is not None and row.status.value in _GONE


def _shown(row: _Assigned) -> str:
    return row.address if isinstance(row, _Address) else row.prefix if isinstance(row, _Prefix) else str(row.id)


def _service(row: _Assigned) -> ServiceInfo:
    is_address = isinstance(row, _Address)
    name = row.dns_name if isinstance(row, _Address) else ""
    return ServiceInfo(
        name=name or row.description or _shown(row),
        service_id=f"{'address' if is_address else 'prefix'}-{row.id}",
        component_type="IP address" if is_address else "Prefix",
        reference=_shown(row),
        domain=name or None,
    )


def _moment(text: str | None) -> datetime:
    """When NetBox was told of the tenant: a moment, or a day in old versions; 1970 when it does not say."""
    try:
        moment = datetime.fromisoformat(text or "1970-01-01")
    except ValueError:
        moment = datetime(1970, 1, 1, tzinfo=UTC)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
