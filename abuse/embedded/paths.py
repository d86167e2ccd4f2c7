"""Where everything of one data directory lies.

`directory` is the caller's: locks, passwords, logs. `home` holds what the servers themselves open: `postgres/`,
`valkey/` and `run/` with the sockets. It is the same directory, except for root when the servers' account can't reach
it (below /root, say): then it is one below /var/lib, and `home.json` in the directory tells which.

No mode of a directory that exists is ever changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .account import (
    Account,
    account_directory,
    check_account_directory,
    closed_directory,
    own_directory,
    server_account,
)
from .errors import EmbeddedServerError
from .locks import exclusive

SHARED_BASES = (Path("/var/lib/cerberus-embedded"), Path("/var/tmp/cerberus-embedded"))  # noqa: S108 - its owner is checked
POSTGRES_PORT = 5432
POSTGRES_SOCKET = f".s.PGSQL.{POSTGRES_PORT}"
VALKEY_SOCKET = "valkey.sock"
KEEPER_LOG = "keeper.log"
SOCKET_PATH_BYTES = 107
# libpq splits a host at commas and URLs have reserved characters: sockets lie only below names that need no quoting.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of one data directory and the account of its servers."""

    directory: Path
    home: Path
    account: Account

    @property
    def identity(self) -> str:
        """A short name of this home that no other has."""
        return hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]

    @property
    def sockets(self) -> Path:
        """The directory of the sockets: below the home, or a short one where that path is too long for a socket.

        It depends on the home alone, so every process finds the same. XDG_RUNTIME_DIR and TMPDIR do not do: they differ
        between a login and a service, and the former is removed with its sockets when the user logs out.
        """
        inside = self.home / "run"
        longest = inside / POSTGRES_SOCKET
        if len(os.fsencode(longest)) <= SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(str(longest)):
            return inside
        base = Path("/run") if os.geteuid() == 0 and Path("/run").is_dir() else Path("/tmp")  # noqa: S108 - owner checked
        return base / f"cerberus-{os.geteuid()}-{self.identity}"

    @property
    def postgres_data(self) -> Path:
        return self.home / "postgres"

    @property
    def valkey_data(self) -> Path:
        return self.home / "valkey"

    @property
    def users_lock(self) -> Path:
        return self.directory / "users.lock"

    @property
    def keeper_lock(self) -> Path:
        return self.directory / "keeper.lock"

    @property
    def keeper_log(self) -> Path:
        return self.directory / KEEPER_LOG

    @property
    def postgres_log(self) -> Path:
        return self.directory / "postgres.log"

    @property
    def valkey_log(self) -> Path:
        return self.directory / "valkey.log"

    @property
    def postgres_password(self) -> Path:
        return self.directory / "postgres.password"

    @property
    def valkey_password(self) -> Path:
        return self.directory / "valkey.password"


def prepare(directory: Path) -> Layout:
    """Make what is missing of a data directory, check what is there, and return its layout.

    :raises EmbeddedServerError: when the directory is another user's, open to others, or can't be made.
    """
    account = server_account()
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        # The servers' account has to pass through root's directory to its own part, and may do nothing else there.
        own_directory(directory, 0o711 if account.switched else 0o700)
        directory = directory.resolve()
        with exclusive(directory / "layout.lock"):
            layout = Layout(directory, _home(directory, account, create=True), account)
            account_directory(layout.sockets, account)
            if not layout.postgres_password.exists() and (layout.postgres_data / "PG_VERSION").exists():
                raise EmbeddedServerError(
                    f"The password of the embedded PostgreSQL is missing: {layout.postgres_password} does not exist, "
                    f"but {layout.postgres_data} has data. Put the file back, or move the data away to start empty."
                )
            _make_password(layout.postgres_password)
            _make_password(layout.valkey_password)
    except OSError as error:
        raise EmbeddedServerError(
            f"The data directory {directory} of the embedded servers can't be made: {error}"
        ) from error
    return layout


def locate(directory: Path) -> Layout | None:
    """Return the layout of a data directory that was prepared before, and None for another. Makes nothing.

    :raises EmbeddedServerError: when what is there can't be trusted.
    """
    directory = directory.resolve()
    account = server_account()
    if not (directory / "postgres.password").exists() or not (directory / "valkey.password").exists():
        return None
    own_directory(directory, 0o700)
    layout = Layout(directory, _home(directory, account, create=False), account)
    if layout.sockets.is_symlink() or layout.sockets.exists():
        check_account_directory(layout.sockets, account)
    return layout


def shared_base() -> Path:
    """Return root's directory for what the servers' account must reach, made if needed.

    :raises EmbeddedServerError: when it can't be made at any of its places, or is not root's.
    """
    reasons = []
    for base in SHARED_BASES:
        try:
            own_directory(base, 0o711)
        except OSError as error:
            reasons.append(str(error))
            continue
        return base
    raise EmbeddedServerError(
        f"There is no place for the embedded servers' data that 'nobody' reaches: {'; '.join(reasons)}."
    )


def replace_file(path: Path, content: str) -> None:
    """Write a file of the caller (mode 0600) so that it is there entirely or not at all, also after a power cut."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        sync_directory(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def sync_directory(path: Path) -> None:
    """Make a new name in directory `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_password(path: Path) -> None:
    if not path.exists():
        replace_file(path, secrets.token_hex(24))


def _home(directory: Path, account: Account, *, create: bool) -> Path:
    record = directory / "home.json"
    if record.exists():
        return _recorded_home(directory, record)
    if not account.switched or not create:
        return directory
    closed = closed_directory(directory, account)
    if closed is None:
        return directory
    if (directory / "postgres").exists():
        raise EmbeddedServerError(
            f"The embedded PostgreSQL's data in {directory} can't be reached by the user {account.name}, who runs it: "
            f"{closed} is closed to others now. Let others pass it (chmod o+x), or move the data directory."
        )
    home = Path(
        tempfile.mkdtemp(prefix=f"{hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]}-", dir=shared_base())
    )
    home.chmod(0o711)
    replace_file(home / "owner.json", json.dumps({"directory": str(directory)}))
    replace_file(record, json.dumps({"home": str(home)}))
    return home


def _recorded_home(directory: Path, record: Path) -> Path:
    try:
        home = Path(json.loads(record.read_text())["home"])
        status = home.lstat()
        owner = Path(json.loads((home / "owner.json").read_text())["directory"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbeddedServerError(
            f"{record} does not lead to the embedded servers' data: {error!r}. Put the data back, or remove {record} "
            "to start empty."
        ) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise EmbeddedServerError(f"{home}, recorded in {record}, is not a directory that only its owner can write to.")
    if owner != directory:
        # Moved along with its directory, or copied: two pairs of servers must never share one data directory.
        other = owner / "home.json"
        if other.exists() and json.loads(other.read_text()).get("home") == str(home):
            raise EmbeddedServerError(
                f"{directory} is a copy of {owner}, and their data is in the same place, {home}. Remove {record} to "
                "start empty."
            )
        replace_file(home / "owner.json", json.dumps({"directory": str(directory)}))
    return home
