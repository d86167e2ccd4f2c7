"""An OpenSearch (or Elasticsearch) index, over its JSON API; told by a job after the commit."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from django.db import connection

from abuse.models import Report, Ticket
from abuse.models.fields import Network
from abuse.parsers.values import ParsedEmail

from ..breaker import CircuitBreaker
from ..json_client import JsonClient
from .base import MAX_FOUND, Found, SearchServiceBase, SearchServiceException, readable

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,120}")
_EXISTS, _NO_INDEX = 400, 404
_TEXT, _ITEM, _ITEMS = 200_000, 1000, 1000
"""Characters of a text and of an item, and items of a report, that are indexed."""
_BULK_BYTES = 5 * 1024 * 1024
_WORDS = {"type": "text", "analyzer": "simple_words"}
_MAPPING = {
    "settings": {
        "analysis": {
            "analyzer": {"simple_words": {"type": "custom", "tokenizer": "words", "filter": ["lowercase"]}},
            # Letters and digits alone: `evil` finds evil.example, and a name finds itself as a phrase.
            "tokenizer": {"words": {"type": "pattern", "pattern": "[^\\p{L}\\p{N}]+"}},
        }
    },
    "mappings": {
        "dynamic": False,
        "properties": {
            "report": {"type": "long"},
            "head": _WORDS,
            "items": _WORDS,
            "text": _WORDS,
            "names": {"type": "keyword"},
            "networks": {"type": "ip_range"},
        },
    },
}
_FIRST_ITEMS = """
SELECT item.report_id, item.raw_item, item.fqdn, item.network::text
FROM unnest(%s::bigint[]) AS wanted (report_id)
JOIN LATERAL (
    SELECT * FROM abuse_reportitem WHERE report_id = wanted.report_id ORDER BY id LIMIT %s
) AS item ON true
"""


class OpenSearchSearch(SearchServiceBase):
    """Words as `simple_query_string` takes them: all of them, `"a phrase"`, `this | that`, `-not`, `beginning*`.

    Addresses, networks, names and customers are found as by the default service, among a report's first 1000 items.

    :param index: its name; it is made when it is missing.
    :param user: with `password`, for basic authentication; or `token`, sent as `Authorization: ApiKey`.
    :param timeout_seconds: and the parameters up to `plaintext`: see `JsonClient`.
    :raises ValueError: for what cannot be.
    """

    def __init__(
        self,
        *,
        url: str,
        index: str = "cerberus-reports",
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        timeout_seconds: float = 20.0,
        attempts: int = 3,
        pause_seconds: float = 0.5,
        ca_file: str | None = None,
        plaintext: bool = False,
    ) -> None:
        super().__init__()
        if not _NAME.fullmatch(index):
            raise ValueError(f"index: {index!r}; expected small letters, digits, dots, dashes and underscores")
        if (user is None) != (password is None) or (user is not None and token is not None):
            raise ValueError("user, password, token: expected user and password, or token, or none")
        headers = {"Content-Type": "application/json"}
        if user is not None:
            headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode('ascii')}"
        elif token is not None:
            headers["Authorization"] = f"ApiKey {token}"
        self._index = index
        self._is_made = False
        self._client = JsonClient(
            url,
            error=SearchServiceException,
            headers=headers,
            timeout_seconds=timeout_seconds,
            attempts=attempts,
            pause_seconds=pause_seconds,
            ca_file=ca_file,
            plaintext=plaintext,
            breaker=CircuitBreaker(),
        )

    def index_email(self, parsed_email: ParsedEmail, filename: str, reports_id: Sequence[int]) -> None:
        self.index_reports(reports_id)

    def index_reports(self, ids: Sequence[int]) -> None:
        if not ids:
            return
        self._make_index()
        for body in _bulks(_documents(ids)):
            answer = self._client.call("POST", f"/{self._index}/_bulk", body).content
            self._check_bulk(answer)

    def search_reports(self, query: str) -> Sequence[int]:
        text = readable(query)
        asked = _query(text)
        if asked is None:
            return []
        body = {
            "query": asked,
            "size": MAX_FOUND,
            "_source": False,
            "sort": ["_score", {"report": "desc"}],
            "track_total_hits": False,
            "timeout": "15s",
        }
        sent = json.dumps(body).encode()
        answer = self._client.call("POST", f"/{self._index}/_search", sent, allowing={_NO_INDEX})
        if answer.status == _NO_INDEX:
            return []
        try:
            return [int(hit["_id"]) for hit in answer.content["hits"]["hits"]][:MAX_FOUND]
        except (KeyError, TypeError, ValueError) as error:
            raise SearchServiceException(
                f"{self._client.host}: an answer without the ids of hits ({error!r})", permanent=True
            ) from None

    def search_tickets(self, query: str, reports: Sequence[int] | None = None) -> Sequence[int]:
        named = Ticket.filter(public_id=readable(query).upper()).values_list("pk", flat=True)
        found = super().search_tickets(query, reports)
        ids = list(dict.fromkeys([*named, *found]))[:MAX_FOUND]
        return Found(ids, is_complete=Found.is_all(found) and len(ids) < MAX_FOUND)

    def _make_index(self) -> None:
        """Once for each process. That another one was first is as good."""
        if not self._is_made:
            answer = self._client.call("PUT", f"/{self._index}", json.dumps(_MAPPING).encode(), allowing={_EXISTS})
            if answer.status == _EXISTS and "resource_already_exists" not in json.dumps(answer.content):
                raise SearchServiceException(
                    f"{self._client.host}: index {self._index} cannot be made: {str(answer.content)[:200]}",
                    permanent=True,
                )
            self._is_made = True

    def _check_bulk(self, answer: Any) -> None:
        """A report that is not taken now is tried again with its batch; one that is never taken holds up no other."""
        try:
            results = [item["index"] for item in answer["items"]] if answer["errors"] else []
            failed = [(one["status"], one["_id"], one.get("error")) for one in results if one["status"] >= 300]
        except (KeyError, TypeError) as error:
            raise SearchServiceException(f"{self._client.host}: an answer to _bulk without items ({error!r})") from None
        for status, identifier, reason in failed:
            if status == 429 or status >= 500:
                raise SearchServiceException(f"{self._client.host}: report {identifier}: {status} {str(reason)[:200]}")
            log.error("report %s cannot be found: %s %s %s", identifier, self._client.host, status, str(reason)[:200])


def _query(text: str) -> Mapping[str, Any] | None:
    """The question in OpenSearch's words; None for one that finds nothing."""
    if not re.search(r"\w", text) or all(word.startswith("-") for word in text.split()):
        return None
    try:
        network = ip_network(text.strip("[]"), strict=False)
    except ValueError:
        network = None
    if network is not None:
        return {"range": {"networks": {**_range(network), "relation": "intersects"}}}
    words = {
        "query": text,
        "fields": ["head^4", "items^2", "text"],
        "default_operator": "and",
        "flags": "AND|OR|NOT|PHRASE|PREFIX|WHITESPACE",
        "lenient": True,
    }
    should = [{"term": {"names": {"value": text.lower(), "boost": 100}}}, {"simple_query_string": words}]
    return {"bool": {"should": should, "minimum_should_match": 1}}


