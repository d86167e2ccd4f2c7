"""Signed calls to systems of the operator's own, over real connections."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abuse.services.signed_webhook import (
    MAX_BODY,
    TOLERANCE,
    SignatureError,
    SignedWebhook,
    WebhookError,
    read_secret,
    sign,
    verify,
)

from .phishing.lab import WebServer, page, web_server

SECRET = "a secret that both sides know"
KEY = read_secret(SECRET)
NOW = 1_700_000_000.0


def webhook(server: WebServer, **other: Any) -> SignedWebhook:
    bounds = {"timeout_seconds": 1.0, "attempts": 3, "pause_seconds": 0.0, "plaintext": True, **other}
    return SignedWebhook(server.url("/hook?x=1"), SECRET, **bounds)


def signed(body: bytes = b"{}", at: float = NOW, secret: bytes = KEY, identifier: str = "k1") -> dict[str, str]:
    return {
        "Webhook-Id": identifier,
        "Webhook-Timestamp": str(int(at)),
        "Webhook-Signature": sign(secret, identifier, int(at), body),
    }


def in_turn(*answers: bytes) -> Callable[[socket.socket], None]:
    """Each call gets the next answer."""
    waiting = list(answers)
    return lambda client: client.sendall(waiting.pop(0))


def test_a_signature_as_the_standard_has_it() -> None:
    """The example that implementations of Standard Webhooks test themselves with."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_call_says_who_it_is_from() -> None:
    with web_server({"/hook": page('{"a": 1}', "201 Created")}) as server:
        answer = webhook(server).call("order-1", {"b": "é", "a": 1})
    assert (answer.status, answer.content) == (201, {"a": 1})
    head, _, body = server.heads[0].encode("latin-1").partition(b"\r\n\r\n")
    assert body == '{"a":1,"b":"é"}'.encode()
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hook?x=1 HTTP/1.1"
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert (headers["Idempotency-Key"], headers["Content-Type"]) == ("order-1", "application/json")
    assert verify([KEY], headers, body) == "order-1"


def test_a_passing_fault_is_met_again_with_the_same_key() -> None:
    answers = in_turn(page("", "503 Busy"), page("wait", "429 Slow", Retry_After="1"), page("{}"))
    with web_server({"/hook": answers}) as server:
        started = time.monotonic()
        assert webhook(server).call("order-1", {}).content == {}
        assert time.monotonic() - started >= 1  # as it was asked
    keys = [line for head in server.heads for line in head.split("\r\n") if line.startswith("Idempotency-Key")]
    assert keys == ["Idempotency-Key: order-1"] * 3


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_a_fault_that_goes_on_is_temporary(status: int) -> None:
    with web_server({"/hook": page("<b>too\nbusy</b>", f"{status} X")}) as server:
        with pytest.raises(WebhookError, match=rf"status {status}: <b>too busy</b> \(at 3 attempts\)") as caught:
            webhook(server).call("k", {})
        assert (caught.value.permanent, len(server.heads)) == (False, 3)


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 422, 501])
def test_a_refusal_is_permanent_and_a_redirect_is_one(status: int) -> None:
    with web_server({"/hook": page("no such customer", f"{status} X", Location="/hook")}) as server:
        with pytest.raises(WebhookError, match=f"status {status}: no such customer") as caught:
            webhook(server).call("k", {})
        assert (caught.value.permanent, len(server.heads)) == (True, 1)


def test_nobody_there_and_nobody_answering_are_temporary() -> None:
    def hold(client: socket.socket) -> None:
        time.sleep(2)

    with web_server({"/hook": hold}) as server:
        with pytest.raises(WebhookError, match="TimeoutError") as caught:
            webhook(server, timeout_seconds=0.2, attempts=2).call("k", {})
        assert not caught.value.permanent
    with pytest.raises(WebhookError, match="ConnectionRefusedError") as caught:
        webhook(server, attempts=1).call("k", {})
    assert not caught.value.permanent


@pytest.mark.parametrize("body", [b"[1]", b"nonsense", b"\xff", b"[" * 60_000, b'"' + b"x" * 70_000 + b'"'])
def test_an_answer_that_is_none_is_a_fault(body: bytes) -> None:
    with web_server({"/hook": page(body)}) as server, pytest.raises(WebhookError) as caught:
        webhook(server).call("k", {})
    assert caught.value.permanent


