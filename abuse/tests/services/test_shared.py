"""What workers tell each other of systems that are away; two objects stand for two processes."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator

import pytest
import redis

from abuse.services.breaker import CircuitBreaker, CircuitOpen
from abuse.services.facade import ServiceError
from abuse.services.json_client import JsonClient
from abuse.services.quota import Quota
from abuse.services.shared import LEFT_ALONE
from abuse.tests.services.crm.servers import Said, json_server
from abuse.worker import sharing_what_is_away


@pytest.fixture
def sharing(queue_server: redis.Redis) -> Iterator[redis.Redis]:
    LEFT_ALONE.share_by(lambda: queue_server)
    yield queue_server
    LEFT_ALONE.share_by(None)


def breaker(seconds: float = 10, name: str = "crm.example:443") -> CircuitBreaker:
    made = CircuitBreaker(1, seconds)
    made.share_as(name)
    return made


def test_what_one_worker_found_to_be_away_no_other_asks(sharing: redis.Redis) -> None:
    one, two = breaker(), breaker()
    one.failed("no answer")
    with pytest.raises(CircuitOpen, match="another worker had no answer") as caught:
        two.enter()
    assert 9 < caught.value.wait <= 10
    breaker(name="other.example:443").enter()


def test_one_that_is_back_is_asked_by_all_at_once(sharing: redis.Redis) -> None:
    one, two = breaker(0.2), breaker()
    one.failed("no answer")
    LEFT_ALONE.note("crm.example:443", 60)  # as a third one has it
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            one.enter()
            break
        except CircuitOpen:
            time.sleep(0.02)
    one.succeeded()
    two.enter()


def test_a_note_ends_by_itself(sharing: redis.Redis) -> None:
    breaker(0.1).failed("no answer")
    other = breaker()
    until = time.monotonic() + 5
    while LEFT_ALONE.seconds("crm.example:443") > 0:
        assert time.monotonic() < until
        time.sleep(0.02)
    other.enter()


def test_a_client_shares_by_the_system_it_asks(sharing: redis.Redis) -> None:
    with json_server(lambda _: Said({}, 503)) as server:
        clients = [JsonClient(server.url("/api"), attempts=1, plaintext=True, breaker=CircuitBreaker(2)) for _ in "ab"]
        for _ in range(2):
            with pytest.raises(ServiceError, match="503"):
                clients[0].get("/")
        with pytest.raises(ServiceError, match="another worker had no answer") as caught:
            clients[1].get("/")
        assert not caught.value.permanent
        assert len(server.asked) == 2


def test_a_limit_is_respected_by_all(sharing: redis.Redis) -> None:
    one, two = Quota("lists", ServiceError), Quota("lists", ServiceError)
    limit = ServiceError("429")
    limit.wait = 3600
    with pytest.raises(ServiceError, match="429"), one.respected():
        raise limit
    with pytest.raises(ServiceError, match=r"asked to be left alone for another 3\d\d\d s"), two.respected():
        pass


def test_without_redis_each_knows_what_it_found_out_itself(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    asked: list[int] = []

    def connect() -> redis.Redis:
        asked.append(port)
        return redis.Redis(port=port, socket_connect_timeout=0.5)

    LEFT_ALONE.share_by(connect)
    try:
        one, two = breaker(), breaker()
        with caplog.at_level(logging.WARNING):
            one.enter()
            one.failed("no answer")
            two.enter()
        with pytest.raises(CircuitOpen, match="no answer"):
            one.enter()
    finally:
        LEFT_ALONE.share_by(None)
    assert (len(asked), len(caplog.records)) == (1, 1)


def test_nothing_is_shared_unless_it_is_said_how(queue_server: redis.Redis) -> None:
    breaker().failed("no answer")
    breaker().enter()
    assert queue_server.keys("cerberus:left-alone:*") == []


def test_a_worker_and_its_jobs_share_what_they_find_out(queue_server: redis.Redis) -> None:
    with sharing_what_is_away():
        breaker().failed("no answer")
        assert queue_server.pttl("cerberus:left-alone:crm.example:443") > 0
        child = os.fork()
        if child == 0:  # as a job's process
            os._exit(0 if LEFT_ALONE.seconds("crm.example:443") > 0 else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert LEFT_ALONE.seconds("crm.example:443") == 0