def _documents(ids: Sequence[int]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    items: dict[int, list[tuple[str, str | None, str | None]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_ITEMS, [sorted(set(ids)), _ITEMS])
        for report_id, *item in cursor.fetchall():
            items[report_id].append((item[0], item[1], item[2]))
    reports = Report.filter(pk__in=ids).select_related("defendant__details", "ticket").order_by("pk")
    for report in reports:
        yield report.pk, _document(report, items[report.pk])


def _document(report: Report, items: Sequence[tuple[str, str | None, str | None]]) -> Mapping[str, Any]:
    customer = report.defendant
    details = customer.details if customer else None
    known = [customer.customer_id if customer else None]
    if details is not None:
        known += [details.email, details.spare_email, details.firstname, details.name, details.organisation]
    names = {name.lower() for name in (*known[:3], report.reporter_reference, report.provider_id) if name}
    names |= {value.lower() for raw, name, _ in items for value in (raw, name) if value and len(value) <= _ITEM}
    head = [report.subject, report.reporter_reference, report.provider_id, *known]
    return {
        "report": report.pk,
        "head": " \n".join(part for part in head if part)[:_TEXT],
        "items": " \n".join(raw[:_ITEM] for raw, _, _ in items),
        "text": report.body[:_TEXT],
        "names": sorted(names),
        "networks": [_range(ip_network(network)) for _, _, network in items if network],
    }


def _range(network: Network) -> dict[str, str]:
    return {"gte": str(network[0]), "lte": str(network[-1])}


def _bulks(documents: Iterator[tuple[int, Mapping[str, Any]]]) -> Iterator[bytes]:
    """Bodies of `_bulk` of a bounded size: for each document a line that says what to do, and one that has it."""
    body = bytearray()
    for identifier, document in documents:
        lines = (json.dumps(part, separators=(",", ":")) for part in ({"index": {"_id": str(identifier)}}, document))
        entry = "".join(f"{line}\n" for line in lines).encode()
        if body and len(body) + len(entry) > _BULK_BYTES:
            yield bytes(body)
            body.clear()
        body += entry
    if body:
        yield bytes(body)
