"""The email service that sends by a program of the machine: Postfix, Exim, msmtp and others give one named sendmail."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from abuse.config.mail import Mail

from ..running import TookTooLong, check_program, finish, start
from .default import DatabaseEmailService
from .transport import Envelope, Reply, Session, Transport

PERMANENT = (65, 67, 68)
"""Exit codes of sysexits(3) that another attempt would not change: EX_DATAERR, EX_NOUSER, EX_NOHOST."""
_FORBIDDEN = ("-t", "-ti", "-it", "--read-recipients", "--read-envelope-from")
_MAX_OUTPUT = 4096


class SendmailEmailService(DatabaseEmailService):
    """Conversations in PostgreSQL as the default has them, sent by a program.

    It is run without a shell as `program arguments -f SENDER -- RECIPIENT`, once for each recipient, with the mail as
    its input and an empty environment.

    :param program: its absolute path.
    :param arguments: that come first.
    :param seconds: that it may take for a mail; then it is ended, and the mail is uncertain.
    :param permanent: exit codes that another attempt would not change. All others but 0 are tried again.
    :raises ValueError: for what cannot be run.
    """

    def __init__(
        self,
        *,
        program: str = "/usr/sbin/sendmail",
        arguments: Sequence[str] = ("-i",),
        seconds: float = 60.0,
        permanent: Sequence[int] = PERMANENT,
    ) -> None:
        super().__init__()
        check_program("program", program)
        if isinstance(arguments, str) or not all(isinstance(one, str) and "\0" not in one for one in arguments):
            raise ValueError(f"arguments: {arguments!r}; expected a list of texts")
        forbidden = sorted(set(arguments) & {*_FORBIDDEN, "--"})
        if forbidden:
            raise ValueError(f"arguments: {forbidden[0]!r}; expected none that has recipients read from the mail")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0.1 <= seconds <= 300:
            raise ValueError(f"seconds: {seconds!r}; expected a number from 0.1 to 300")
        if not all(type(one) is int and 1 <= one <= 255 for one in permanent):
            raise ValueError(f"permanent: {permanent!r}; expected exit codes from 1 to 255")
        self._transport = SendmailTransport([program, *arguments], seconds, frozenset(permanent))

    def transport(self, settings: Mail) -> Transport:
        return self._transport


class SendmailTransport(Transport):
    """A program that takes one mail each time it is run."""

    def __init__(self, command: Sequence[str], seconds: float, permanent: frozenset[int]) -> None:
        super().__init__(command[0], 2 * seconds + 10)
        self._command, self._limit, self._permanent = tuple(command), seconds, permanent

    @contextmanager
    def session(self) -> Iterator[Session]:
        yield _SendmailSession(self._command, self._limit, self._permanent)


class NoAnswer(OSError):
    """The program said nothing of the mail's fate."""


class _SendmailSession(Session):
    """Runs the program for one mail after the other."""

    def __init__(self, command: Sequence[str], seconds: float, permanent: frozenset[int]) -> None:
        self._command, self._seconds, self._permanent = command, seconds, permanent
        self._envelope: Envelope | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def offer(self, envelope: Envelope, mail: bytes) -> Reply | None:
        if "\0" in envelope.sender + envelope.recipient:
            return Reply(is_taken=False, text="an address with a character that is none", permanent=True)
        self._envelope = envelope
        return None

    def give(self, mail: bytes) -> None:
        """Start the program. Its input is a file with the whole mail: were it a pipe, the program would send half a
        mail if we died in between.
        """
        assert self._envelope is not None  # noqa: S101  (`offer` comes before)
        command = [*self._command, "-f", self._envelope.sender, "--", self._envelope.recipient]
        with tempfile.TemporaryFile() as file:
            file.write(mail.replace(b"\r\n", b"\n"))
            file.flush()
            file.seek(0)
            self._process = start(command, stdin=file)

    def answer(self) -> Reply:
        process, self._process = self._process, None
        assert process is not None  # noqa: S101  (`give` comes before)
        try:
            finished = finish(process, seconds=self._seconds, max_output=_MAX_OUTPUT)
        except TookTooLong:
            raise NoAnswer(f"{self._command[0]} was ended after {self._seconds:g} seconds") from None
        if finished.code < 0:
            raise NoAnswer(f"{self._command[0]} was ended by signal {-finished.code}")
        said = " ".join(finished.output.decode("utf-8", "replace").split())
        words = "".join(one for one in said if one.isprintable())[:500] or "without a word"
        return Reply(
            is_taken=finished.code == 0,
            text=f"{self._command[0]} ended with {finished.code}: {words}",
            permanent=finished.code in self._permanent,
        )

    def withdraw(self) -> None:
        self._envelope = None
        raise NoAnswer("another sender has the mail")

    def reset(self) -> None:
        self._envelope = None
