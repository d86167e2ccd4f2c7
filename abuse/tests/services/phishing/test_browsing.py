"""Pictures by a real Chromium, where one is installed; its way to the network is tested without it, too."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from abuse.services.phishing import PhishingServiceException
from abuse.services.phishing.browsing import ACCOUNT, Browser
from abuse.services.phishing.connecting import Reach
from abuse.services.phishing.filtering import FilteringProxy
from abuse.services.phishing.resolving import DnsResolver
from abuse.services.storage import StorageService

from .lab import WebServer, name_server, page, reach, redirect, web_server
from .test_service import service

PROGRAM = next((one for one in ("chromium-headless-shell", "chromium") if shutil.which(one)), None)
SANDBOX_HELPER = Path("/usr/lib/chromium/chrome-sandbox")


def why_no_browser() -> str:
    """Why no browser can be started here, and what would help; empty when one can."""
    if PROGRAM is None:
        return "no Chromium is installed (apt-get install chromium-headless-shell)"
    account = pwd.getpwnam(ACCOUNT) if os.geteuid() == 0 else None
    tried = subprocess.run(
        ["unshare", "-U", "true"], check=False, capture_output=True, user=account and account.pw_uid,
        group=account and account.pw_gid, extra_groups=[] if account else None,
    )  # fmt: skip
    if tried.returncode != 0 and not SANDBOX_HELPER.exists():
        return (
            "the system lets Chromium make no sandbox: it has neither user namespaces nor the helper chromium-sandbox"
        )
    return ""


needs_browser = pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser() or "there is one")


def ask(proxy: FilteringProxy, request: str, more: bytes = b"") -> bytes:
    """What the proxy answers in all."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        client.sendall(request.encode() + more)
        answer = b""
        while data := client.recv(65536):
            answer += data
        return answer


def proxy_for(inside: Reach, *servers: WebServer, seconds: float = 5.0, **bounds: int) -> FilteringProxy:
    ports = frozenset({80, 443, *(server.port for server in servers)})
    return FilteringProxy(inside, ports=ports, until=time.monotonic() + seconds, **bounds)


def test_the_proxy_asks_what_may_be_asked() -> None:
    with web_server({"/a": page("there")}) as server, proxy_for(reach(), server) as proxy:
        request = (
            f"GET {server.url('/a')} HTTP/1.1\r\nHost: elsewhere.example\r\nProxy-Authorization: x\r\nX-Y: z\r\n\r\n"
        )
        assert ask(proxy, request).endswith(b"\r\n\r\nthere")
        tunnelled = ask(
            proxy, f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
        )
    assert tunnelled.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert server.heads[0] == f"GET /a HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX-Y: z\r\nConnection: close\r\n\r\n"
    assert proxy.refused == []


@pytest.mark.parametrize(
    "request_line",
    [
        "CONNECT 10.0.0.1:443 HTTP/1.1", "CONNECT [::1]:443 HTTP/1.1", "CONNECT 0x7f.1:443 HTTP/1.1",
        "CONNECT evil.example:443 HTTP/1.1", "CONNECT 8.8.8.8:25 HTTP/1.1", "CONNECT 8.8.8.8:443@10.0.0.1:80 HTTP/1.1",
        "GET http://169.254.169.254/latest/meta-data/ HTTP/1.1", "GET http://evil.example/ HTTP/1.1",
        "GET ftp://8.8.8.8/ HTTP/1.1", "GET https://8.8.8.8/ HTTP/1.1", "GET / HTTP/1.1",
        "DELETE http://8.8.8.8/ HTTP/1.1", "nonsense",
    ],
)  # fmt: skip
def test_the_proxy_refuses_what_may_not(request_line: str) -> None:
    with name_server({"evil.example": [["192.168.0.1"]]}) as names:
        inside = Reach(DnsResolver([f"127.0.0.1:{names.port}"]))
        with proxy_for(inside) as proxy:
            assert ask(proxy, f"{request_line}\r\n\r\n").startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert len(proxy.refused) == 1


def test_the_proxy_asks_the_checked_address() -> None:
    with (
        web_server({"/": page("first")}) as server,
        name_server({"evil.example": [["127.0.0.1"], ["10.0.0.1"]]}) as names,
        proxy_for(reach(names), server) as proxy,
    ):
        request = f"GET {server.url(host='evil.example')} HTTP/1.1\r\n\r\n"
        assert ask(proxy, request).endswith(b"first")
        assert ask(proxy, request).startswith(b"HTTP/1.1 403 ")
    assert names.asked.count("evil.example A") == 2


def test_the_proxy_counts() -> None:
    def endless(client: socket.socket) -> None:
        while True:
            client.sendall(b"x" * 65536)

    with web_server({"/endless": endless, "/": page("x")}) as server:
        with proxy_for(reach(), server, max_bytes=200_000) as proxy:
            assert len(ask(proxy, f"GET {server.url('/endless')} HTTP/1.1\r\n\r\n")) <= 200_000
        with proxy_for(reach(), server, max_connections=2) as proxy:
            for _ in range(2):
                assert ask(proxy, f"GET {server.url()} HTTP/1.1\r\n\r\n").endswith(b"x")
            with pytest.raises(ConnectionError):
                if ask(proxy, f"GET {server.url()} HTTP/1.1\r\n\r\n") == b"":
                    raise ConnectionResetError
        with proxy_for(reach(), server, seconds=0.4) as proxy:
            started = time.monotonic()
            assert ask(proxy, "GET http://slow") == b""
            assert time.monotonic() - started < 2


