"""Asking for pages of servers that do what they can to hurt whoever asks."""

from __future__ import annotations

import gzip
import itertools
import socket
import ssl
import subprocess
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from abuse.services.phishing.addresses import RefusedTarget
from abuse.services.phishing.connecting import Proxy, Reach, Unreachable
from abuse.services.phishing.fetching import USER_AGENT, TooManyRedirects, fetch
from abuse.services.phishing.resolving import DnsResolver

from .lab import WebServer, limits, name_server, page, reach, redirect, web_server


def endless(first: bytes, again: bytes, pause: float = 0.0) -> Callable[[socket.socket], None]:
    """Sends on and on, until the other side has had enough."""

    def send(client: socket.socket) -> None:
        client.sendall(first)
        while True:
            client.sendall(again)
            time.sleep(pause)

    return send


def unreachable(server: WebServer, path: str, **bounds: float) -> tuple[str, float]:
    """How an answer failed, and after how many seconds."""
    started = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        fetch(server.url(path), reach(), limits(server, **bounds))
    return caught.value.kind, time.monotonic() - started


def test_a_page_is_taken_as_it_is() -> None:
    with web_server({"/a": page("<p>é</p>", Server="x", X_Twice="1")}) as server:
        taken = fetch(server.url("/a?b=c"), reach(), limits(server))
    assert (taken.status, taken.body.decode(), taken.is_whole) == (200, "<p>é</p>", True)
    assert (taken.headers["server"], taken.headers["x-twice"]) == ("x", "1")
    assert taken.trail == (server.url("/a?b=c"),)


def test_the_desk_says_who_it_is_and_nothing_else() -> None:
    answers = {"/": redirect("/next"), "/next": page("ok", Set_Cookie="id=1; Path=/")}
    answers["/"] = answers["/"].replace(b"\r\n\r\n", b"\r\nSet-Cookie: track=1\r\n\r\n")
    with web_server(answers) as server:
        fetch(f"http://user:secret@127.0.0.1:{server.port}/", reach(), limits(server))
    assert len(server.heads) == 2
    for head in server.heads:
        names = [line.partition(":")[0].lower() for line in head.split("\r\n")[1:] if line]
        assert names == ["host", "user-agent", "accept", "accept-language", "accept-encoding", "connection"]
        assert f"User-Agent: {USER_AGENT}\r\n" in head
        assert f"Host: 127.0.0.1:{server.port}\r\n" in head


def test_loopback_is_refused_without_a_laboratory() -> None:
    with web_server({"/": page("secret")}) as server:
        for host in ("127.0.0.1", "2130706433", "0x7f.1", "0177.1", "[::ffff:127.0.0.1]", "[::1]", "0"):
            with pytest.raises(RefusedTarget):
                fetch(server.url(host=host), Reach(DnsResolver(["127.0.0.1:1"])), limits(server))
    assert server.heads == []


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "169.254.169.254",
        "192.168.0.1",
        "::1",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:10.0.0.1",
        "2002:a00:1::",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    with name_server({"evil.example": [[address]], "mixed.example": [["127.0.0.1", address]]}) as names:
        for host in ("evil.example", "mixed.example"):
            with pytest.raises(RefusedTarget, match=f"^host {host}: address "):
                fetch(f"http://{host}/", reach(names), limits())


def test_a_name_that_changes_its_mind_is_asked_once() -> None:
    """DNS rebinding: allowed at the check, and elsewhere when it is connected to."""
    with (
        web_server({"/": page("first")}) as server,
        name_server({"evil.example": [["127.0.0.1"], ["10.0.0.1"]]}) as names,
    ):
        taken = fetch(server.url(host="evil.example"), reach(names), limits(server))
        assert taken.body == b"first"
        assert names.asked == ["evil.example A", "evil.example AAAA"]
        assert f"Host: evil.example:{server.port}\r\n" in server.heads[0]
        with pytest.raises(RefusedTarget, match=r"host evil.example: address 10\.0\.0\.1: private"):
            fetch(server.url(host="evil.example"), reach(names), limits(server))


