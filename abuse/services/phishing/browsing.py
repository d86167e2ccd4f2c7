"""Pictures of pages, by a Chromium that has one way to the network: the filtering proxy."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .base import PhishingServiceException
from .connecting import Reach
from .filtering import FilteringProxy
from .targets import read_target

ACCOUNT = "nobody"
"""Whom the browser runs as when the desk runs as root."""
MAX_PICTURE = 16 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
# What each process of the browser may use, even when this one dies before it can end them: seconds of the processor,
# and blocks of 512 bytes in a file. Then the shell is the browser; a URL is never part of what the shell reads.
_LIMITED = 'ulimit -t "$1" && ulimit -f 524288 && ulimit -c 0 && shift && exec "$@"'
_SETTLE = 0.6
"""The part of the time in which a page may still load; the rest is for drawing it."""

# No word to the browser's maker, nothing kept, and no way round the proxy: no name is looked up, no UDP is sent.
_FLAGS = (
    "--headless", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
    "--disable-component-update", "--disable-domain-reliability", "--disable-client-side-phishing-detection",
    "--disable-sync", "--disable-extensions", "--disable-default-apps", "--disable-breakpad", "--mute-audio",
    "--hide-scrollbars", "--deny-permission-prompts", "--ignore-certificate-errors", "--disk-cache-size=1",
    "--proxy-bypass-list=<-loopback>", "--disable-quic", "--dns-prefetch-disable",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp", "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--window-size=1280,1024",
)  # fmt: skip


class Browser:
    """A Chromium program that draws pages, one at a time in this process.

    :param program: its name or path.
    :param seconds: for one picture; then the browser is killed.
    :param has_sandbox: False gives up the browser's own sandbox, where the system has none to offer (laboratories).
    :raises ValueError: when there is no such program.
    """

    def __init__(
        self, program: str, reach: Reach, *, ports: frozenset[int], seconds: float = 20.0, has_sandbox: bool = True
    ) -> None:
        found = shutil.which(program)
        if found is None:
            raise ValueError(f"browser: {program!r} is not installed; expected a Chromium, such as chromium")
        self._program, self._reach, self._ports = found, reach, ports
        self._seconds, self._has_sandbox = seconds, has_sandbox
        self._turn = threading.Lock()

    def picture(self, url: str, *, patience: float = 0.0) -> bytes:
        """A page as PNG.

        :param patience: seconds to wait for another picture to be ready.
        :raises PhishingServiceException: when there was no picture; permanent when the page may not be asked for.
        """
        target = read_target(url, ports=self._ports)
        if not self._turn.acquire(timeout=patience):
            raise PhishingServiceException("the browser is busy")
        try:
            until = time.monotonic() + self._seconds
            with (
                tempfile.TemporaryDirectory(prefix="cerberus-browser-", ignore_cleanup_errors=True) as name,
                FilteringProxy(self._reach, ports=self._ports, until=until) as proxy,
            ):
                directory = Path(name)
                self._run(target.url, directory, proxy.port, until)
                return _read(directory / "page.png")
        finally:
            self._turn.release()

    def _run(self, url: str, directory: Path, port: int, until: float) -> None:
        milliseconds = int(self._seconds * _SETTLE * 1000)
        command = [
            *("/bin/sh", "-c", _LIMITED, "sh", str(int(self._seconds) + 10)),
            self._program,
            *_FLAGS,
            *([] if self._has_sandbox else ["--no-sandbox"]),
            f"--proxy-server=http://127.0.0.1:{port}",
            f"--user-data-dir={directory / 'profile'}",
            f"--timeout={milliseconds}",
            f"--virtual-time-budget={milliseconds}",
            f"--screenshot={directory / 'page.png'}",
            url,
        ]
        user = group = None
        if os.geteuid() == 0:
            account = pwd.getpwnam(ACCOUNT)
            user, group = account.pw_uid, account.pw_gid
            os.chown(directory, user, group)
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={"HOME": str(directory), "TMPDIR": str(directory), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )
        try:
            process.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            raise PhishingServiceException(f"no picture within {self._seconds:g} seconds") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _read(path: Path) -> bytes:
    """The picture that the browser wrote: what it is, and how large, is its own word until then."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        raise PhishingServiceException("the browser made no picture") from None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(MAX_PICTURE + 1)
    if len(data) > MAX_PICTURE or not data.startswith(_PNG):
        raise PhishingServiceException(f"the browser's picture: expected PNG of at most {MAX_PICTURE} bytes")
    return data
