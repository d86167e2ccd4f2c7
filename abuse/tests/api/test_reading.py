"""Reading only reads: nothing is put into a queue by it, no matter what is read."""

from __future__ import annotations

import re

import pytest
import redis
from apiflask import APIFlask
from flask.testing import FlaskClient
from pytest_django import DjangoCaptureOnCommitCallbacks

from abuse.controllers import ownership
from abuse.queues import enqueue_on_commit

from .conftest import Caller, MakeUser
from .test_matrix import World

OF_CUSTOMER = "/api/defendants/<customer_id>/services"
_PLACE = re.compile(r"<(?:\w+:)?(\w+)>")


@pytest.mark.django_db
def test_reading_enqueues_nothing(
    app: APIFlask,
    client: FlaskClient,
    make_user: MakeUser,
    queue_server: redis.Redis,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    caller = Caller(client, make_user("alice", {"Phishing": "Expert"}, role="admin", is_superuser=True))
    world = World(caller, Caller(client, make_user("bystander")), "Phishing")
    ownership.assign(world.ticket, caller.user, actor=caller.user)
    queue_server.flushdb()
    paths = [rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or set())]
    read = set()
    for path in sorted(paths):
        if not path.startswith("/api/") or path == "/api/events":
            continue
        names = world.names
        url = _PLACE.sub(lambda match: str(names.get(match[1], "none")), path)  # noqa: B023 - used at once
        with django_capture_on_commit_callbacks(execute=True):
            response = client.get(url, headers={"X-Api-Token": caller.token}, buffered=True)
        if response.status_code == 200:
            read.add(path)
        assert queue_server.keys("rq:*") == [], f"GET {url} put something into a queue"
    assert {"/api/tickets/<int:ticket_id>", "/api/reports/<int:report_id>", OF_CUSTOMER} <= read

    with django_capture_on_commit_callbacks(execute=True):
        enqueue_on_commit("abuse.tasks.search.index_due")
    assert queue_server.keys("rq:*") != []  # this is how it would be seen