def test_a_name_that_changes_its_mind_between_redirects_is_refused() -> None:
    with (
        web_server({"/": redirect("/inside")}) as server,
        name_server({"evil.example": [["127.0.0.1"], ["169.254.169.254"]]}) as names,
    ):
        with pytest.raises(RefusedTarget, match="where clouds answer their guests"):
            fetch(server.url(host="evil.example"), reach(names), limits(server))
        assert len(server.heads) == 1


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "//[::1]/", "http://0x0a000001/",
        "http://192.168.1/", "https://[::ffff:10.0.0.1]/", "http://[2002:7f00:1::]/", "http://[64:ff9b::7f00:1]/",
        "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://127.0.0.1.evil.example:6379/", "ftp://127.0.0.1/", "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL", "http://127.0.0.1:22/", "\\\\10.0.0.1\\share",
    ],
)  # fmt: skip
def test_a_redirect_is_checked_as_the_page_was(location: str) -> None:
    with web_server({"/": redirect(location)}) as server, pytest.raises(RefusedTarget):
        fetch(server.url(), reach(), limits(server))


def test_redirects_are_followed_and_counted() -> None:
    with web_server({f"/{n}": redirect(f"/{n + 1}") for n in range(5)} | {"/5": page("end")}) as server:
        taken = fetch(server.url("/0"), reach(), limits(server, redirects=5))
        assert taken.body == b"end"
        assert taken.trail == tuple(server.url(f"/{n}") for n in range(6))
        with pytest.raises(TooManyRedirects, match="5 redirects"):
            fetch(server.url("/0"), reach(), limits(server, redirects=4))


def test_endless_redirects_come_to_an_end() -> None:
    with web_server({"/": redirect("/")}) as server:
        with pytest.raises(TooManyRedirects):
            fetch(server.url(), reach(), limits(server))
        assert len(server.heads) == 6


def test_a_body_without_an_end_is_cut() -> None:
    answers = {
        "/plain": endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
        "/counted": endless(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536),
        "/chunked": endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\nxxxx\r\n" * 1000),
        "/one-chunk": endless(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", b"x" * 65536
        ),
    }  # fmt: skip
    with web_server(answers) as server:
        for path in answers:
            taken = fetch(server.url(path), reach(), limits(server, body_bytes=100_000))
            assert 30_000 < len(taken.body) <= 100_000, path
            assert not taken.is_whole
            assert set(taken.body) == {ord("x")}


def test_a_slow_body_is_cut_when_the_time_is_over() -> None:
    with web_server({"/": endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x", 0.05)}) as server:
        started = time.monotonic()
        taken = fetch(server.url(), reach(), limits(server, total_seconds=0.6))
        assert time.monotonic() - started < 1.5
    assert 1 <= len(taken.body) < 30
    assert not taken.is_whole


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05), "timeout"),
        (endless(b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"y" * 1000 + b"\r\n"), "broken"),
        (endless(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1000), "broken"),
        (endless(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"), "broken"),
        (endless(b"", b"", 0.05), "timeout"),
        (endless(b"", b"y" * 1000), "broken"),
        (b"", "broken"),
        (b"SSH-2.0-OpenSSH_9\r\n", "broken"),
        (b"HTTP/1.1 999999 X\r\n\r\n", "broken"),
        (b"\x16\x03\x01\x00\xff\xff\xff", "broken"),
    ],
    ids=["slow headers", "headers", "one header", "continue", "silence", "one line", "nothing", "ssh", "status", "tls"],
)
def test_an_answer_that_is_none_is_bounded(answer: bytes | Callable[[socket.socket], None], kind: str) -> None:
    with web_server({"/": answer}) as server:
        found, seconds = unreachable(server, "/", total_seconds=1.0)
    assert found == kind
    assert seconds < 2


