"""What every part of the settings is made of: a frozen section, and the kinds of values that several parts have."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

import re2
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

Network = IPv4Network | IPv6Network


def _network(value: object) -> object:
    if isinstance(value, str):
        try:
            return ip_network(value, strict=True)
        except ValueError as error:
            raise ValueError(f"expected a network such as 192.0.2.0/24 or 2001:db8::/32 ({error})") from None
    return value


def _dotted(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", value):
        raise ValueError("expected the dotted path of a class, such as abuse.services.crm.default.DirectoryCRM")
    return value


def _re2_pattern(value: str) -> str:
    try:
        re2.compile(value)
    except re2.error as error:
        raise ValueError(f"expected a regular expression that RE2 takes ({error})") from None
    return value


CheckedNetwork = Annotated[Network, BeforeValidator(_network)]
DottedPath = Annotated[str, AfterValidator(_dotted)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Re2Pattern = Annotated[str, AfterValidator(_re2_pattern)]


class Section(BaseModel):
    """A part of the settings: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")
