"""The settings of what speaks HTTP: the API, logins elsewhere, metrics, and events told to others."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    field_validator,
)

from .section import CheckedNetwork, Port, Seconds, Section


class Metrics(Section):
    """Who may read the metrics: who knows `token`; without one, who calls from `networks`."""

    enabled: bool = True
    token: SecretStr | None = None
    networks: tuple[CheckedNetwork, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    cache_seconds: float = Field(default=5, ge=0, le=300)

    @field_validator("token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("expected at least 16 characters")
        return value


def _origin(value: str) -> str:
    """RFC 6454: scheme, host and, where it is not the usual one, port."""
    if not re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", value):
        raise ValueError("expected an exact origin in lower case, such as https://desk.example.net, without a path")
    return value


Origin = Annotated[str, AfterValidator(_origin)]


def _web_address(value: str) -> str:
    if not re.fullmatch(r"https://[^\s]+|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?(/[^\s]*)?", value):
        raise ValueError("expected an https:// address")
    return value.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_web_address)]


def _own_page(value: str) -> str:
    if not re.fullmatch(r"/(?![/\\])[!-~]*", value):
        raise ValueError("expected a path of this server, such as /")
    return value


OidcName = Annotated[str, Field(min_length=1, max_length=100)]


class Oidc(Section):
    """Single sign-on by OpenID Connect. Mappings go from a value of the claim to what it gives here."""

    issuer: WebAddress
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    redirect_uri: WebAddress
    scopes: tuple[OidcName, ...] = ("openid", "profile", "email")
    username_claim: OidcName = "preferred_username"
    role_claim: OidcName = "groups"
    role_mapping: dict[str, str] = {}
    category_mapping: dict[str, dict[str, Literal["Read-only", "Beginner", "Advanced", "Expert"]]] = {}
    allow_new_users: bool = False
    link_by_username: bool = False
    after_login: Annotated[str, AfterValidator(_own_page)] = "/"
    timeout_seconds: Seconds = 10

    @field_validator("scopes")
    @classmethod
    def _openid(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("expected openid among them")
        return value


class Api(Section):
    """The API: where it listens, how long logins last, and whom it believes."""

    host: str = "127.0.0.1"
    port: Port = 5000
    token_lifetime_seconds: int = Field(default=86_400, ge=60)
    threads: int = Field(default=8, ge=1, le=256)
    metrics: Metrics = Metrics()
    session_idle_seconds: int = Field(default=7200, ge=120)
    session_lifetime_seconds: int = Field(default=43_200, ge=120)
    personal_token_days: int = Field(default=365, ge=1, le=3650)
    trusted_proxies: tuple[CheckedNetwork, ...] = ()
    allowed_origins: tuple[Origin, ...] = ()
    require_totp_for: tuple[str, ...] = ()
    audit_retention_days: int = Field(default=730, ge=1)
    oidc: Oidc | None = None
    submission_max_bytes: int = Field(default=25 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    submissions_per_minute: int = Field(default=120, ge=1)
    exports_per_hour: int = Field(default=30, ge=1)


class Webhooks(Section):
    """How events are sent to programs that subscribed to them."""

    allowed_networks: tuple[CheckedNetwork, ...] = ()
    plaintext: bool = False
    ca_file: str | None = None
    dns_servers: tuple[str, ...] = ()
    timeout_seconds: float = Field(default=10, gt=0, le=60)
    retry_seconds: Seconds = 30
    give_up_days: float = Field(default=5, gt=0, le=30)


class Streams(Section):
    """How many streams of events are open at once, in each process that serves the API."""

    total: int = Field(default=50, ge=0, le=1000)
    per_user: int = Field(default=4, ge=1)
    heartbeat_seconds: float = Field(default=15, gt=0, le=300)
    max_seconds: float = Field(default=3600, gt=0)


class Events(Section):
    """What other programs are told of what happens here. `keep_days`: how long they can ask for it."""

    keep_days: float = Field(default=14, gt=0, le=365)
    webhooks: Webhooks = Webhooks()
    streams: Streams = Streams()