def test_the_proxy_is_over_when_the_picture_is() -> None:
    with proxy_for(reach(), seconds=30) as proxy:
        waiting = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
        time.sleep(0.1)
    with waiting:
        assert waiting.recv(10) == b""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def size_of(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def browsers_of(parent: int) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if b"cerberus-browser-" in command and f"/{parent}/".encode() not in command:
            found.append(command.decode(errors="replace")[:100])
    return found


@needs_browser
def test_a_page_that_is_up_is_pictured_once_and_kept() -> None:
    body = "<title>Bank</title><body style='background:#f00'>sign in <img src=/logo.png></body>"
    with web_server({"/": page(body)}) as server, name_server({"bank.example": [["127.0.0.1"]]}) as names:
        looking = service(server, names=names, browser=PROGRAM)
        url = server.url(host="bank.example")
        without = looking.ping_url(url, try_screenshot=False)
        assert (without.score, without.picture) == (0, "")
        look = looking.ping_url(url)
        assert look.score == 0
        gone = looking.ping_url(server.url("/gone", host="bank.example"))
        assert (gone.score >= 75, gone.picture) == (True, "")
    assert look.picture.endswith(f"-{look.look_id}")
    assert size_of(StorageService.read(look.picture)) == (1280, 1024)
    assert any(head.startswith("GET /logo.png ") for head in server.heads)


@needs_browser
def test_the_browser_reaches_nothing_but_through_the_proxy(tmp_path: Path) -> None:
    """A page that tries all ways inside: other servers, other addresses, files, names, and UDP."""
    assert PROGRAM is not None
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(0.5)
    with web_server({"/": page("inside")}) as inside, web_server({}) as outside, udp:
        body = f"""
        <img src="http://10.0.0.1/a.png"><img src="{inside.url("/img.png")}"><iframe src="file://{secret}"></iframe>
        <iframe src="http://localhost:{inside.port}/"></iframe><iframe src="http://[::1]:{inside.port}/"></iframe>
        <link rel="dns-prefetch" href="//names.example"><link rel="preconnect" href="{inside.url()}">
        <script>
        fetch("{inside.url("/fetch")}", {{mode: "no-cors"}}).catch(() => 0);
        new WebSocket("ws://127.0.0.1:{inside.port}/socket");
        const peer = new RTCPeerConnection({{iceServers: [{{urls: "stun:127.0.0.1:{udp.getsockname()[1]}"}}]}});
        peer.createDataChannel("x"); peer.createOffer().then(offer => peer.setLocalDescription(offer));
        </script>"""
        outside.answers = {"/": page(body)}
        # Only the port of the outer server may be asked, as only public addresses may in earnest.
        browser = Browser(PROGRAM, reach(), ports=frozenset({80, 443, outside.port}), seconds=10)
        assert size_of(browser.picture(outside.url())) == (1280, 1024)
        assert inside.heads == []
        with pytest.raises(TimeoutError):
            udp.recv(1)
    assert len(outside.heads) >= 1


@needs_browser
def test_a_page_that_redirects_inside_has_no_way_there() -> None:
    assert PROGRAM is not None
    with web_server({"/": page("inside")}) as inside, web_server({"/": redirect(inside.url())}) as outside:
        browser = Browser(PROGRAM, reach(), ports=frozenset({outside.port}), seconds=10)
        browser.picture(outside.url())  # of the browser's own error page
        assert inside.heads == []


@needs_browser
def test_a_page_without_an_end_is_given_up_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PROGRAM is not None
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    with web_server({"/": page("<script>while (true) {}</script>")}) as server:
        browser = Browser(PROGRAM, reach(), ports=frozenset({server.port}), seconds=3)
        started = time.monotonic()
        with pytest.raises(PhishingServiceException, match="no picture"):
            browser.picture(server.url())
        assert time.monotonic() - started < 8
    time.sleep(0.3)
    assert browsers_of(os.getpid()) == []
    assert list(tmp_path.glob("cerberus-browser-*")) == []


@needs_browser
def test_one_picture_at_a_time() -> None:
    assert PROGRAM is not None
    with web_server({"/": page("x")}) as server:
        browser = Browser(PROGRAM, reach(), ports=frozenset({server.port}), seconds=10)
        results: list[object] = []

        def take() -> None:
            try:
                results.append(browser.picture(server.url()))
            except PhishingServiceException as error:
                results.append(str(error))

        threads = [threading.Thread(target=take) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [type(one) for one in results].count(bytes) == 1
    assert "the browser is busy" in results


@needs_browser
def test_the_browser_is_asked_for_pages_alone() -> None:
    assert PROGRAM is not None
    browser = Browser(PROGRAM, Reach(DnsResolver(["127.0.0.1:1"])), ports=frozenset({80}), seconds=5)
    for url in ("--no-sandbox", "file:///etc/passwd", "about:blank", "http://bank.example:81/"):
        with pytest.raises(PhishingServiceException) as caught:
            browser.picture(url)
        assert caught.value.permanent
