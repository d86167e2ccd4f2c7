"""A CRM service that asks WHMCS over its API: clients as customers, their products as services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import BeforeValidator

from ..breaker import CircuitBreaker
from ..json_client import JsonClient
from .base import CRMServiceException, DefendantInfo, Match, ServiceInfo
from .remote import Foreign, RemoteCRM, Stopwatch, address_of, read_answer
from .whmcs_products import HELD, PAGE, Product, ProductIndex, Row, Text, day, product_of
from .windows import Holding, Question, TimedCache, WindowCache

_MONTHS = {
    "monthly": 1, "quarterly": 3, "semi-annually": 6, "annually": 12, "biennially": 24, "triennially": 36,
}  # fmt: skip
_LANGUAGES = {
    "arabic": "AR", "catalan": "CA", "chinese": "ZH", "croatian": "HR", "czech": "CS", "danish": "DA", "dutch": "NL",
    "english": "EN", "estonian": "ET", "french": "FR", "german": "DE", "hebrew": "HE", "hungarian": "HU",
    "italian": "IT", "norwegian": "NO", "polish": "PL", "portuguese-br": "PT", "portuguese-pt": "PT", "romanian": "RO",
    "russian": "RU", "spanish": "ES", "swedish": "SV", "turkish": "TR", "ukranian": "UK",
}  # fmt: skip
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _products(value: object) -> object:
    """`{"product": [...]}`; empty in other shapes when there is none."""
    return value.get("product", []) if isinstance(value, dict) else []


class _Page(Foreign):
    totalresults: int = 0
    products: Annotated[tuple[Any, ...], BeforeValidator(_products)] = ()


class _Client(Foreign):
    id: int
    firstname: Text = ""
    lastname: Text = ""
    companyname: Text = ""
    email: Text = ""
    address1: Text = ""
    address2: Text = ""
    city: Text = ""
    state: Text = ""
    postcode: Text = ""
    countrycode: Text = ""
    phonenumberformatted: Text = ""
    phonenumber: Text = ""
    language: Text = ""
    datecreated: Text = ""


class WhmcsCRM(RemoteCRM):
    """Clients of WHMCS by the addresses (dedicated and assigned ones) and domains of their products.

    A product is its client's from the day of its registration on; WHMCS does not tell who had an address before.

    :param url: of WHMCS, without `/includes/api.php`.
    :param identifier: and `secret`: API credentials that may call GetClientsProducts and GetClientsDetails.
    :param access_key: where the API is restricted by one.
    :param refresh_seconds: after which all products are read anew.
    :param file: where they are kept for other processes and the next job; an absolute path, which only the desk may
        read. Without it each job reads all of them.
    :param max_products: more are refused, so that memory is bounded.
    :param seconds: for which one call reads or asks at most; then it is tried again, from there on.
    :param timeout_seconds: and the parameters up to `plaintext`: see `JsonClient`; the others as for `HttpCRM`.
    """

    def __init__(
        self,
        *,
        url: str,
        identifier: str,
        secret: str,
        access_key: str | None = None,
        refresh_seconds: float = 900.0,
        file: str | None = None,
        max_products: int = 200_000,
        seconds: float = 30.0,
        timeout_seconds: float = 15.0,
        attempts: int = 3,
        pause_seconds: float = 0.5,
        ca_file: str | None = None,
        plaintext: bool = False,
        cache_entries: int = 10_000,
        cache_seconds: float = 900.0,
        breaker_failures: int = 5,
        breaker_seconds: float = 15.0,
        networks: Sequence[str] = (),
    ) -> None:
        super().__init__(WindowCache(1, 0, 0), networks)  # the index is in memory already
        if file is not None and not Path(file).is_absolute():
            raise ValueError(f"file: {file!r}; expected an absolute path")
        self._credentials = {"identifier": identifier, "secret": secret, "responsetype": "json"}
        if access_key is not None:
            self._credentials["accesskey"] = access_key
        self._seconds = seconds
        self._clients: TimedCache[int, DefendantInfo] = TimedCache(cache_entries, cache_seconds)
        self._index = ProductIndex(
            self._page,
            refresh_seconds=refresh_seconds,
            seconds=seconds,
            max_products=max_products,
            file=Path(file) if file is not None else None,
        )
        self._client = JsonClient(
            url,
            error=CRMServiceException,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            timeout_seconds=timeout_seconds,
            attempts=attempts,
            pause_seconds=pause_seconds,
            ca_file=ca_file,
            plaintext=plaintext,
            breaker=CircuitBreaker(breaker_failures, breaker_seconds),
        )

    def look_up(self, questions: Sequence[Question]) -> Mapping[Question, Holding]:
        watch = Stopwatch(self._seconds * 2)
        found: dict[Question, Holding] = {}
        for number, question in enumerate(questions):
            product = (
                self._index.of_address(address_of(question))
                if question.is_address
                else self._index.of_domain(question.thing)
            )
            if product is None or (product.valid_from is not None and question.at < product.valid_from):
                continue
            watch.check(number, len(questions))
            info = self._details(product.client)
            if info is not None:
                match = Match(info, _service(product), f"WHMCS product {product.id}")
                found[question] = Holding(match, product.valid_from)
        return found

    def get_customer_infos(self, customer_id: str) -> DefendantInfo | None:
        number = _number(customer_id)
        return None if number is None else self._details(number)

    def get_service_infos(self, service_id: str) -> ServiceInfo | None:
        number = _number(service_id)
        rows = self._rows(serviceid=number) if number is not None else iter(())
        return next((_service(product_of(row)) for row in rows if row.id == number), None)

    def get_customer_services(self, customer_id: str) -> Sequence[ServiceInfo]:
        return [_service(product_of(row)) for row in self._rows_of(customer_id) if row.status in HELD]

    def get_customer_revenue(self, customer_id: str, service: str | None = None) -> float:
        """What active products cost a month, in the client's currency; of the service of that name, if one is named."""
        rows = [row for row in self._rows_of(customer_id) if row.status == "Active"]
        return float(sum(_monthly(row) for row in rows if service is None or _service(product_of(row)).name == service))

    def _rows_of(self, customer_id: str) -> Iterator[Row]:
        number = _number(customer_id)
        rows = self._rows(clientid=number) if number is not None else iter(())
        return (row for row in rows if row.clientid == number)

    def _rows(self, **wanted: int) -> Iterator[Row]:
        offset = 0
        while True:
            rows, total = self._page(offset, **wanted)
            yield from rows
            offset += len(rows)
            if not rows or offset >= total:
                return

    def _page(self, offset: int, **wanted: int) -> tuple[Sequence[Row], int]:
        place = f"{self._client.host}: GetClientsProducts"
        said = self._ask("GetClientsProducts", limitstart=offset, limitnum=PAGE, **wanted)
        page = read_answer(_Page, said, place)
        rows = [read_answer(Row, row, f"{place} products.product.{number}") for number, row in enumerate(page.products)]
        return rows, page.totalresults

    def _details(self, number: int) -> DefendantInfo | None:
        """A client; None when there is none of that number."""
        known = self._clients.get(number)
        if known is not None:
            return known
        said = self._ask("GetClientsDetails", clientid=number, stats="false")
        if said is None:
            return None
        client = said.get("client", said)  # old versions have it at the top
        info = self._info(read_answer(_Client, client, f"{self._client.host}: GetClientsDetails client"))
        self._clients.put(number, info)
        return info

    def _info(self, client: _Client) -> DefendantInfo:
        """Where WHMCS does not say since when he is one, it is since his first product."""
        created = day(client.datecreated)
        if created is None:
            days = [moment for row in self._rows(clientid=client.id) if (moment := day(row.regdate)) is not None]
            created = min(days, default=_LONG_AGO)
        address = ", ".join(line for line in (client.address1, client.address2) if line)
        return DefendantInfo(
            customer_id=str(client.id),
            email=client.email,
            creation_date=created,
            firstname=client.firstname or None,
            name=client.lastname or None,
            organisation=client.companyname or None,
            address=address or None,
            zip=client.postcode or None,
            city=client.city or None,
            state=client.state or None,
            country=client.countrycode or None,
            lang=_LANGUAGES.get(client.language.lower()),
            phone=client.phonenumberformatted or client.phonenumber or None,
        )

    def _ask(self, action: str, **fields: object) -> Any:
        """What an action answers; None when there is no such client.

        :raises CRMServiceException: permanent for another error that WHMCS reports.
        """
        body = urlencode({**self._credentials, "action": action, **fields}).encode()
        said = self._client.call("POST", "/includes/api.php", body).content
        if not isinstance(said, dict):
            raise self._wrong(action, f"{said!r:.100}; expected an object")
        if said.get("result") != "success":
            message = str(said.get("message", ""))[:200]
            if message.lower() in {"client not found", "client id not found"}:
                return None
            raise self._wrong(action, f"result: {str(said.get('result'))[:40]!r} ({message}); expected 'success'")
        return said

    def _wrong(self, action: str, said: str) -> CRMServiceException:
        return CRMServiceException(f"{self._client.host}: {action}: {said}", permanent=True)


def _number(identifier: str) -> int | None:
    is_number = identifier.isascii() and identifier.isdecimal() and len(identifier) < 19
    return int(identifier) if is_number and str(int(identifier)) == identifier else None


def _service(product: Product) -> ServiceInfo:
    return ServiceInfo(
        name=product.domain or product.name or f"product {product.id}",
        service_id=str(product.id),
        domain=product.domain or None,
        component_type=product.group or None,
        component_sub_type=product.name or None,
    )


def _monthly(row: Row) -> Decimal:
    """What a product costs a month; nothing where it is free, or was paid once."""
    months = _MONTHS.get(row.billingcycle.lower())
    try:
        return Decimal(row.recurringamount) / months if months else Decimal(0)
    except InvalidOperation:
        return Decimal(0)
