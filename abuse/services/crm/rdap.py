"""A CRM service that asks the registry: for addresses that are assigned to their users there, over RDAP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address

from ..rdap import RdapLookup, Registration
from .base import CRMServiceException, DefendantInfo, Match, ServiceInfo
from .remote import RemoteCRM, Stopwatch, address_of
from .windows import Holding, Question, WindowCache

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class RdapCRM(RemoteCRM):
    """Holders of assignments in a registry as customers; the registry knows the present, from its `registration` on.

    Domains are not asked for: their registries name registrars, not customers.

    :param networks: one's own; nothing else is asked for. Required.
    :param ours: handles of one's own organisations: what is theirs is no customer's.
    :param base_url: of one's registry, such as https://rdap.db.ripe.net; and the parameters up to `plaintext`: see
        `RdapLookup`.
    :param seconds: for which one batch is asked about at most; then it is tried again, from there on.
    """

    def __init__(
        self,
        *,
        base_url: str,
        networks: Sequence[str],
        ours: Sequence[str] = (),
        servers: Sequence[str] = (),
        seconds: float = 30.0,
        timeout_seconds: float = 10.0,
        attempts: int = 2,
        pause_seconds: float = 0.5,
        ca_file: str | None = None,
        plaintext: bool = False,
        cache_entries: int = 10_000,
        cache_seconds: float = 86_400.0,
        negative_seconds: float = 3600.0,
    ) -> None:
        super().__init__(WindowCache(cache_entries, cache_seconds, negative_seconds), networks)
        if not networks:
            raise ValueError("networks: expected at least one: the registry is asked about your own addresses alone")
        self._ours = frozenset(ours)
        self._seconds = seconds
        self._lookup = RdapLookup(
            base_url=base_url,
            servers=servers,
            timeout_seconds=timeout_seconds,
            attempts=attempts,
            pause_seconds=pause_seconds,
            ca_file=ca_file,
            plaintext=plaintext,
            error=CRMServiceException,
        )

    def look_up(self, questions: Sequence[Question]) -> Mapping[Question, Holding]:
        watch = Stopwatch(self._seconds)
        found: dict[Question, Holding] = {}
        by_address: dict[str, Holding] = {}
        wanted = [question for question in questions if question.is_address]
        for number, question in enumerate(wanted):
            holding = by_address.get(question.thing)
            if holding is None:
                watch.check(number, len(wanted))
                holding = by_address[question.thing] = self._holding(self._lookup.address(address_of(question)))
                self._cache.put(question, holding)
            found[question] = holding
        return found

    def get_customer_infos(self, customer_id: str) -> DefendantInfo | None:
        found = self._lookup.entity(customer_id)
        if found is None or found.holder is None or found.holder.handle != customer_id or customer_id in self._ours:
            return None
        return _defendant(found)

    def get_service_infos(self, service_id: str) -> ServiceInfo | None:
        try:
            first = ip_address(service_id.partition("-")[0])
        except ValueError:
            return None
        found = self._lookup.address(first)
        return None if found is None or _range(found) != service_id else _service(found)

    def get_customer_services(self, customer_id: str) -> Sequence[ServiceInfo]:
        """Where the registry lists the networks of an entity; none elsewhere."""
        found = self._lookup.entity(customer_id)
        return [_service(one) for one in found.networks if one.first is not None] if found is not None else []

    def _holding(self, found: Registration | None) -> Holding:
        if found is None or found.holder is None or not found.holder.handle or found.first is None:
            return Holding(None)
        if found.holder.handle in self._ours:
            return Holding(None)
        match = Match(_defendant(found), _service(found), f"RDAP {_range(found)} {found.kind}".strip())
        return Holding(match, found.registered_at)


def _defendant(found: Registration) -> DefendantInfo:
    holder, abuse = found.holder, found.abuse
    if holder is None:
        raise CRMServiceException(f"{found.source}: {found.handle} has no holder", permanent=True)
    own = [one for one in holder.emails if abuse is None or one not in abuse.emails]
    emails = [*(abuse.emails if abuse is not None else ()), *own]
    return DefendantInfo(
        customer_id=holder.handle,
        email=emails[0] if emails else "",
        spare_email=emails[1] if len(emails) > 1 else None,
        creation_date=holder.registered_at or _LONG_AGO,
        name=holder.name or None,
        organisation=holder.organisation or holder.name or None,
        address=holder.address or None,
        country=holder.country or None,
        phone=holder.phone or (abuse.phone if abuse is not None else "") or None,
    )


def _range(found: Registration) -> str:
    return f"{found.first}-{found.last}"


def _service(found: Registration) -> ServiceInfo:
    return ServiceInfo(
        name=found.name or found.handle or _range(found),
        service_id=_range(found),
        component_type="Network",
        component_sub_type=found.kind or None,
        reference=found.handle or None,
    )
