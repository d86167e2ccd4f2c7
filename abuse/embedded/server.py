"""What the keeper knows of a server, whichever it is."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Protocol

from .errors import server_error
from .processes import CommandLine, Matcher, Stages, signal_process

# How the command that starts a keeper ends when the servers can't be had, and when the keeper was killed meanwhile.
KEEPER_FAILED = 1
KEEPER_KILLED = 3


class Server(Protocol):
    """One of the two servers of a data directory: how to find, start, question and stop it."""

    @property
    def name(self) -> str:
        """Its name for people."""

    @property
    def log(self) -> Path:
        """Where its output goes."""

    @property
    def socket(self) -> Path:
        """The socket it listens on."""

    @property
    def stop_stages(self) -> Stages:
        """The signals that end it, the clean one first."""

    def matches(self, arguments: CommandLine) -> bool:
        """Tell whether a command line is that of this data directory's server."""

    def prepare(self) -> None:
        """Make its data if there is none, and clear away what a server that died hard left. Only while it is down.

        :raises EmbeddedServerError: when it can't be done.
        """

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it. It answers some time later.

        :raises EmbeddedServerError: when the program can't be run.
        """

    def complaint(self) -> str | None:
        """Ask it something as a client would: None when it answers, otherwise why it does not."""

    def is_busy(self, complaint: str) -> bool:
        """Tell whether a complaint is that of a server on its way: it recovers, loads its data or shuts down."""


def stop_server(server: Server, pid: int, directory: Path, matches: Matcher) -> bool:
    """Stop the server that runs as process `pid` if its command line matches, and tell whether it was one.

    :raises EmbeddedServerError: when it survives even SIGKILL.
    """
    try:
        return signal_process(pid, matches, server.stop_stages)
    except TimeoutError as error:
        raise server_error(server.name, directory, server.log, f"can't be stopped: {error}") from error