def test_a_page_that_unpacks_without_an_end_is_cut() -> None:
    bomb = gzip.compress(bytes(200_000_000), 9)
    assert len(bomb) < 300_000
    answers = {
        "/gzip": page(bomb, Content_Encoding="gzip"),
        "/deflate": page(zlib.compress(bytes(50_000_000), 9), Content_Encoding="deflate"),
        "/twice": page(gzip.compress(bomb), Content_Encoding="gzip, gzip"),
    }
    with web_server(answers) as server:
        tracemalloc.start()
        for path in ("/gzip", "/deflate"):
            taken = fetch(server.url(path), reach(), limits(server, body_bytes=400_000))
            assert (len(taken.body), taken.is_whole) == (400_000, False)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8_000_000
        # Packed twice it is left as it came: browsers are not sent such pages.
        assert len(fetch(server.url("/twice"), reach(), limits(server)).body) < 10_000


def test_a_packed_page_is_unpacked() -> None:
    answers = {
        "/gzip": page(gzip.compress(b"<p>text</p>"), Content_Encoding="gzip"),
        "/deflate": page(zlib.compress(b"<p>text</p>"), Content_Encoding="deflate"),
        "/broken": page(gzip.compress(b"<p>text</p>" * 100)[:60], Content_Encoding="gzip"),
        "/not": page(b"plain", Content_Encoding="gzip"),
    }
    with web_server(answers) as server:
        for path in ("/gzip", "/deflate"):
            assert fetch(server.url(path), reach(), limits(server)).body == b"<p>text</p>"
        assert fetch(server.url("/broken"), reach(), limits(server)).body.startswith(b"<p>text</p>")
        assert fetch(server.url("/not"), reach(), limits(server)).body == b""


def test_nobody_there() -> None:
    with web_server({}) as server:
        pass
    assert unreachable(server, "/")[0] == "refused"
    with name_server({"slow.example": ["SERVFAIL"], "empty.example": [[]]}) as names:
        for host, kind in (("gone.example", "no_such_name"), ("empty.example", "no_such_name"),
                           ("slow.example", "name_unknown")):  # fmt: skip
            with pytest.raises(Unreachable) as caught:
                fetch(f"http://{host}/", reach(names), limits())
            assert caught.value.kind == kind


def test_a_name_server_that_is_silent_does_not_hold_up() -> None:
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with silent:
        silent.bind(("127.0.0.1", 0))
        inside = Reach(DnsResolver([f"127.0.0.1:{silent.getsockname()[1]}"]))
        started = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            fetch("http://bank.example/", inside, limits(total_seconds=0.5))
        assert caught.value.kind == "name_unknown"
        assert time.monotonic() - started < 1.5


@pytest.mark.allow_hosts(["127.0.0.0/8"])
def test_another_address_of_the_name_is_tried() -> None:
    with web_server({"/": page("ok")}) as server, name_server({"two.example": [["127.0.0.2", "127.0.0.1"]]}) as names:
        assert fetch(server.url(host="two.example"), reach(names), limits(server)).body == b"ok"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Callable[[socket.socket], socket.socket]:
    """Makes TLS of a server's connection, with a certificate that nobody signed and of a wrong name."""
    directory = tmp_path_factory.mktemp("tls")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=other.example", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return served(certificate, key)


names_asked: list[str | None] = []


def served(certificate: Path, key: Path) -> Callable[[socket.socket], socket.socket]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda connection, name, _: names_asked.append(name)
    return lambda client: context.wrap_socket(client, server_side=True)


def test_tls_asks_for_the_name_at_the_checked_address(tls: Callable[[socket.socket], socket.socket]) -> None:
    names_asked.clear()
    with web_server({"/": page("ok")}, tls) as server, name_server({"bank.example": [["127.0.0.1"]]}) as names:
        taken = fetch(server.url(host="bank.example", scheme="https"), reach(names), limits(server))
        assert fetch(server.url(scheme="https"), reach(), limits(server)).body == b"ok"
    assert taken.body == b"ok"
    assert f"Host: bank.example:{server.port}\r\n" in server.heads[0]
    assert names_asked == ["bank.example", None]


