"""Content networks: which addresses are theirs, and where they are asked what is behind a domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import yaml

from abuse.config import current
from abuse.services.email.addresses import is_address

Address = IPv4Address | IPv6Address

OWN_FILE = "cdn-networks.yml"
"""Within the data directory: networks of the operator's own choice."""


class NetworksError(ValueError):
    """A file of content networks says something that cannot be used. The text names the file and the place."""


@dataclass(frozen=True, slots=True)
class ContentNetwork:
    """One network: its name in rules, the address that answers questions, and the blocks it serves from."""

    name: str
    address: str
    blocks: tuple[IPv4Network | IPv6Network, ...]


@cache
def content_networks() -> Mapping[str, ContentNetwork]:
    """The networks that come with Cerberus and those of the operator, by name.

    :raises NetworksError: when the operator's file cannot be read as such.
    """
    known = read_networks(Path(__file__).with_name("networks.yml"))
    own = current().data_directory / OWN_FILE
    return known | read_networks(own) if own.is_file() else known


def read_networks(path: Path) -> dict[str, ContentNetwork]:
    """The networks of one file.

    :raises NetworksError: naming what is wrong.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NetworksError(f"{path}: not a YAML text: {' '.join(str(error).split())}") from None
    if not isinstance(content, Mapping):
        raise NetworksError(f"{path}: expected {{name: {{address, networks}}}}")
    return {str(name).lower(): _read(path, str(name).lower(), entry) for name, entry in content.items()}


def _read(path: Path, name: str, entry: Any) -> ContentNetwork:
    if not isinstance(entry, Mapping) or set(entry) != {"address", "networks"}:
        raise NetworksError(f"{path}: {name}: expected address and networks")
    if not is_address(str(entry["address"])):
        raise NetworksError(f"{path}: {name}.address: {entry['address']!r}; expected an e-mail address")
    if not isinstance(entry["networks"], list):
        raise NetworksError(f"{path}: {name}.networks: expected a list of networks")
    try:
        blocks = tuple(ip_network(block) for block in entry["networks"])
    except ValueError as error:
        raise NetworksError(f"{path}: {name}.networks: {error}") from None
    return ContentNetwork(name, str(entry["address"]).lower(), blocks)


def owner_of(address: Address) -> str | None:
    """The name of the content network that an address belongs to."""
    for network in content_networks().values():
        if any(address in block for block in network.blocks):
            return network.name
    return None


def check_network_name(value: object) -> None:
    """Refuse a name that no file of content networks has.

    :raises ValueError: naming those that are known.
    """
    known = content_networks()
    if str(value).lower() not in known:
        raise ValueError(f"{str(value)[:60]!r} is not a content network; expected one of {', '.join(sorted(known))}")
