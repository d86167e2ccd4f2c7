"""A page in a real Chromium, served on an origin of its own, that tells how its calls went."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from abuse.services.phishing.browsing import ACCOUNT

PAGE = Path(__file__).parent / "page"
SECONDS = 120.0


class PageServer(ThreadingHTTPServer):
    """Serves the page and what it is given, and hears what it tells."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.given: dict[str, Any] = {}
        self.told: dict[str, Any] = {}
        self.has_told = threading.Event()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: PageServer

    def do_GET(self) -> None:
        name = self.path.strip("/") or "index.html"
        if name == "given.json":
            self._answer(200, json.dumps(self.server.given).encode(), "application/json")
        elif (PAGE / name).parent == PAGE and (PAGE / name).is_file():
            kind = "text/html" if name.endswith(".html") else "text/javascript"
            self._answer(200, (PAGE / name).read_bytes(), f"{kind}; charset=utf-8")
        else:
            self._answer(404, b"", "text/plain")

    def do_POST(self) -> None:
        self.server.told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(200, b"{}", "application/json")
        self.server.has_told.set()

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@contextlib.contextmanager
def page_server() -> Iterator[PageServer]:
    """The origin of the page for as long as the block."""
    server = PageServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(20)


def run_page(program: str, server: PageServer) -> dict[str, Any]:
    """Open the page and wait for what it tells."""
    user = group = None
    with tempfile.TemporaryDirectory(prefix="cerberus-page-", ignore_cleanup_errors=True) as directory:
        if os.geteuid() == 0:
            account = pwd.getpwnam(ACCOUNT)
            user, group = account.pw_uid, account.pw_gid
            os.chown(directory, user, group)
        browser = subprocess.Popen(
            [
                program, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                "--disable-extensions", "--remote-debugging-port=0", f"--user-data-dir={directory}/profile",
                server.origin + "/",
            ],
            cwd=directory,
            env={"HOME": directory, "TMPDIR": directory, "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            user=user, group=group, extra_groups=[] if user is not None else None,
        )  # fmt: skip
        try:
            assert server.has_told.wait(SECONDS), "the page tells nothing"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(browser.pid, 9)
            browser.wait(20)
    return server.told
