"""What an RDAP server answers (RFC 9083), and what the desk reads of it: whose it is, and where to complain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MAX_DEPTH = 6
MAX_ENTITIES = 500
_MAX_TEXT = 255


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody whom the registry names. `handle` is the registry's name for him."""

    handle: str = ""
    name: str = ""
    organisation: str = ""
    emails: tuple[str, ...] = ()
    phone: str = ""
    address: str = ""
    country: str = ""
    registered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """A network or a domain as its registry has it. `abuse`: where to complain; `source`: the host that said so."""

    handle: str
    name: str
    kind: str
    """The registry's type of a network, such as `ASSIGNED PA`; empty for a domain."""
    first: IPv4Address | IPv6Address | None
    last: IPv4Address | IPv6Address | None
    country: str
    holder: Contact | None
    abuse: Contact | None
    registered_at: datetime | None
    source: str
    networks: tuple[Registration, ...] = ()
    """Those of an entity, where the registry lists them."""


def _list(value: object) -> object:
    """Registries write null, or leave out, what is empty."""
    return () if value is None else value


def _text(value: object) -> object:
    return "" if value is None else value


List = BeforeValidator(_list)
Text = Annotated[str, BeforeValidator(_text)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class _Event(_Part):
    action: Text = Field(default="", alias="eventAction")
    date: Text = Field(default="", alias="eventDate")


class Entity(_Part):
    """A person or an organisation, with those that belong to it."""

    handle: Text = ""
    roles: Annotated[tuple[str, ...], List] = ()
    vcard: Any = Field(default=None, alias="vcardArray")
    entities: Annotated[tuple[Entity, ...], List] = ()
    events: Annotated[tuple[_Event, ...], List] = ()
    networks: Annotated[tuple[Network, ...], List] = ()


class Network(_Part):
    """A network, or a domain, which has all but addresses and a country."""

    handle: Text = ""
    name: Text = ""
    ldh_name: Text = Field(default="", alias="ldhName")
    kind: Text = Field(default="", alias="type")
    start: Text = Field(default="", alias="startAddress")
    end: Text = Field(default="", alias="endAddress")
    country: Text = ""
    entities: Annotated[tuple[Entity, ...], List] = ()
    events: Annotated[tuple[_Event, ...], List] = ()


Entity.model_rebuild()


def registration(network: Network, source: str) -> Registration:
    """What a network's or a domain's answer says."""
    return Registration(
        handle=network.handle[:_MAX_TEXT],
        name=(network.name or network.ldh_name)[:_MAX_TEXT],
        kind=network.kind[:_MAX_TEXT],
        first=_address(network.start),
        last=_address(network.end),
        country=network.country[:32],
        holder=_first(network.entities, "registrant"),
        abuse=_first(network.entities, "abuse", needs_email=True),
        registered_at=_registered(network.events),
        source=source,
    )


def holding(entity: Entity, source: str) -> Registration:
    """What an entity's answer says: the holder, where to complain about him, and his networks."""
    return Registration(
        handle=entity.handle[:_MAX_TEXT],
        name="",
        kind="",
        first=None,
        last=None,
        country="",
        holder=contact(entity),
        abuse=_first((entity,), "abuse", needs_email=True),
        registered_at=_registered(entity.events),
        source=source,
        networks=tuple(registration(one, source) for one in entity.networks),
    )


def _first(entities: Sequence[Entity], role: str, *, needs_email: bool = False) -> Contact | None:
    """The nearest entity in a role: those of the object itself come before those within its entities."""
    for entity in _near_first(entities):
        if role in entity.roles:
            found = contact(entity)
            if found.emails or not needs_email:
                return found
    return None


def _near_first(entities: Sequence[Entity]) -> Iterator[Entity]:
    level, seen = list(entities), 0
    for _ in range(MAX_DEPTH):
        following: list[Entity] = []
        for entity in level:
            seen += 1
            if seen > MAX_ENTITIES:
                return
            yield entity
            following += entity.entities
        level = following


def contact(entity: Entity) -> Contact:
    """The jCard of an entity (RFC 7095): an array of `[name, parameters, type, value]`."""
    name, organisation, phone, address, country = "", "", "", "", ""
    emails: list[str] = []
    for field, parameters, value in _properties(entity.vcard):
        text = value if isinstance(value, str) else ""
        match field:
            case "fn":
                name = name or text
            case "org":
                organisation = organisation or _words(value)
            case "email":
                emails += [text.strip()] if _is_email(text.strip()) else []
            case "tel":
                phone = phone or text.removeprefix("tel:")
            case "adr":
                label = parameters.get("label")
                address = address or (_words(label.split("\n")) if isinstance(label, str) else _words(value))
                code = parameters.get("cc")
                country = country or (code if isinstance(code, str) else "")
    return Contact(
        handle=entity.handle[:_MAX_TEXT],
        name=name[:_MAX_TEXT],
        organisation=organisation[:_MAX_TEXT],
        emails=tuple(dict.fromkeys(emails))[:10],
        phone=phone[:_MAX_TEXT],
        address=address[:1024],
        country=country[:32],
        registered_at=_registered(entity.events),
    )


def _properties(vcard: object) -> Iterator[tuple[str, dict[str, Any], object]]:
    if isinstance(vcard, list) and len(vcard) == 2 and isinstance(vcard[1], list):
        for one in vcard[1][:100]:
            if isinstance(one, list) and len(one) >= 4 and isinstance(one[0], str) and isinstance(one[1], dict):
                yield one[0].lower(), one[1], one[3]


def _words(value: object) -> str:
    """The text of a structured value, on one line."""
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, list):
        return ", ".join(words for one in value[:20] if (words := _words(one)))
    return ""


def _is_email(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    plain = text.isascii() and text.isprintable() and not any(one in text for one in ' <>()[],;:\\"')
    return bool(local and "." in domain and plain and len(text) <= 254 and "@" not in local)


def _registered(events: Sequence[_Event]) -> datetime | None:
    for event in events:
        if event.action == "registration":
            try:
                moment = datetime.fromisoformat(event.date)
            except ValueError:
                return None
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("/")[0])
    except ValueError:
        return None
