"""Where the servers are reached, and how they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """How libpq reaches the embedded PostgreSQL: `host` is the directory of its Unix socket."""

    host: Path
    port: int
    user: str
    password: str = field(repr=False)
    database: str = "cerberus"


@dataclass(frozen=True, slots=True)
class ValkeyAddress:
    """How a Redis client reaches the embedded Valkey; `url` has the form `unix://:PASSWORD@/PATH`."""

    socket_path: Path
    password: str = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServerAddresses:
    """The pair of servers of one data directory."""

    postgres: PostgresAddress
    valkey: ValkeyAddress


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server at one moment. `complaint` says why it does not answer; None when it does."""

    name: str
    pid: int | None
    complaint: str | None
    log: Path

    @property
    def healthy(self) -> bool:
        return self.pid is not None and self.complaint is None


@dataclass(frozen=True, slots=True)
class EmbeddedStatus:
    """The pair at one moment. `home` is where the data is: elsewhere if the servers can't reach the directory."""

    directory: Path
    home: Path
    keeper_pid: int | None
    in_use: bool
    postgres: ServerStatus
    valkey: ServerStatus

    @property
    def healthy(self) -> bool:
        return self.postgres.healthy and self.valkey.healthy
