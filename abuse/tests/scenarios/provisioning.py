"""The system that takes measures at a provider: it checks who orders, says 202, and later how it ended."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from typing import Any

from abuse.services.signed_webhook import SignatureError, read_secret, sign, verify
from abuse.tests.services.phishing.lab import Answer, WebServer, page

SECRET = "a secret between the desk and provisioning"


class Provisioning:
    """Takes orders at `/orders`; `answers` is for a web server, whose `heads` it reads."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {"/orders": self._take}
        self.orders: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.web: WebServer

    def _take(self, client: socket.socket) -> None:
        head, _, body = self.web.heads[-1].partition("\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        try:
            verify([read_secret(SECRET)], headers, body.encode("latin-1"))
        except SignatureError as error:
            self.refused.append(str(error))
            client.sendall(page("{}", "401 Unauthorized"))
            return
        self.orders.append(json.loads(body.encode("latin-1")))
        client.sendall(page('{"todo_id": "4711", "comment": "queued"}', "202 Accepted"))

    def call_back(self, api: str, key: str, **result: str) -> dict[str, Any]:
        """Say how an order ended; the answer of the desk."""
        body = json.dumps({"type": "order.result", "key": key, **result}).encode()
        now = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": f"callback-{key}",
            "webhook-timestamp": str(now),
            "webhook-signature": sign(read_secret(SECRET), f"callback-{key}", now, body),
        }
        request = urllib.request.Request(f"{api}/actions/callback", body, headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