def test_an_empty_answer_is_enough() -> None:
    with web_server({"/hook": page("", "204 No Content")}) as server:
        assert webhook(server).call("k", {}).content == {}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    directory = tmp_path_factory.mktemp("tls")
    key, chain = directory / "key.pem", directory / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=hooks", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(chain)],
        check=True, capture_output=True,
    )  # fmt: skip
    return chain, key


def test_tls_is_believed_only_when_it_is_proved(certificate: tuple[Path, Path]) -> None:
    chain, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with web_server({"/hook": page("{}")}, lambda client: context.wrap_socket(client, server_side=True)) as server:
        url = server.url("/hook", scheme="https")
        assert SignedWebhook(url, SECRET, ca_file=str(chain)).call("k", {}).status == 200
        with pytest.raises(WebhookError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            SignedWebhook(url, SECRET).call("k", {})
        assert caught.value.permanent
    assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"url": "http://hooks.example/"}, "expected https://"),
        ({"url": "ftp://hooks.example/", "plaintext": True}, "expected https://"),
        ({"url": "https://"}, "expected a host"),
        ({"url": "https://ann:secret@hooks.example/"}, "no user name"),
        ({"secret": "short"}, "secret: 5 bytes; expected at least 24"),
        ({"secret": "whsec_***"}, "expected base64"),
        ({"attempts": 0}, "attempts"),
        ({"timeout_seconds": 500}, "timeout_seconds"),
    ],
)
def test_a_wrong_setting_is_named(changed: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        SignedWebhook(**{"url": "https://hooks.example/", "secret": SECRET, **changed})


def test_a_signed_call_is_believed() -> None:
    assert verify([KEY], signed(), b"{}", now=NOW) == "k1"
    assert verify([b"x" * 24, KEY], signed(), b"{}", now=NOW + TOLERANCE) == "k1"
    several = signed()
    several["Webhook-Signature"] = "v1,AAAA v2,xyz " + several["Webhook-Signature"]
    assert verify([KEY], several, b"{}", now=NOW) == "k1"


@pytest.mark.parametrize(
    ("headers", "body", "fault"),
    [
        (signed(), b"{} ", "is not ours"),
        (signed(secret=b"y" * 24), b"{}", "is not ours"),
        (signed() | {"Webhook-Id": "k2"}, b"{}", "is not ours"),
        (signed() | {"Webhook-Timestamp": str(int(NOW) + 1)}, b"{}", "is not ours"),
        (signed() | {"Webhook-Signature": "v1," + "é" * 20}, b"{}", "is not ours"),
        (signed() | {"Webhook-Signature": "v1,x " * 20 + signed()["Webhook-Signature"]}, b"{}", "is not ours"),
        (signed(at=NOW - TOLERANCE - 1), b"{}", "more than 300 seconds"),
        (signed(at=NOW + TOLERANCE + 1), b"{}", "more than 300 seconds"),
        (signed() | {"Webhook-Timestamp": "-5"}, b"{}", "expected seconds"),
        (signed() | {"Webhook-Timestamp": "9" * 5000}, b"{}", "expected seconds"),
        (signed() | {"Webhook-Timestamp": "١"}, b"{}", "expected seconds"),
        (signed() | {"Webhook-Signature": ""}, b"{}", "webhook-signature: is missing"),
        ({}, b"{}", "webhook-id: is missing"),
        (signed(b"x" * (MAX_BODY + 1)), b"x" * (MAX_BODY + 1), "expected at most"),
    ],
)
def test_any_other_call_is_not(headers: dict[str, str], body: bytes, fault: str) -> None:
    with pytest.raises(SignatureError, match=fault) as caught:
        verify([KEY], headers, body, now=NOW)
    assert caught.value.permanent


def test_no_secret_is_shown() -> None:
    with web_server({"/hook": page("", "500 X")}) as server, pytest.raises(WebhookError) as caught:
        webhook(server, attempts=1).call("k", {})
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(webhook(server).__dict__.keys())
    assert json.dumps(str(caught.value))
