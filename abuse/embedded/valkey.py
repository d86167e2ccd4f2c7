"""The embedded Valkey: its configuration and the few words of its protocol needed to ask whether it answers."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import processes
from .account import account_directory
from .addresses import ValkeyAddress
from .binaries import Binaries
from .errors import log_tail, server_error
from .paths import VALKEY_SOCKET, Layout
from .processes import CommandLine, Stages

CLIENT_SECONDS = 5
REPLY_BYTES = 1024
DAMAGED = "Bad file format reading the append only file"
APPEND_ONLY_DIRECTORY = "appendonlydir"


@dataclass(frozen=True, slots=True)
class Valkey:
    """The Valkey of one data directory."""

    layout: Layout
    binaries: Binaries

    @property
    def name(self) -> str:
        return "Valkey"

    @property
    def log(self) -> Path:
        return self.layout.valkey_log

    @property
    def socket(self) -> Path:
        return self.layout.sockets / VALKEY_SOCKET

    @property
    def stop_stages(self) -> Stages:
        # SIGTERM writes the append-only file out.
        return ((signal.SIGTERM, 30.0), (signal.SIGKILL, 10.0))

    @property
    def address(self) -> ValkeyAddress:
        password = self.layout.valkey_password.read_text()
        return ValkeyAddress(socket_path=self.socket, password=password, url=f"unix://:{password}@{self.socket}")

    def matches(self, arguments: CommandLine) -> bool:
        data = str(self.layout.valkey_data)
        return len(arguments) > 3 and Path(arguments[0]).name == "valkey-server" and arguments[2:4] == ("--dir", data)

    def prepare(self) -> None:
        account_directory(self.layout.sockets, self.layout.account)
        account_directory(self.layout.valkey_data, self.layout.account)
        self._set_damaged_aside()

    def spawn(self) -> subprocess.Popen[bytes]:
        # By standard input: the password is in no file of another account and in no command line.
        arguments = [str(self.binaries.valkey_server), "-", "--dir", str(self.layout.valkey_data)]
        try:
            process = processes.spawn(arguments, self.layout.account, self.log, stdin=subprocess.PIPE)
            if process.stdin is not None:
                with process.stdin:
                    process.stdin.write(self._configuration().encode())
        except (OSError, subprocess.SubprocessError) as error:
            raise server_error(self.name, self.layout.directory, self.log, f"can't be started: {error}") from error
        return process

    def complaint(self) -> str | None:
        """Log in and send PING; see https://valkey.io/topics/protocol/."""
        password = self.layout.valkey_password.read_text()
        request = f"*2\r\n$4\r\nAUTH\r\n${len(password)}\r\n{password}\r\n*1\r\n$4\r\nPING\r\n".encode()
        expected = b"+OK\r\n+PONG\r\n"
        reply = b""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(CLIENT_SECONDS)
                connection.connect(str(self.socket))
                connection.sendall(request)
                while reply.count(b"\r\n") < 2 and len(reply) < REPLY_BYTES:
                    part = connection.recv(REPLY_BYTES)
                    if not part:
                        break
                    reply += part
        except OSError as error:
            return f"no answer at {self.socket}: {error}"
        return None if reply == expected else f"it answered {reply!r}, expected {expected!r}"

    def is_busy(self, complaint: str) -> bool:
        return "LOADING" in complaint

    def _configuration(self) -> str:
        return "\n".join(
            (
                "port 0",
                f"unixsocket {self.socket}",
                "unixsocketperm 700",
                f"requirepass {self.layout.valkey_password.read_text()}",
                "daemonize no",
                "supervised no",
                # The keeper recognises the server by its command line.
                "set-proc-title no",
                "always-show-logo no",
                "appendonly yes",
                "appendfsync everysec",
                f"appenddirname {APPEND_ONLY_DIRECTORY}",
                'save ""',
                # Queues of ids stay far below. At the limit a write is refused with an error, and nothing is evicted.
                "maxmemory 512mb",
                "maxmemory-policy noeviction",
                "",
            )
        )

    def _set_damaged_aside(self) -> None:
        """Put away an append-only file that Valkey refused to read, as a power cut can leave it, and begin empty.

        Valkey holds only what the database can ring again, and whoever runs a first command can't repair such a file.
        """
        data = self.layout.valkey_data / APPEND_ONLY_DIRECTORY
        last = log_tail(self.log).splitlines()[-1:]
        if not last or DAMAGED not in last[0] or not data.exists():
            return
        aside = data.with_name(f"{APPEND_ONLY_DIRECTORY}.damaged")
        if aside.exists():
            shutil.rmtree(aside)
        data.rename(aside)
