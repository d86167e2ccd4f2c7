"""What the desk knows of where a reported thing lies: in a network of ours, or on an address that customers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.db import connection

from abuse.config import current
from abuse.parsers.values import ItemKind, MailKind, ParsedEmail, ParsedItem

MAX_ITEMS = 2_000
"""Items of a mail that are looked at."""

# Whether customers share an address by ports, whenever that was.
_SHARED = """
SELECT DISTINCT asked.network::text
FROM unnest(%s::text[]::inet[]) AS asked (network)
JOIN LATERAL (
    SELECT true FROM abuse_directoryresource AS resource
    WHERE resource.network >>= asked.network AND resource.port_from IS NOT NULL LIMIT 1
) AS shared ON true
"""


class MissingData(StrEnum):
    """What a report can lack, so that nobody can tell whose it is."""

    PORT = "port"
    TIME = "time"
    ZONE = "zone"
    ITEM = "item"


@dataclass(frozen=True, slots=True)
class Lack:
    """What one item lacks."""

    item: ParsedItem
    missing: tuple[MissingData, ...]


def network_of(item: ParsedItem) -> IPv4Network | IPv6Network | None:
    """The address or network that an item is; None for a name."""
    if item.host is None:
        return None
    try:
        return ip_network(item.host.partition("%")[0], strict=False)
    except ValueError:
        return None


def is_on_shared_network(item: ParsedItem) -> bool:
    """Whether an item lies in SHARED_NETWORKS."""
    shared = current().SHARED_NETWORKS
    network = network_of(item) if shared else None
    return network is not None and any(
        network.version == one.version and network.network_address in one for one in shared
    )


def lacks(item: ParsedItem) -> tuple[MissingData, ...]:
    """What has to be known of an item on a shared address, and is not. Port 0 is nobody's source port (RFC 6335)."""
    found = [] if item.port else [MissingData.PORT]
    if item.seen_at is None:
        found.append(MissingData.TIME)
    elif not item.zone_known:
        found.append(MissingData.ZONE)
    return tuple(found)


def is_nobodys(item: ParsedItem) -> bool:
    """Whether an item says too little to accuse anybody: on a shared network, without port, time or zone."""
    return is_on_shared_network(item) and bool(lacks(item))


def missing_in(mails: Mapping[int, ParsedEmail]) -> dict[int, tuple[str, ...]]:
    """What mails without a customer lack, by the key of each. One query for all of them, or none.

    Nothing where asking would lead nowhere: only what lies on an address that is shared is worth a question, and a
    complaint that names nothing at all.
    """
    found: dict[int, tuple[str, ...]] = {}
    incomplete: dict[int, list[ParsedItem]] = {}
    for key, mail in mails.items():
        items = [item for item in mail.items[:MAX_ITEMS] if item.host is not None]
        if not items and mail.kind == MailKind.ABUSE_REPORT:
            found[key] = (str(MissingData.ITEM),)
        incomplete[key] = [item for item in items if item.kind in {ItemKind.IP, ItemKind.URL} and lacks(item)]
    shared = shared_by_ports(item for items in incomplete.values() for item in items)
    for key, items in incomplete.items():
        wanted = [item for item in items if is_on_shared_network(item) or network_of(item) in shared]
        words = {str(word) for item in wanted for word in lacks(item)}
        if words:
            found[key] = tuple(str(word) for word in MissingData if str(word) in words)
    return found


def shared_by_ports(items: Iterable[ParsedItem]) -> set[IPv4Network | IPv6Network]:
    """The addresses among items that several customers of the directory have by ports (CGNAT)."""
    asked = sorted({str(network) for item in items if (network := network_of(item)) is not None})
    if not asked:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_SHARED, [asked])
        return {ip_network(text) for (text,) in cursor.fetchall()}
