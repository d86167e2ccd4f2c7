"""The settings of the desk's own mail, and of whom the registries name."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from .section import Port, Seconds, Section


def _mailbox(value: str) -> str:
    local, _, host = value.rpartition("@")
    # What is put behind the local part to know a mail by has up to 33 characters, and 64 is the end (RFC 5321).
    if not local or not host or len(local) > 30 or not re.fullmatch(r"[A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+", value):
        raise ValueError(
            "expected an e-mail address such as bounces@example.net, of at most 30 characters before the @"
        )
    return value


class Relay(Section):
    """The mail server that takes what the desk writes."""

    host: str
    port: Port = 587
    tls: Literal["implicit", "starttls", "none"] = "starttls"
    ca_file: str | None = None
    user: str | None = None
    password: SecretStr | None = None
    bounce_address: Annotated[str, AfterValidator(_mailbox)] | None = None
    timeout_seconds: Seconds = 60


class Dkim(Section):
    """How outgoing mail is signed (RFC 6376). The key is RSA in PEM, in a file or as it stands."""

    domain: str = Field(min_length=1)
    selector: str = Field(min_length=1)
    key_file: str | None = None
    key: SecretStr | None = None
    headers: tuple[str, ...] = (
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding", "Auto-Submitted",
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key_file is None) == (self.key is None):
            raise ValueError("expected one of key_file and key")
        return self


class Rdap(Section):
    """Which registries are asked whose an address or a domain is that is not ours. Nobody, unless one is named."""

    base_url: str | None = None
    bootstrap_url: str | None = None
    servers: tuple[str, ...] = ()
    timeout_seconds: float = Field(default=10, gt=0, le=60)
    ca_file: str | None = None
    plaintext: bool = False

    @model_validator(mode="after")
    def _one_of_them(self) -> Rdap:
        if self.base_url is not None and self.bootstrap_url is not None:
            raise ValueError("expected base_url or bootstrap_url, not both")
        return self


class Reporters(Section):
    """What reporters are told by machine, unless a reporter's own row says otherwise."""

    acknowledge: bool = True
    already_known: bool = True
    question: bool = True
    outcome: bool = False
    misrouted: bool = True


class Mail(Section):
    """Who the desk is when it writes. Without a relay what it writes waits in the outbox."""

    ticket_domain: str = "example.net"
    default_language: str = "EN"
    portal_url: str | None = None
    relay: Relay | None = None
    bounce_address: Annotated[str, AfterValidator(_mailbox)] | None = None
    dkim: Dkim | None = None
    max_attachment_bytes: int = Field(default=10 * 1024 * 1024, ge=0)
    answer_period_seconds: int = Field(default=7 * 86_400, ge=1)
    resend_uncertain: bool = False
    forward_misrouted: bool = False
    forward_misrouted_per_day: int = Field(default=100, ge=1)
    reporters: Reporters = Reporters()

    @property
    def bounce_mailbox(self) -> str | None:
        """Where mails come back to: said here, or with the relay."""
        return self.bounce_address or (self.relay.bounce_address if self.relay else None)

    @field_validator("default_language")
    @classmethod
    def _language(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z]{2}", value):
            raise ValueError("expected a language code of two letters, such as EN")
        return value.upper()

    @field_validator("portal_url")
    @classmethod
    def _page_of_a_case(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s{}]*\{publicId\}[^\s{}]*", value):
            raise ValueError("expected a URL with {publicId} in it, such as https://abuse.example.net/case/{publicId}")
        return value
