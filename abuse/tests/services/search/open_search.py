"""A search server on the loopback interface that knows the few calls the desk makes, and does what they say."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from abuse.tests.services.crm.servers import Asked, Said


@dataclass
class Index:
    """Documents by id. `refusals`: what the next documents of those ids are refused with."""

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_made: bool = False
    refusals: dict[str, int] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Said:
        name, _, action = asked.path.strip("/").partition("/")
        if asked.method == "PUT" and not action:
            if self.is_made:
                return Said({"error": {"type": "resource_already_exists_exception", "index": name}}, 400)
            self.is_made = True
            return Said({"acknowledged": True, "index": name})
        if asked.method == "POST" and action == "_bulk":
            return Said(self._bulk(asked.body))
        if asked.method == "POST" and action == "_search":
            if not self.is_made:
                return Said({"error": {"type": "index_not_found_exception"}}, 404)
            return Said(self._search(asked.json))
        return Said({"error": f"no handler for {asked.method} {asked.path}"}, 405)

    def _bulk(self, body: bytes) -> dict[str, Any]:
        assert body.endswith(b"\n")
        lines = [json.loads(line) for line in body.splitlines()]
        results = []
        for order, document in zip(lines[::2], lines[1::2], strict=True):
            identifier = order["index"]["_id"]
            refusal = self.refusals.get(identifier)
            if refusal is None:
                self.documents[identifier] = document
            results.append({"index": {"_id": identifier, "status": refusal or 201, "error": {"type": "refused"}}})
        return {"errors": any(one["index"]["status"] >= 300 for one in results), "items": results}

    def _search(self, body: dict[str, Any]) -> dict[str, Any]:
        scored = [(_score(body["query"], one), one["report"], key) for key, one in self.documents.items()]
        best = sorted((one for one in scored if one[0] > 0), reverse=True)[: body["size"]]
        return {"hits": {"hits": [{"_id": key, "_score": score} for score, _, key in best]}}


def _score(query: dict[str, Any], document: dict[str, Any]) -> float:
    ((kind, what),) = query.items()
    match kind:
        case "bool":
            return sum(_score(one, document) for one in what["should"])
        case "term":
            return float(what["names"]["boost"]) if what["names"]["value"] in document["names"] else 0.0
        case "range":
            asked = what["networks"]
            assert asked["relation"] == "intersects"
            return float(any(_meet(asked, one) for one in document["networks"]))
        case "simple_query_string":
            return _words(what, document)
    raise AssertionError(kind)


def _meet(one: dict[str, str], other: dict[str, str]) -> bool:
    first, last, low, high = (ip_address(part[end]) for part in (one, other) for end in ("gte", "lte"))
    return first.version == low.version and int(first) <= int(high) and int(low) <= int(last)


def _words(what: dict[str, Any], document: dict[str, Any]) -> float:
    assert what["default_operator"] == "and"
    texts = {name.partition("^")[0]: float(name.partition("^")[2] or 1) for name in what["fields"]}
    score = 0.0
    for term in re.findall(r'-?"[^"]*"|\S+', what["query"]):
        plain = term.lstrip("-").strip('"')
        phrase = _split(plain.rstrip("*"))
        if not phrase:
            continue
        hits = [weight for name, weight in texts.items() if _has(_split(document[name]), phrase, plain.endswith("*"))]
        if bool(hits) == term.startswith("-"):
            return 0.0
        score += max(hits, default=0.0)
    return score


def _split(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _has(words: list[str], phrase: list[str], is_beginning: bool) -> bool:
    for start in range(len(words) - len(phrase) + 1):
        part = words[start : start + len(phrase)]
        if part == phrase or (is_beginning and part[:-1] == phrase[:-1] and part[-1].startswith(phrase[-1])):
            return True
    return False
