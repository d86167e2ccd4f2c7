"""One customer as files and other systems give him, checked field by field, and what is said when a field is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from abuse.models.directory import directory_domain

Network = IPv4Network | IPv6Network

_IPV4_MAPPED = IPv6Network("::ffff:0:0/96")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with what was given: in which record, in which field, the value and what was expected instead."""

    record: str
    field: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.record}: {self.field}: {self.value}; {self.expected}"


def shown(value: object) -> str:
    """A value of the file for a person: quoted, control characters escaped, cut to one line."""
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _text(value: object) -> object:
    """Any run of white space, line ends included, is one space: these texts go into mail headers and letters."""
    if not isinstance(value, str):
        return value
    text = " ".join(value.split())
    if _CONTROL.search(text):
        raise ValueError("expected text without control characters")
    return text or None


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value):
        raise ValueError("expected one e-mail address such as name@example.org")
    return value


def _false_if_absent(value: object) -> object:
    return False if value is None else value


def _moment(value: object) -> datetime:
    """ISO 8601 with a zone: an hour off in a lease blames the wrong customer."""
    expected = "expected a time with its zone such as 2026-03-01T14:00:00Z"
    if not isinstance(value, str):
        raise ValueError(expected)
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.utcoffset() is None:
            raise ValueError(expected)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(expected) from None


def _day_or_moment(value: object) -> datetime:
    """As `_moment`; a day alone is its midnight in UTC."""
    if isinstance(value, str) and len(value.strip()) == 10:
        try:
            return datetime.combine(date.fromisoformat(value.strip()), time(0), UTC)
        except ValueError:
            raise ValueError("expected a day such as 2026-03-01") from None
    return _moment(value)


def _network(value: object) -> Network:
    """A network as the look-ups know it: IPv4-mapped IPv6 networks (RFC 4291) are IPv4."""
    expected = "expected a network or address such as 203.0.113.8/29, 203.0.113.8 or 2001:db8:1::/48"
    if not isinstance(value, str) or "%" in value:  # inet has no scopes
        raise ValueError(expected)
    text = value.strip()
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(expected) from None
    if isinstance(network, IPv6Network) and network.subnet_of(_IPV4_MAPPED):
        network = ip_network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    if network.prefixlen == 0:
        raise ValueError("expected a network smaller than the whole Internet")
    try:
        ip_network(text)
    except ValueError:
        raise ValueError(f"expected a network without host bits; {network} was probably meant") from None
    return network


def _domain(value: str) -> str:
    domain = directory_domain(value)
    if domain is None:
        raise ValueError("expected a domain of two labels or more such as shop.example.org")
    return domain


Text = Annotated[str | None, Field(max_length=255), BeforeValidator(_text)]
ShortText = Annotated[str | None, Field(max_length=32), BeforeValidator(_text)]
Address = Annotated[str | None, Field(max_length=1024), BeforeValidator(_text)]
RequiredText = Annotated[str, Field(max_length=255), BeforeValidator(_text)]
Email = Annotated[str, Field(max_length=255), AfterValidator(_email)]
Flag = Annotated[bool, BeforeValidator(_false_if_absent)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Record(BaseModel):
    """A part of the document: camelCase keys, and no others than those it knows."""

    # An unknown key is an error: a misspelt `validTo` would leave a lease open for ever.
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, coerce_numbers_to_str=True
    )


class ResourceRecord(Record):
    """A network (or some of its ports) or a domain with all below it, from `valid_from` until before `valid_to`."""

    network: Annotated[Network, BeforeValidator(_network)] | None = None
    domain: Annotated[str, AfterValidator(_domain), BeforeValidator(_text)] | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    port_from: Port | None = None
    port_to: Port | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.network is None) == (self.domain is None):
            raise ValueError("expected either a network or a domain")
        if (self.port_from is None) != (self.port_to is None):
            raise ValueError("expected both ports, the first and the last, or none")
        if self.port_from is not None and self.port_to is not None:
            if self.domain is not None:
                raise ValueError("expected ports only with a network")
            if self.port_from > self.port_to:
                raise ValueError("expected the first port not to be above the last")
        if self.valid_from is not None and self.valid_to is not None and self.valid_from >= self.valid_to:
            raise ValueError("expected the start of validity to be before its end")
        return self


class ServiceFields(Record):
    """A product, without whose it is."""

    service_id: Annotated[str | None, Field(max_length=256), BeforeValidator(_text)] = None
    name: RequiredText
    domain: Text = None
    component_type: Text = None
    component_sub_type: Text = None
    reference: Text = None
    creation_date: Annotated[datetime, BeforeValidator(_day_or_moment)] | None = None
    expiration_date: Annotated[datetime, BeforeValidator(_day_or_moment)] | None = None
    autorenew: bool | None = None
    state: Text = None


class ServiceRecord(ServiceFields):
    """A product of a customer. Without `service_id` it is known by the customer's id and its name."""

    resources: tuple[ResourceRecord, ...] = ()


class CustomerFields(Record):
    """A customer; the fields are those of a defendant."""

    customer_id: RequiredText
    email: Annotated[Email, BeforeValidator(_text)]
    spare_email: Annotated[Email | None, BeforeValidator(_text)] = None
    firstname: Text = None
    name: Text = None
    organisation: Text = None
    legal_form: Text = None
    address: Address = None
    zip: Text = None
    city: Text = None
    state: Text = None
    country: ShortText = None
    billing_country: ShortText = None
    lang: ShortText = None
    phone: Text = None
    creation_date: Annotated[datetime, BeforeValidator(_day_or_moment)]
    is_vip: Flag = Field(default=False, alias="isVIP")
    is_gs: Flag = Field(default=False, alias="isGS")
    is_internal: Flag = False


class CustomerRecord(CustomerFields):
    """A customer with his services."""

    services: tuple[ServiceRecord, ...] = ()


def read_record(place: str, document: object) -> CustomerRecord | list[Fault]:
    """One customer of the document, or all that is wrong with him. `place` says where he stands in the file."""
    try:
        return CustomerRecord.model_validate(document)
    except ValidationError as error:
        customer_id = document.get("customerId") if isinstance(document, dict) else None
        record = f"{place} (customer {shown(customer_id)})" if customer_id else place
        return list(faults_of(record, error))


_EXPECTED = {
    "missing": "expected a value",
    "extra_forbidden": "expected no field of this name",
    "string_type": "expected text",
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "model_type": "expected an object",
    "tuple_type": "expected a list",
}


def faults_of(record: str, error: ValidationError) -> Iterator[Fault]:
    """All that is wrong, field by field."""
    for detail in error.errors(include_url=False, include_context=False):
        kind, message = detail["type"], detail["msg"].removeprefix("Value error, ")
        expected = _EXPECTED.get(kind) or re.sub("^(Input|String) should (be|have) ", "expected ", message)
        value = "missing" if kind == "missing" else shown(detail["input"])
        yield Fault(record, ".".join(map(str, detail["loc"])) or "the record", value, expected)
