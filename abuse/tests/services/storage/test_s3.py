"""S3: what the contract does not say of it, and a store that is slow, refuses or goes away."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from abuse.bootstrap import set_up_service
from abuse.config import load
from abuse.services.facade import facade
from abuse.services.storage import StorageServiceException, s3
from abuse.services.storage.s3 import S3Storage
from abuse.tests.services.phishing.lab import page, web_server

from .s3_server import ACCESS_KEY, SECRET_KEY, client, config, endpoint, new_bucket

DATA = b"From: a@b\r\n\r\n\x00\xff"
KEY = hashlib.sha256(DATA).hexdigest()


def test_objects_lie_under_the_prefix_and_others_are_left_alone() -> None:
    bucket = new_bucket()
    client().put_object(Bucket=bucket, Key="desk/objects/README", Body=b"not ours")
    storage = S3Storage(**config(bucket=bucket))
    storage.write(KEY, DATA)
    assert client().get_object(Bucket=bucket, Key=f"desk/objects/{KEY}")["Body"].read() == DATA
    assert list(storage.names()) == [KEY]


def test_of_many_writers_one_is_first_and_its_bytes_are_kept() -> None:
    storage = S3Storage(**config())
    with ThreadPoolExecutor(8) as pool:
        contents = [b"%d" % number for number in range(8)]
        firsts = list(pool.map(lambda data: storage.write(f"{KEY}-verdict0", data), contents))
    assert firsts.count(True) == 1
    assert storage.read(f"{KEY}-verdict0") == contents[firsts.index(True)]


def test_large_objects_come_in_pieces() -> None:
    storage = S3Storage(**config())
    data = os.urandom(3 * 1024 * 1024 + 5)
    key = hashlib.sha256(data).hexdigest()
    assert storage.write(key, data) is True
    assert storage.write(key, data) is False
    pieces = list(storage.chunks(key))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= 1024 * 1024


def test_all_names_are_listed_over_many_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PAGE", 5)
    storage = S3Storage(**config())
    keys = {hashlib.sha256(b"%d" % number).hexdigest() for number in range(23)}
    for key in keys:
        storage.write(key, b"")
    assert set(storage.names()) == keys


def test_a_child_process_has_connections_of_its_own() -> None:
    storage = S3Storage(**config())
    storage.write(KEY, DATA)
    child = os.fork()
    if child == 0:
        os._exit(0 if storage.read(KEY) == DATA else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert storage.read(KEY) == DATA


def fails(**answers: Any) -> S3Storage:
    return S3Storage("bucket", access_key="a", secret_key="b", plaintext=True, **answers)


def error(status: str, code: str) -> bytes:
    return page(f"<Error><Code>{code}</Code><Message>it is so</Message></Error>", status)


def test_a_passing_fault_is_tried_again() -> None:
    turns = [error("503 Slow Down", "SlowDown"), error("500 Internal Server Error", "InternalError"), page(DATA)]

    def answer(stream: socket.socket) -> None:
        stream.sendall(turns.pop(0))

    with web_server({f"/bucket/{KEY}": answer}) as server:
        assert fails(endpoint=server.url("").rstrip("/")).read(KEY) == DATA
    assert turns == []


def test_a_store_that_refuses_is_no_missing_object() -> None:
    with web_server({f"/bucket/{KEY}": error("403 Forbidden", "AccessDenied")}) as server:
        storage = fails(endpoint=server.url(""))
        for call in (storage.read, storage.exists, storage.delete, lambda key: storage.write(key, DATA)):
            with pytest.raises(StorageServiceException, match="cannot be") as caught:
                call(KEY)
            assert not caught.value.permanent


def test_a_store_that_is_silent_or_gone_is_given_up_in_time() -> None:
    def silent(stream: socket.socket) -> None:
        stream.recv(1)

    with web_server({f"/bucket/{KEY}": silent}) as server:
        storage = fails(endpoint=server.url(""), read_seconds=0.2, attempts=1)
        with pytest.raises(StorageServiceException, match="timeout") as caught:
            storage.read(KEY)
        assert not caught.value.permanent
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with pytest.raises(StorageServiceException, match="cannot be written"):
        fails(endpoint=f"http://127.0.0.1:{port}", attempts=1).write(KEY, DATA)


def test_an_answer_that_breaks_off_is_an_error() -> None:
    cut = page(DATA, Content_Length="1000")
    with (
        web_server({f"/bucket/{KEY}": cut}) as server,
        pytest.raises(StorageServiceException, match="cannot be read"),
    ):
        fails(endpoint=server.url("")).read(KEY)


def test_a_store_that_knows_no_conditions_is_asked_first() -> None:
    asked: list[str] = []

    def answer(stream: socket.socket) -> None:
        head = server.heads[-1]
        asked.append(head.split(" ")[0] + (" if-none-match" if "if-none-match: *" in head.lower() else ""))
        if "if-none-match" in asked[-1]:
            stream.sendall(error("501 Not Implemented", "NotImplemented"))
        else:
            stream.sendall(page("", "404 Not Found" if asked[-1] == "HEAD" else "200 OK"))

    with web_server({f"/bucket/{KEY}": answer}) as server:
        storage = fails(endpoint=server.url(""), attempts=1)
        assert storage.write(KEY, DATA) is True
        assert storage.write(KEY, DATA) is True
    assert asked == ["PUT if-none-match", "HEAD", "PUT", "HEAD", "PUT"]


def test_bytes_are_sent_with_their_digest() -> None:
    with web_server({f"/bucket/{KEY}": page()}) as server:
        fails(endpoint=server.url("")).write(KEY, DATA)
    expected = base64.b64encode(hashlib.md5(DATA).digest()).decode()
    assert f"content-md5: {expected}" in server.heads[-1].lower().replace(expected.lower(), expected)


def test_secrets_may_be_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET_KEY}\n")
    path = tmp_path / "settings.yml"
    path.write_text(
        "IMPLEMENTATIONS: {StorageServiceBase: {class: abuse.services.storage.s3.S3Storage, config: {"
        f"bucket: {new_bucket()}, endpoint: '{endpoint()}', plaintext: true, access_key: {ACCESS_KEY},"
        " secret_key_FILE: secret}}}"
    )
    before = facade("StorageServiceBase")._implementation
    try:
        assert set_up_service(load(path, environ={}), "StorageServiceBase") is None
        chosen = facade("StorageServiceBase")._implementation
        assert isinstance(chosen, S3Storage)
        assert chosen._options["aws_secret_access_key"] == SECRET_KEY
        assert chosen.write(KEY, DATA)
    finally:
        facade("StorageServiceBase").set_up(before)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"endpoint": "http://s3.example"}, "expected https"),
        ({"endpoint": "https://user@s3.example"}, "no user name"),
        ({"access_key": None}, "both or none"),
        ({"addressing": "dns"}, "expected path or virtual"),
        ({"attempts": 0}, "1 to 10"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    good = {"bucket": "b", "endpoint": "https://s3.example", "access_key": "a", "secret_key": "b"}
    with pytest.raises(ValueError, match=said):
        S3Storage(**{**good, **wrong})
