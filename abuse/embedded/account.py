"""The operating system's account under which the servers run.

PostgreSQL refuses to run as root, so for root both servers run as `nobody`. Valkey would run as root, but needs nothing
of root's, and a server that runs scripts for its clients should not have it; one account for both is also simplest.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .errors import EmbeddedServerError


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the servers. `switched` tells that it is another account than the calling process's."""

    name: str
    uid: int
    gid: int
    switched: bool


def server_account() -> Account:
    """Return the account for the servers of the calling process.

    :raises EmbeddedServerError: for root on a system without an account `nobody`.
    """
    uid = os.geteuid()
    if uid != 0:
        return Account(name=str(uid), uid=uid, gid=os.getegid(), switched=False)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedServerError(
            "The embedded servers can't run as root, and this system has no account 'nobody' to run them: "
            "start as another user, or configure a PostgreSQL and a Redis server."
        ) from None
    return Account(name=nobody.pw_name, uid=nobody.pw_uid, gid=nobody.pw_gid, switched=True)


def closed_directory(path: Path, account: Account) -> Path | None:
    """Return the first directory, from the root down to `path`, that `account` may not pass; None when it may pass all.

    Goes by the mode bits. An access list that grants more is not seen, which costs a needless copy and nothing else.
    """
    resolved = path.resolve()
    for directory in (*reversed(resolved.parents), resolved):
        if not may(directory, account, stat.S_IXUSR):
            return directory
    return None


def may(path: Path, account: Account, user_bit: int) -> bool:
    """Tell whether the mode bits of `path` grant `account` a right, given as the owner's bit: stat.S_IRUSR, S_IXUSR."""
    status = path.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & user_bit)
    if status.st_gid == account.gid:
        return bool(status.st_mode & (user_bit >> 3))
    return bool(status.st_mode & (user_bit >> 6))


def own_directory(path: Path, mode: int) -> None:
    """Make `path` a directory of the calling process's account, or check that it is one that only it can write to.

    An existing directory keeps its mode.

    :raises EmbeddedServerError: when it is something else, belongs to another account or is writable for others.
    """
    try:
        path.mkdir(mode=mode)
        path.chmod(mode)  # whatever the umask
    except FileExistsError:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise EmbeddedServerError(f"{path} is not a directory; the embedded servers need one there.") from None
        if status.st_uid != os.geteuid():
            raise EmbeddedServerError(
                f"The directory {path} of the embedded servers belongs to user id {status.st_uid}, expected "
                f"{os.geteuid()}, who runs this process: run as its owner, or remove it."
            ) from None
        if status.st_mode & 0o022:
            raise EmbeddedServerError(
                f"The directory {path} of the embedded servers is writable for others (mode "
                f"{stat.S_IMODE(status.st_mode):04o}), expected 0700: change its mode, or remove it."
            ) from None


def account_directory(path: Path, account: Account) -> None:
    """Make `path` a directory of `account` with mode 0700, or check that it is one: others may have laid it there.

    :raises EmbeddedServerError: when it is something else, belongs to another account or is open to others.
    """
    if not path.is_symlink() and not path.exists():
        _make_for(path, account)
    if account.switched and path.lstat().st_uid == os.geteuid():
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    check_account_directory(path, account)


def _make_for(path: Path, account: Account) -> None:
    """Make a directory that belongs to the account from the moment it is there: others may be looking at `path`."""
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        if account.switched:
            os.chown(made, account.uid, account.gid, follow_symlinks=False)
        made.rename(path)
    except OSError as error:
        made.rmdir()
        # Made by another process since, and in use: it is judged like any other.
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise


def check_account_directory(path: Path, account: Account) -> None:
    """Check that `path` is a directory of `account`, closed to all others.

    :raises EmbeddedServerError: when it is not.
    """
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.uid or mode & 0o077:
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a directory"
        raise EmbeddedServerError(
            f"{path} is not safe for the embedded servers: it is {kind} of user id {status.st_uid} with mode "
            f"{mode:04o}, expected a directory of user id {account.uid} with mode 0700. Someone else may have made it: "
            "remove it."
        )
