"""One logged-in connection to an IMAP server: what the fetcher asks of it, with every answer bounded in time.

Errors come as one of two: `Refused`, the server said NO or BAD to this command and the connection is in order, or
`ConnectionLost`, after which only a new connection helps.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from imapclient import DELETED, IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from abuse.config import Mailbox

log = logging.getLogger(__name__)

SLOWEST_BYTES_PER_SECOND = 32 * 1024
"""A server that gives less than this over a whole fetch is taken for stuck."""
_MOST_UIDS = 50_000
"""Listed at once: imaplib refuses lines over one million bytes, and a UID may take eleven."""
_IDLE_SLICE = 0.5
"""Seconds between two looks at the stop flag while the server has nothing to say."""
LONGEST_IDLE = 540.0
"""Seconds after which IDLE is renewed: RFC 2177 wants it within 29 minutes, many a NAT forgets after ten."""

_REFUSED_IDLE = re.compile(r"^Unexpected IDLE response: b['\"][A-Z]+[0-9]+ (NO|BAD)\b")


class Refused(Exception):
    """The server answered NO or BAD; the connection can go on."""


class ConnectionLost(Exception):
    """The connection cannot be used any more: closed, timed out, or what came over it was not IMAP."""


class LoginRefused(ConnectionLost):
    """The server does not take the user and password."""


@dataclass(frozen=True)
class Listing:
    """What the folder holds, oldest first; at most fifty thousand UIDs, the rest at the next look."""

    uidvalidity: int
    uids: tuple[int, ...]


def mailbox_url(mailbox: Mailbox) -> str:
    """The folder as an IMAP URL (RFC 5092), the name that logs and rows give it."""
    return f"imap://{quote(mailbox.user, safe='@')}@{mailbox.host}/{quote(mailbox.folder)}"


class ImapSession:
    """Used by one thread. Only `interrupt` and `enforce_deadline` may be called from others."""

    def __init__(self, mailbox: Mailbox, *, base: Path) -> None:
        """Nothing is sent yet. A relative `ca_file` is taken from `base`."""
        self.mailbox = mailbox
        self._base = base
        self._deadline: float | None = None
        self._lock = threading.Lock()
        self._interrupted = False
        self._client: IMAPClient | None = None

    def connect(self) -> None:
        """Connect, encrypt and log in.

        :raises ConnectionLost: when any of it fails.
        """
        with self._bounded("connect"):
            self._client = self._connect()
            self._log_in(self.client)

    def _connect(self) -> IMAPClient:
        mailbox = self.mailbox
        context = None
        if mailbox.tls != "none":
            # Certificate and host name are checked: this is what create_default_context stands for.
            context = ssl.create_default_context(cafile=str(self._base / mailbox.ca_file) if mailbox.ca_file else None)
        timeout = SocketTimeout(connect=min(mailbox.timeout_seconds, 30.0), read=mailbox.timeout_seconds)
        client = IMAPClient(
            mailbox.host,
            port=mailbox.effective_port,
            ssl=mailbox.tls == "implicit",
            ssl_context=context if mailbox.tls == "implicit" else None,
            timeout=timeout,
        )
        if mailbox.tls == "starttls":
            try:
                client.starttls(context)
            except BaseException:
                _close(client)
                raise
        return client

    def _log_in(self, client: IMAPClient) -> None:
        user, password = self.mailbox.user, self.mailbox.password.get_secret_value()
        try:
            if client.has_capability("LOGINDISABLED"):
                raise LoginRefused(
                    "the server takes no password without encryption; expected tls: starttls or implicit"
                )
            # LOGIN carries ASCII only, and imaplib sends the user unquoted.
            if (user + password).isascii() and not any(character in user for character in ' "\\(){%*\r\n'):
                client.login(user, password)
            else:
                client.plain_login(user, password)
        except LoginError as error:
            raise LoginRefused(f"user {user!r} or its password was not accepted: {_say(error)}") from None

    @property
    def client(self) -> IMAPClient:
        if self._client is None or self._interrupted:
            raise ConnectionLost("the connection was closed")
        return self._client

    @contextlib.contextmanager
    def _bounded(self, what: str, seconds: float | None = None) -> Iterator[None]:
        """Give an operation a time limit as a whole, and its errors one of the two classes of this module.

        The socket's own time-out starts anew with each byte; a server that drips is caught by the deadline only.
        """
        with self._lock:
            self._deadline = time.monotonic() + (seconds or self.mailbox.timeout_seconds * 2)
        try:
            yield
        except (Refused, ConnectionLost):
            raise
        except IMAPClientAbortError as error:
            raise ConnectionLost(f"{what}: {_say(error)}") from error
        except IMAPClientError as error:
            # imaplib has one class for "the server said NO" and "I did not understand the server"; the text tells.
            said = _say(error)
            if type(error) is IMAPClientError and (" failed: " in said or " command error: BAD" in said):
                raise Refused(said) from error
            raise ConnectionLost(f"{what}: {said}") from error
        except (OSError, ValueError, AttributeError, LookupError, TypeError, MemoryError, AssertionError) as error:
            # All but OSError are how imaplib and IMAPClient fail on nonsense, or on a socket closed beneath them.
            raise ConnectionLost(f"{what}: {type(error).__name__}: {_say(error)}") from error
        finally:
            with self._lock:
                self._deadline = None

    def enforce_deadline(self) -> None:
        """Called by the supervisor: break an operation that takes too long. The owner gets `ConnectionLost`."""
        with self._lock:
            late = self._deadline is not None and time.monotonic() > self._deadline
        if late:
            self.interrupt()

    def interrupt(self) -> None:
        """Break whatever the owner waits for on the network."""
        self._interrupted = True
        if self._client is not None:
            with contextlib.suppress(OSError):
                # The plain socket's method: SSLSocket.shutdown would take the TLS state away from the reading thread.
                socket.socket.shutdown(self._client.socket(), socket.SHUT_RDWR)

    def close(self) -> None:
        """Log out if that goes quickly, and close."""
        client, self._client = self._client, None
        if client is None:
            return
        if not self._interrupted:
            with contextlib.suppress(Exception):
                client.socket().settimeout(2)
                client.logout()
                return
        _close(client)

    def open_folder(self) -> Listing:
        """Select the folder anew and list it: UIDVALIDITY cannot change under our feet from here to the next call."""
        with self._bounded("select"):
            selected = self.client.select_folder(self.mailbox.folder)
            exists = int(selected.get(b"EXISTS", 0))
            if b"UIDVALIDITY" not in selected:
                raise ConnectionLost("select: the server gives no UIDVALIDITY")
            uids = self.client.search(f"1:{min(exists, _MOST_UIDS)}") if exists else []
            return Listing(int(selected[b"UIDVALIDITY"]), tuple(sorted({int(uid) for uid in uids})))

    def make_target(self) -> None:
        """See that the folder mails are moved to exists."""
        target = self.mailbox.move_to
        if target is None:
            return
        with self._bounded("create"):
            if not self.client.folder_exists(target):
                self.client.create_folder(target)
                self.client.subscribe_folder(target)

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """Bytes of each mail, for those the server tells."""
        with self._bounded("fetch of sizes"):
            answers = self.client.fetch(list(uids), ["RFC822.SIZE"])
        return {
            uid: answer[b"RFC822.SIZE"]
            for uid, answer in answers.items()
            if isinstance(answer.get(b"RFC822.SIZE"), int)
        }

    def bodies(self, uids: Sequence[int], expected_bytes: int) -> dict[int, bytes]:
        """The mails as the server keeps them, without marking them as read; those it gives nothing for are left out."""
        seconds = self.mailbox.timeout_seconds * 2 + expected_bytes / SLOWEST_BYTES_PER_SECOND
        with self._bounded("fetch", seconds):
            answers = self.client.fetch(list(uids), ["BODY.PEEK[]"])
        return {uid: answer[b"BODY[]"] for uid, answer in answers.items() if isinstance(answer.get(b"BODY[]"), bytes)}

    def remove(self, uids: Sequence[int]) -> None:
        """Move the mails to `move_to`, or delete them where there is none."""
        target = self.mailbox.move_to
        with self._bounded("remove"):
            client = self.client
            if target is not None:
                if client.has_capability("MOVE"):
                    client.move(uids, target)
                    return
                client.copy(uids, target)
            client.add_flags(uids, [DELETED], silent=True)
            if client.has_capability("UIDPLUS"):
                client.uid_expunge(uids)
                return
            # A bare EXPUNGE takes every mail with the flag, also those somebody else has flagged and we not stored.
            strangers = set(client.search("DELETED")) - set(uids)
            if strangers:
                raise Refused(
                    f"{len(strangers)} other mail(s) are flagged as deleted and the server lacks UIDPLUS: not expunging"
                )
            client.expunge()

    @property
    def can_idle(self) -> bool:
        return self.mailbox.idle and bool(self.client.has_capability("IDLE"))

    def idle(self, seconds: float, stop: threading.Event) -> None:
        """Return when the server has news, after `seconds`, or soon after `stop`.

        :raises Refused: when the server announces IDLE and then will not do it.
        """
        with self._bounded("idle"):
            try:
                self.client.idle()
            except IMAPClientError as error:
                if _REFUSED_IDLE.search(str(error)):
                    raise Refused(_say(error)) from error
                raise
        end = time.monotonic() + min(seconds, LONGEST_IDLE)
        with self._bounded("idle", seconds + self.mailbox.timeout_seconds * 2):
            while not stop.is_set() and (left := end - time.monotonic()) > 0:
                slice_ = min(left, _IDLE_SLICE)
                before = time.monotonic()
                # An end of file reads as "no news, at once"; idle_done then finds out.
                if self.client.idle_check(timeout=slice_) or time.monotonic() - before < slice_ / 2:
                    break
            self.client.idle_done()


def _close(client: IMAPClient) -> None:
    with contextlib.suppress(Exception):
        client.shutdown()


def _say(error: BaseException) -> str:
    """An error's text, bounded and without control characters: some of it is the server's."""
    return "".join(character if character.isprintable() else " " for character in str(error)[:300])