def test_a_server_that_does_not_finish_its_handshake_is_left() -> None:
    def silent(client: socket.socket) -> socket.socket:
        client.recv(65536)
        time.sleep(1.5)
        raise OSError

    with web_server({}, silent) as server:
        started = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            fetch(server.url(scheme="https"), reach(), limits(server, total_seconds=0.5))
        assert (caught.value.kind, time.monotonic() - started < 1.2) == ("timeout", True)

    def plain(client: socket.socket) -> socket.socket:
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        raise OSError

    with web_server({}, plain) as server, pytest.raises(Unreachable) as caught:
        fetch(server.url(scheme="https"), reach(), limits(server))
    assert caught.value.kind == "broken"


def tunnel(client: socket.socket, port: int) -> None:
    """What a forward proxy does with CONNECT."""
    client.sendall(b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n")
    with socket.create_connection(("127.0.0.1", port)) as server:
        server.sendall(client.recv(65536))
        while data := server.recv(65536):
            client.sendall(data)


def test_a_proxy_is_given_the_checked_address() -> None:
    with (
        web_server({"/": page("behind")}) as server,
        name_server({"bank.example": [["127.0.0.1"]], "evil.example": [["10.0.0.1"]]}) as names,
    ):
        path = f"127.0.0.1:{server.port}"
        with web_server({path: lambda client: tunnel(client, server.port)}) as proxy:
            through = Proxy.read(f"http://ann:secret@127.0.0.1:{proxy.port}")
            taken = fetch(server.url(host="bank.example"), reach(names), limits(server), proxy=through)
            assert taken.body == b"behind"
            assert proxy.heads[0].startswith(f"CONNECT {path} HTTP/1.1\r\n")
            assert "Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n" in proxy.heads[0]
            assert "Proxy-Authorization" not in server.heads[0]
            with pytest.raises(RefusedTarget):
                fetch("http://evil.example/", reach(names), limits(server), proxy=through)
            assert len(proxy.heads) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 407 No\r\n\r\n", "proxy"),
        (b"HTTP/1.1 504 No\r\n\r\n", "timeout"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, "proxy"),
        (b"", "proxy"),
    ],
)
def test_a_proxy_that_does_not_help(answer: bytes, kind: str) -> None:
    with web_server({"127.0.0.1:80": answer}) as proxy, pytest.raises(Unreachable) as caught:
        through = Proxy.read(f"http://127.0.0.1:{proxy.port}")
        fetch("http://127.0.0.1/", reach(), limits(proxy), proxy=through)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    "text", ["127.0.0.1:3128", "https://127.0.0.1:3128", "http://127.0.0.1", "http://:1/", "http://a:1/x"]
)
def test_what_is_no_proxy(text: str) -> None:
    with pytest.raises(ValueError, match="expected http://host:port"):
        Proxy.read(text)


def test_nothing_is_left_open() -> None:
    """Warnings are errors, and an unclosed socket is one: here many are opened."""
    with web_server({"/": page("ok"), "/endless": endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)}) as server:
        for _, path in itertools.product(range(10), ("/", "/endless", "/none")):
            fetch(server.url(path), reach(), limits(server, body_bytes=2048))


@pytest.mark.allow_hosts(["127.0.0.0/8"])
def test_only_the_checked_address_is_connected_to() -> None:
    """The server is there, at another address than the one that the name had when it was checked."""
    with web_server({"/": page("x")}) as server, name_server({"bank.example": [["127.0.0.9"]]}) as names:
        with pytest.raises(Unreachable) as caught:
            fetch(server.url(host="bank.example"), reach(names), limits(server))
        assert (caught.value.kind, server.heads) == ("refused", [])
