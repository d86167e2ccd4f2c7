"""A scanner that speaks urlscan.io's API, on the loopback interface."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from abuse.tests.services.crm.servers import Asked, Said

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


@dataclass
class Urlscan:
    """Takes every page; a scan is finished when its result was asked for `polls` times. `results` by URL."""

    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    polls: int = 1
    picture: bytes = PNG
    scans: dict[str, str] = field(default_factory=dict)
    asked_for: dict[str, int] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Said:
        if not asked.headers.get("api-key"):
            return Said({"message": "API key missing", "status": 401}, 401)
        if (asked.method, asked.path) == ("POST", "/api/v1/scan/"):
            identifier = str(uuid.uuid4())
            self.scans[identifier] = asked.json["url"]
            return Said({"message": "Submission successful", "uuid": identifier, **asked.json})
        kind, _, name = asked.path.removesuffix("/").removesuffix(".png").rpartition("/")
        if name in self.scans and kind == "/api/v1/result":
            return self._result(name)
        if name in self.scans and kind == "/screenshots":
            return Said(self.picture)
        return Said({"message": "Not found", "status": 404}, 404)

    def _result(self, name: str) -> Said:
        self.asked_for[name] = self.asked_for.get(name, 0) + 1
        if self.asked_for[name] < self.polls:
            return Said({"message": "Scan is not finished yet", "status": 404}, 404)
        url = self.scans[name]
        seen = {"page": {"url": url, "status": "200"}, "verdicts": {"overall": {"malicious": False, "score": 0}}}
        return Said({**seen, **self.results.get(url, {}), "task": {"uuid": name}})
