"""The embedded PostgreSQL: its cluster, its command line, and what a postmaster that died hard leaves."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import processes
from .account import account_directory
from .addresses import PostgresAddress
from .binaries import Binaries, installed
from .errors import EmbeddedServerError, log_tail, server_error
from .paths import POSTGRES_PORT, POSTGRES_SOCKET, Layout, sync_directory
from .processes import CommandLine, Stages

MAJOR_VERSION = "18"
USER = "cerberus"
DATABASE = "cerberus"
INITDB_SECONDS = 300
CLIENT_SECONDS = 5
ORPHAN_SECONDS = 10
# Above every process id that Linux gives, so surely nobody's.
NOBODYS_PID = 2**31 - 1
UNFINISHED = "postgres.new-"

# Written to postgresql.conf when the cluster is made; an operator may change them there.
CLUSTER_SETTINGS = {
    "shared_buffers": "128MB",
    "max_connections": "100",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Two lines for every start and stop, of no use to anybody.
    "log_checkpoints": "off",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """The PostgreSQL of one data directory."""

    layout: Layout
    binaries: Binaries

    @property
    def name(self) -> str:
        return "PostgreSQL"

    @property
    def log(self) -> Path:
        return self.layout.postgres_log

    @property
    def socket(self) -> Path:
        return self.layout.sockets / POSTGRES_SOCKET

    @property
    def stop_stages(self) -> Stages:
        # Fast shutdown, immediate shutdown (the next start recovers from the log), and what can't be refused.
        return ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))

    @property
    def address(self) -> PostgresAddress:
        return PostgresAddress(
            host=self.layout.sockets,
            port=POSTGRES_PORT,
            user=USER,
            password=self.layout.postgres_password.read_text(),
            database=DATABASE,
        )

    def matches(self, arguments: CommandLine) -> bool:
        data = str(self.layout.postgres_data)
        return len(arguments) > 2 and Path(arguments[0]).name == "postgres" and arguments[1:3] == ("-D", data)

    def prepare(self) -> None:
        account_directory(self.layout.sockets, self.layout.account)
        version_file = self.layout.postgres_data / "PG_VERSION"
        if not version_file.exists():
            self._create_cluster()
        version = version_file.read_text().strip()
        if version != MAJOR_VERSION:
            raise self._error(
                f"has data of major version {version}, expected {MAJOR_VERSION}: dump it with the older version, move "
                "it away and load the dump"
            )
        self._end_orphans()
        self._disarm_lock_files()

    def spawn(self) -> subprocess.Popen[bytes]:
        quoted = str(self.layout.sockets).replace('"', '""')
        enforced = {
            "listen_addresses": "",
            "port": str(POSTGRES_PORT),
            "unix_socket_directories": f'"{quoted}"',
            "unix_socket_permissions": "0700",
            "cluster_name": self._cluster_name,
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            # The keeper bounds the log file; a collector of PostgreSQL's own bounds nothing within its rotation time.
            "logging_collector": "off",
            "log_destination": "stderr",
            # Files in the data directory: logind removes a user's /dev/shm when he logs out, containers keep it small.
            "dynamic_shared_memory_type": "mmap",
        }
        arguments = [str(self.binaries.postgres), "-D", str(self.layout.postgres_data)]
        for name, value in enforced.items():
            arguments += ["-c", f"{name}={value}"]
        try:
            return processes.spawn(arguments, self.layout.account, self.log)
        except (OSError, subprocess.SubprocessError) as error:
            raise self._error(f"can't be started: {error}") from error

    def complaint(self) -> str | None:
        # Asking would put a line for each question into the log, and its last lines are what an error shows.
        if (state := self._recorded_state()) in ("starting", "stopping"):
            return f"the database system is {state}"
        address = self.address
        # The client runs as the caller, who can always read the installed programs.
        arguments = [str(installed().psql), "-X", "-w", "-h", str(address.host), "-p", str(address.port)]
        arguments += ["-U", address.user, "-d", address.database, "-Atc", "SELECT 1"]
        environment = {
            **processes.environment(),
            "PGPASSWORD": address.password,
            "PGCONNECT_TIMEOUT": str(CLIENT_SECONDS),
        }
        try:
            result = subprocess.run(
                arguments,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=CLIENT_SECONDS,
                env=environment,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            return f"no answer to a query within {CLIENT_SECONDS} s"
        except OSError as error:
            return f"the client can't be run: {error}"
        if result.returncode == 0 and result.stdout.strip() == b"1":
            return None
        return (
            " ".join(result.stderr.decode("utf-8", "replace").split()) or f"the client ended with {result.returncode}"
        )

    def is_busy(self, complaint: str) -> bool:
        return any(
            state in complaint
            for state in ("is starting", "is stopping", "shutting down", "recovery", "not yet accepting")
        )

    def _recorded_state(self) -> str:
        """Return what the postmaster last wrote into the eighth line of its lock file, or an empty string."""
        try:
            with (self.layout.postgres_data / "postmaster.pid").open(errors="replace") as file:
                lines = file.read(4096).splitlines()
        except FileNotFoundError:
            return ""
        return lines[7].strip() if len(lines) > 7 else ""

    @property
    def _cluster_name(self) -> str:
        return f"cerberus-{self.layout.identity}"

    def _error(self, reason: str) -> EmbeddedServerError:
        return server_error(self.name, self.layout.directory, self.log, reason)

    def _create_cluster(self) -> None:
        """Make the cluster with its database beside its place and move it there: complete or not at all."""
        account, target = self.layout.account, self.layout.postgres_data
        self._remove_unfinished()
        # A name of its own: programs that a killed keeper left may still write into theirs for a moment.
        work = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=target.parent))
        password_file = work.with_name(f"{work.name}.password")
        account_directory(work, account)
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self.layout.postgres_password.read_text())
            if account.switched:
                os.fchown(descriptor, account.uid, account.gid)
        try:
            self._initdb(work, password_file)
        finally:
            password_file.unlink()
        single = [str(self.binaries.postgres), "--single", "-D", str(work), "-c", "log_checkpoints=off", "postgres"]
        self._run(single, f"CREATE DATABASE {DATABASE} OWNER {USER};\n", "its database can't be created")
        try:
            work.rename(target)
            sync_directory(target.parent)
        except OSError as error:
            raise self._error(f"can't put its data at {target}, which is not a cluster: {error}") from error
        self._remove_unfinished()

    def _remove_unfinished(self) -> None:
        """Remove what an interrupted creation left, and end the programs that still work on it."""
        home = self.layout.home
        unfinished = str(home / UNFINISHED)
        try:
            processes.kill_all(
                lambda arguments: any(argument.startswith(unfinished) for argument in arguments),
                self.layout.account.uid,
                ORPHAN_SECONDS,
            )
        except TimeoutError as error:
            raise self._error(f"can't be created: an earlier attempt still runs: {error}") from error
        for path in home.glob(f"{UNFINISHED}*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)  # what a dying program adds meanwhile is removed the next time
            else:
                path.unlink(missing_ok=True)

    def _initdb(self, work: Path, password_file: Path) -> None:
        arguments = [str(self.binaries.initdb), "-D", str(work), "-U", USER, f"--pwfile={password_file}"]
        arguments += ["--auth=scram-sha-256", "--encoding=UTF8"]
        # Collation from the built-in provider: a libc upgrade can't change the order that the indexes are built on.
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        for name, value in CLUSTER_SETTINGS.items():
            arguments += ["--set", f"{name}={value}"]
        # pg_trgm and full text search go by the character type, and under plain C drop every letter beyond ASCII. A
        # libc that has no C.UTF-8 leaves nothing better.
        try:
            self._run([*arguments, "--lc-ctype=C.UTF-8"], "", "its cluster can't be created")
        except EmbeddedServerError:
            if "invalid locale name" not in log_tail(self.log):
                raise
            self._run(arguments, "", "its cluster can't be created")

    def _run(self, arguments: list[str], text: str, failure: str) -> None:
        try:
            status = processes.run(arguments, self.layout.account, self.log, text=text, timeout=INITDB_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            raise self._error(f"does not start: {failure}: {error}") from error
        if status != 0:
            raise self._error(f"does not start: {failure} ({Path(arguments[0]).name} ended with {status})")

    def _end_orphans(self) -> None:
        """End backends that outlive their postmaster. One busy with a query does not notice, and blocks the start."""
        title = f"postgres: {self._cluster_name}: "
        try:
            processes.kill_all(
                lambda arguments: bool(arguments) and arguments[0].startswith(title),
                self.layout.account.uid,
                ORPHAN_SECONDS,
            )
        except TimeoutError as error:
            raise self._error(f"can't be started: backends of a server that died are left: {error}") from error

    def _disarm_lock_files(self) -> None:
        """Make the lock files of a dead postmaster harmless.

        PostgreSQL refuses to start while the process id in them is in use, even when it is another program's by now.
        The data directory's is kept, with an id that nobody has: it also names the shared memory, by which PostgreSQL
        sees whether a process still works on the data. Empty ones, after a power cut, tell nothing.
        """
        self.socket.with_name(POSTGRES_SOCKET + ".lock").unlink(missing_ok=True)
        lock_file = self.layout.postgres_data / "postmaster.pid"
        if processes.read_pid(lock_file) is None:
            lock_file.unlink(missing_ok=True)
            return
        with os.fdopen(os.open(lock_file, os.O_RDWR | os.O_NOFOLLOW), "r+") as file:
            rest = file.read().partition("\n")[2]
            file.seek(0)
            file.write(f"{NOBODYS_PID}\n{rest}")
            file.truncate()
