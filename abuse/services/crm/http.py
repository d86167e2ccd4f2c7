"""A CRM service over HTTP, for a system of the operator's own. What is said: docs/reference/crm-http.md."""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from ..breaker import CircuitBreaker
from ..json_client import JsonClient
from ..signed_webhook import read_secret, sign
from .base import CRMServiceException, DefendantInfo, Match, ServiceInfo
from .records import CustomerFields, Moment, Record, RequiredText, ServiceFields, Text
from .remote import RemoteCRM, is_identifier, nobody_at, read_answer
from .windows import Holding, Question, WindowCache

VERSION = 1
MAX_BATCH = 1000
T = TypeVar("T", bound="_Answer")


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("expected a number")
    return value


class _Customer(CustomerFields):
    tags: Annotated[tuple[RequiredText, ...], Field(max_length=50)] = ()

    def info(self) -> DefendantInfo:
        return DefendantInfo(**self.model_dump())


class _Service(ServiceFields):
    service_id: RequiredText
    customer_id: RequiredText

    def info(self) -> ServiceInfo:
        return ServiceInfo(**self.model_dump(exclude={"customer_id"}))


class _Item(Record):
    id: Annotated[int, Field(strict=True)]
    service_id: Text
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    reason: Text = None


class _Answer(Record):
    customers: tuple[_Customer, ...]
    services: tuple[_Service, ...]


class _FindAnswer(_Answer):
    items: tuple[_Item, ...]


class _CustomerAnswer(_Answer):
    revenue: Annotated[float, BeforeValidator(_number)] = 0.0


