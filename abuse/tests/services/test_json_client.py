"""Asking for JSON, of servers that misbehave."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from abuse.services.breaker import CircuitBreaker
from abuse.services.facade import ServiceError
from abuse.services.json_client import JsonClient
from abuse.tests.services.crm.servers import Asked, JsonServer, Said, json_server


class Fault(ServiceError):
    """What the client is told to raise."""


def client(url: str, **options: Any) -> JsonClient:
    return JsonClient(url, error=Fault, plaintext=True, **{"pause_seconds": 0, **options})


@pytest.fixture
def server() -> Iterator[JsonServer]:
    with json_server(lambda asked: Said({"you": asked.path})) as running:
        yield running


def in_turn(*answers: Said) -> Any:
    waiting = list(answers)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def test_what_is_asked_stands_behind_the_path_and_is_quoted(server: JsonServer) -> None:
    asking = client(server.url("/api/"), headers={"Authorization": "Bearer x"})
    assert asking.get("/things", {"q": "a b&c", "id": [1, 2]}).content == {"you": "/api/things"}
    (asked,) = server.asked
    assert (asked.query, asked.headers["authorization"]) == ({"q": ["a b&c"], "id": ["1", "2"]}, "Bearer x")
    assert asked.headers["accept"] == "application/json"


def test_bytes_are_given_as_they_came(server: JsonServer) -> None:
    server.answering = lambda _: Said(b"\x89PNG")
    assert client(server.url()).get_bytes("/x.png") == b"\x89PNG"
    assert server.asked[0].headers["accept"] == "*/*"
    with pytest.raises(Fault, match="expected JSON"):
        client(server.url()).get("/x.png")


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry-After": "7200"}, 7200),
        (429, {"X-Rate-Limit-Reset-After": "90"}, 90),
        (429, {}, 60),
        (503, {"Retry-After": "30"}, 30),
        (503, {}, None),
        (404, {"Retry-After": "30"}, None),
    ],
)
def test_an_error_tells_for_how_long_nobody_is_to_ask(
    server: JsonServer, status: int, headers: dict[str, str], wait: float | None
) -> None:
    server.answering = lambda _: Said({}, status, headers)
    with pytest.raises(Fault) as caught:
        client(server.url(), attempts=1).get("/")
    assert caught.value.wait == wait


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_asked_again_and_then_temporary(server: JsonServer, status: int) -> None:
    server.answering = in_turn(Said("later", status), Said("later", status), Said({"a": 1}))
    assert client(server.url()).get("/").content == {"a": 1}
    server.answering = lambda _: Said("later", status)
    with pytest.raises(Fault, match=rf'status {status}: "later" \(attempt 2 of 2\)') as caught:
        client(server.url(), attempts=2).get("/")
    assert not caught.value.permanent


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 501])
def test_a_refusal_is_permanent_and_not_asked_again(server: JsonServer, status: int) -> None:
    server.answering = lambda _: Said("no", status, {"Location": server.url("/elsewhere")})
    with pytest.raises(Fault, match=f"/x: status {status}") as caught:
        client(server.url()).get("/x")
    assert (caught.value.permanent, len(server.asked)) == (True, 1)
    assert client(server.url()).get("/x", allowing=[status]).status == status


def test_a_pause_that_is_asked_for_is_kept_and_a_long_one_is_left_to_the_caller(server: JsonServer) -> None:
    server.answering = in_turn(Said("", 429, {"Retry-After": "1"}), Said({}))
    started = time.monotonic()
    client(server.url()).get("/")
    assert 1 <= time.monotonic() - started < 5
    moment = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    for retry_after in ("3600", moment):
        server.asked.clear()
        server.answering = in_turn(Said("", 429, {"Retry-After": retry_after}))
        with pytest.raises(Fault, match="429") as caught:
            client(server.url()).get("/")
        assert (caught.value.permanent, len(server.asked)) == (False, 1)


@pytest.mark.parametrize("content", [b"<html>", b"", b"[" * 100_000, b'{"a":'])
def test_what_is_not_json_is_permanent(server: JsonServer, content: bytes) -> None:
    server.answering = lambda _: Said(content)
    with pytest.raises(Fault, match="expected JSON") as caught:
        client(server.url()).get("/")
    assert caught.value.permanent


def test_an_answer_that_is_too_long_is_not_read_to_its_end(server: JsonServer) -> None:
    server.answering = lambda _: Said(b"1" * 5_000_000)
    with pytest.raises(Fault, match="an answer of more than 100000 bytes") as caught:
        client(server.url(), max_answer_bytes=100_000).get("/")
    assert caught.value.permanent


def test_nobody_there_is_temporary() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Fault, match=r"ConnectionRefusedError.*\(attempt 2 of 2\)") as caught:
        client(f"http://127.0.0.1:{port}", attempts=2).get("/")
    assert not caught.value.permanent


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[", b"H"])
def test_an_answer_that_drips_in_is_over_in_time(head: bytes) -> None:
    is_over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(head)
            while not is_over.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        started = time.monotonic()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Fault, match=r"no whole answer within 0\.5 s") as caught:
            client(url, attempts=1, timeout_seconds=0.5).get("/")
        assert time.monotonic() - started < 3
        assert not caught.value.permanent
        is_over.set()
        thread.join()


def test_a_handshake_that_never_ends_is_over_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(Fault, match=r"no whole answer|timed out"):
            client(url, attempts=1, timeout_seconds=0.5).get("/")
        assert time.monotonic() - started < 3


def test_a_system_that_is_down_is_left_alone_and_found_again(server: JsonServer) -> None:
    asking = client(server.url(), attempts=1, breaker=CircuitBreaker(2, 0.3))
    server.answering = lambda _: Said("down", 503)
    for _ in range(2):
        with pytest.raises(Fault, match="503"):
            asking.get("/")
    with pytest.raises(Fault, match="not asked for 0 s after 2 failures") as caught:
        asking.get("/")
    assert (caught.value.permanent, len(server.asked)) == (False, 2)
    server.answering = lambda _: Said({})
    time.sleep(0.35)
    assert asking.get("/").status == 200
    assert asking.get("/").status == 200


def test_refusals_do_not_open_the_breaker(server: JsonServer) -> None:
    asking = client(server.url(), breaker=CircuitBreaker(1, 60))
    server.answering = lambda _: Said("no", 403)
    for _ in range(3):
        with pytest.raises(Fault, match="403"):
            asking.get("/")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    directory = tmp_path_factory.mktemp("certificate")
    paths = (directory / "certificate.pem", directory / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=crm", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(paths[1]), "-out", str(paths[0])],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return paths


def test_tls_is_believed_only_when_it_is_proved(certificate: tuple[Path, Path]) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    with json_server(lambda _: Said({"a": 1}), tls=tls) as server:
        proved = JsonClient(server.url(), error=Fault, ca_file=str(certificate[0]))
        assert proved.get("/").content == {"a": 1}
        with pytest.raises(Fault, match="CERTIFICATE_VERIFY_FAILED") as caught:
            JsonClient(server.url(), error=Fault).get("/")
        assert caught.value.permanent


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("http://crm.example", {"plaintext": False}, "expected https://"),
        ("ftp://crm.example", {}, "expected https://"),
        ("https://", {}, "expected a host"),
        ("https://me:secret@crm.example", {}, "no user name"),
        ("https://crm.example?a=b", {}, "no query"),
        ("https://crm.example", {"timeout_seconds": 0}, "timeout_seconds"),
        ("https://crm.example", {"attempts": 9}, "attempts"),
        ("https://crm.example", {"max_answer_bytes": 1}, "max_answer_bytes"),
        ("https://crm.example", {"headers": {"Authorization": "a\r\nb: c"}}, "Authorization: expected printable"),
    ],
)
def test_what_cannot_be_is_refused_at_once(url: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        JsonClient(url, **{"plaintext": True, **options})


def test_headers_are_made_anew_for_each_attempt(server: JsonServer) -> None:
    numbers = iter("123")
    server.answering = in_turn(Said("", 503), Said({}))
    client(server.url()).call("POST", "/", b"{}", headers=lambda: {"X-Number": next(numbers)})
    assert [asked.headers["x-number"] for asked in server.asked] == ["1", "2"]
    assert isinstance(server.asked[0], Asked)
