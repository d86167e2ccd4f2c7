"""A worker that is killed while it sends an event loses none: another one sends it, with the same id."""

from __future__ import annotations

import threading

from abuse.services.signed_webhook import read_secret, verify
from abuse.tests.services.crm.servers import Asked, Said, json_server

from .desk import Desk, eventually, kill_group
from .mails import address, complaint


def test_events_arrive_though_their_sender_was_killed(desk: Desk) -> None:
    hold, has_asked = threading.Event(), threading.Event()

    def answering(asked: Asked) -> Said:
        if not has_asked.is_set():
            has_asked.set()
            hold.wait(30)
        return Said(status=204)

    with json_server(answering) as server:
        try:
            (secret,) = desk.call("subscribe", [server.url("/hook"), ["ticket.created", "report.created"]])
            desk.trust()
            worker = desk.start("run-worker")
            desk.start("run-scheduler")
            desk.deliver([complaint(0, about=address(0)), complaint(1, about=address(1))])
            assert has_asked.wait(60), desk.logs()
            for child in worker.children(recursive=True):
                child.kill()
            kill_group(worker)
            desk.wait_for_end(worker)
            # Its lease is over at once, instead of after half a minute.
            desk.rows("UPDATE abuse_webhook SET busy_until = now()")
            desk.redis.flushall()
            desk.start("run-worker")
            waiting = "SELECT count(*) FROM abuse_webhookdelivery WHERE state <> 'delivered'"
            done = "SELECT count(*) FROM abuse_webhookdelivery WHERE state = 'delivered'"
            eventually(lambda: desk.value(done) == 4 and desk.value(waiting) == 0, 60, "four events", desk.logs)
        finally:
            hold.set()
        ids = [asked.json["id"] for asked in server.asked]
        assert ids[0] == ids[1], "the event that was being sent comes first"
        assert len(ids) == 5 and len(set(ids)) == 4
        assert ids == sorted(ids, key=lambda one: int(one.removeprefix("evt_")))
        types = sorted(asked.json["type"] for asked in server.asked[1:])
        assert types == ["report.created"] * 2 + ["ticket.created"] * 2
        for asked in server.asked:
            assert verify([read_secret(secret)], asked.headers, asked.body) == asked.json["id"]