class HttpCRM(RemoteCRM):
    """Who has what, asked of a URL of yours, many things at once.

    :param url: to which all is posted.
    :param token: sent as `Authorization: Bearer`.
    :param secret: with which requests are signed, as `abuse.services.signed_webhook` describes; at least 24 bytes.
    :param timeout_seconds: and the parameters up to `plaintext`: see `JsonClient`.
    :param max_answer_bytes: a longer answer is refused.
    :param batch_size: things asked for in one request, at most 1000.
    :param cache_entries: things of which the answer is kept, in each process.
    :param cache_seconds: for how long, at most until its `validTo`; 0: not at all.
    :param negative_seconds: for how long it is believed that nobody has a thing.
    :param breaker_failures: calls that fail in a row until none is made for `breaker_seconds`.
    :param networks: see `RemoteCRM`.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str | None = None,
        secret: str | None = None,
        timeout_seconds: float = 10.0,
        attempts: int = 3,
        pause_seconds: float = 0.5,
        ca_file: str | None = None,
        plaintext: bool = False,
        max_answer_bytes: int = 8 * 1024 * 1024,
        batch_size: int = 200,
        cache_entries: int = 10_000,
        cache_seconds: float = 900.0,
        negative_seconds: float = 60.0,
        breaker_failures: int = 5,
        breaker_seconds: float = 15.0,
        networks: Sequence[str] = (),
    ) -> None:
        super().__init__(WindowCache(cache_entries, cache_seconds, negative_seconds), networks)
        if token is None and secret is None:
            raise ValueError("token, secret: expected at least one: who asks for customers has to show who he is")
        if not 1 <= batch_size <= MAX_BATCH:
            raise ValueError(f"batch_size: {batch_size}; expected 1 to {MAX_BATCH}")
        self._batch_size = batch_size
        self._secret = read_secret(secret) if secret is not None else None
        headers = {"Content-Type": "application/json"}
        self._client = JsonClient(
            url,
            error=CRMServiceException,
            headers=headers if token is None else {**headers, "Authorization": f"Bearer {token}"},
            timeout_seconds=timeout_seconds,
            attempts=attempts,
            pause_seconds=pause_seconds,
            ca_file=ca_file,
            plaintext=plaintext,
            max_answer_bytes=max_answer_bytes,
            breaker=CircuitBreaker(breaker_failures, breaker_seconds),
        )

    def look_up(self, questions: Sequence[Question]) -> Mapping[Question, Holding]:
        found: dict[Question, Holding] = {}
        for start in range(0, len(questions), self._batch_size):
            batch = questions[start : start + self._batch_size]
            asked = [_asked(number, question) for number, question in enumerate(batch)]
            answer = self._ask({"type": "crm.find", "items": asked}, _FindAnswer)
            found.update(_holdings(answer, batch))
        return found

    def get_customer_infos(self, customer_id: str) -> DefendantInfo | None:
        answer = self._customer(customer_id)
        return next((one.info() for one in answer.customers if one.customer_id == customer_id), None)

    def get_service_infos(self, service_id: str) -> ServiceInfo | None:
        if not is_identifier(service_id):
            return None
        answer = self._ask({"type": "crm.service", "serviceId": service_id}, _Answer)
        return next((one.info() for one in answer.services if one.service_id == service_id), None)

    def get_customer_services(self, customer_id: str) -> Sequence[ServiceInfo]:
        answer = self._customer(customer_id)
        return [one.info() for one in answer.services if one.customer_id == customer_id]

    def get_customer_revenue(self, customer_id: str, service: str | None = None) -> float:
        return self._customer(customer_id, service).revenue

    def _customer(self, customer_id: str, service: str | None = None) -> _CustomerAnswer:
        if not is_identifier(customer_id):
            return _CustomerAnswer(customers=(), services=())
        question = {"type": "crm.customer", "customerId": customer_id}
        return self._ask(question if service is None else {**question, "serviceName": service}, _CustomerAnswer)

    def _ask(self, question: Mapping[str, Any], kind: type[T]) -> T:
        body = json.dumps({"version": VERSION, **question}, separators=(",", ":")).encode()
        identifier = secrets.token_hex(16)
        said = self._client.call("POST", "", body, headers=lambda: self._signature(identifier, body)).content
        return read_answer(kind, said, f"{self._client.host}: answer")

    def _signature(self, identifier: str, body: bytes) -> Mapping[str, str]:
        if self._secret is None:
            return {}
        now = int(time.time())
        return {
            "webhook-id": identifier,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self._secret, identifier, now, body),
        }


def _asked(number: int, question: Question) -> dict[str, Any]:
    item: dict[str, Any] = {"id": number, "at": question.at.astimezone(UTC).isoformat().replace("+00:00", "Z")}
    item["address" if question.is_address else "domain"] = question.thing
    if question.port is not None:
        item["port"] = question.port
    return item


def _holdings(answer: _FindAnswer, batch: Sequence[Question]) -> dict[Question, Holding]:
    """The holding of each thing that was asked for.

    :raises CRMServiceException: permanent, when the parts of the answer do not fit together.
    """
    customers = {one.customer_id: one.info() for one in answer.customers}
    services = {one.service_id: (place, one, one.info()) for place, one in enumerate(answer.services)}
    found: dict[Question, Holding] = {}
    for place, item in enumerate(answer.items):
        if not 0 <= item.id < len(batch) or batch[item.id] in found:
            raise _misfit(f"items.{place}.id", item.id, "expected the id of each item once")
        match = None
        if item.service_id is not None:
            if item.service_id not in services:
                raise _misfit(f"items.{place}.serviceId", item.service_id, "expected one of services")
            number, service, info = services[item.service_id]
            if service.customer_id not in customers:
                raise _misfit(f"services.{number}.customerId", service.customer_id, "expected one of customers")
            match = Match(customers[service.customer_id], info, item.reason or "")
        question = batch[item.id]
        found[question] = _holding(match, item, question, f"items.{place}")
    missing = next((number for number, question in enumerate(batch) if question not in found), None)
    if missing is not None:
        raise _misfit("items", f"none with the id {missing}", "expected one for each item that was asked for")
    return found


def _holding(match: Match | None, item: _Item, question: Question, place: str) -> Holding:
    """An end that is null is open; one that is not named says nothing of any other moment than the one asked about."""
    said = item.model_fields_set
    moment = nobody_at(question.at)
    since = item.valid_from if "valid_from" in said else moment.valid_from
    until = item.valid_to if "valid_to" in said else moment.valid_to
    holding = Holding(match, since, until)
    if not holding.covers(question.at):
        shown = f"{item.valid_from} to {item.valid_to}"
        raise _misfit(f"{place}.validFrom, validTo", shown, f"expected a time around {question.at.isoformat()}")
    return holding


def _misfit(field: str, value: object, expected: str) -> CRMServiceException:
    return CRMServiceException(f"answer: {field}: {str(value)[:80]!r}; {expected}", permanent=True)
