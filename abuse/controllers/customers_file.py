"""The two shapes of the customers file, JSON and CSV, read record by record: a file of any length in little memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

from abuse.services.crm.records import CustomerRecord, Fault, read_record, shown

MAX_RECORD_CHARACTERS = 64 * 1024 * 1024
_CHUNK = 256 * 1024
_WHITE_SPACE = " \t\r\n"

_CUSTOMER_COLUMNS = {
    "customer_id": "customerId",
    "email": "email",
    "spare_email": "spareEmail",
    "firstname": "firstname",
    "name": "name",
    "organisation": "organisation",
    "address": "address",
    "zip": "zip",
    "city": "city",
    "state": "state",
    "country": "country",
    "billing_country": "billingCountry",
    "lang": "lang",
    "phone": "phone",
    "legal_form": "legalForm",
    "creation_date": "creationDate",
    "is_vip": "isVIP",
    "is_gs": "isGS",
    "is_internal": "isInternal",
}
_SERVICE_COLUMNS = {
    "service_id": "serviceId",
    "service_name": "name",
    "service_domain": "domain",
    "component_type": "componentType",
    "component_sub_type": "componentSubType",
    "reference": "reference",
    "service_creation_date": "creationDate",
    "service_expiration_date": "expirationDate",
    "service_autorenew": "autorenew",
    "service_state": "state",
}
_RESOURCE_COLUMNS = {
    "network": "network",
    "domain": "domain",
    "valid_from": "validFrom",
    "valid_to": "validTo",
    "port_from": "portFrom",
    "port_to": "portTo",
}
COLUMNS = (*_CUSTOMER_COLUMNS, *_SERVICE_COLUMNS, *_RESOURCE_COLUMNS)
REQUIRED_COLUMNS = ("customer_id", "email", "creation_date")


def read_customers(path: Path) -> Iterator[CustomerRecord | Fault]:
    """The customers of a file in order, and in their place what cannot be read. UTF-8, JSON if it begins with `{`.

    A CSV row is a record of its own: a customer with three networks comes three times, once with each.

    :raises OSError: when the file cannot be read.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            start = file.read(1)
            while start and start in _WHITE_SPACE:
                start = file.read(1)
            file.seek(0)
            yield from _read_json(file) if start == "{" else _read_csv(file)
        except UnicodeDecodeError as error:
            value = shown(error.object[error.start : error.end])
            yield Fault("the file", "encoding", value, f"expected UTF-8 ({error.reason})")


class _NotJson(Exception):
    def __init__(self, value: str, expected: str) -> None:
        super().__init__(value, expected)
        self.value, self.expected = value, expected


class _Scanner:
    """JSON values one after the other from a file that is never held in full."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._buffer = ""
        self._position = 0
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is no white space; empty at the end of the file."""
        while True:
            while self._position < len(self._buffer):
                if self._buffer[self._position] not in _WHITE_SPACE:
                    return self._buffer[self._position]
                self._position += 1
            if not self._more(_CHUNK):
                return ""

    def take(self, *expected: str) -> str:
        """The next character, which must be one of the given.

        :raises _NotJson: when it is another.
        """
        found = self.peek()
        if found not in expected:
            raise _NotJson(self.seen(), f"expected {' or '.join(expected)}")
        self._position += 1
        return found

    def seen(self) -> str:
        """The next character for a person."""
        found = self.peek()
        return shown(found) if found else "the end of the file"

    def value(self, opening: Literal["{", '"'], expected: str) -> Any:
        """The next object or string, which `opening` tells apart; both show by themselves where they end.

        :raises _NotJson: when it is none, or longer than MAX_RECORD_CHARACTERS.
        """
        if self.peek() != opening:
            raise _NotJson(self.seen(), expected)
        while True:
            try:
                value, self._position = self._decoder.raw_decode(self._buffer, self._position)
                return value
            except json.JSONDecodeError as error:
                length = len(self._buffer) - self._position
                around = self._buffer[max(error.pos - 20, self._position) : error.pos + 20]
                if length > MAX_RECORD_CHARACTERS:
                    raise _NotJson(f"{length} characters", f"expected an object of JSON ({error.msg})") from None
                # Perhaps only cut off: as much again, so that a long record is not scanned a thousand times.
                if not self._more(max(_CHUNK, length)):
                    raise _NotJson(shown(around), f"expected JSON ({error.msg})") from None
            except (RecursionError, ValueError) as error:  # too deep, or a number of thousands of digits
                raise _NotJson("the record", f"expected an object of JSON ({error})") from None

    def _more(self, characters: int) -> bool:
        text = self._file.read(characters)
        self._buffer = self._buffer[self._position :] + text
        self._position = 0
        return bool(text)


def _read_json(file: TextIO) -> Iterator[CustomerRecord | Fault]:
    scanner = _Scanner(file)
    place = "the file"
    try:
        scanner.take("{")
        expected = 'expected "customers"'
        key = scanner.value('"', expected)
        if key != "customers":
            raise _NotJson(shown(key), expected)
        scanner.take(":")
        scanner.take("[")
        if scanner.peek() == "]":
            scanner.take("]")
        else:
            separator, number = ",", 0
            while separator == ",":
                number += 1
                place = f"record {number}"
                yield from _checked(place, scanner.value("{", "expected an object"))
                place = f"after record {number}"
                separator = scanner.take(",", "]")
        scanner.take("}")
        if scanner.peek():
            raise _NotJson(scanner.seen(), "expected the end of the file")
    except _NotJson as error:
        yield Fault(place, "JSON", error.value, error.expected)


def _checked(place: str, document: object) -> Iterator[CustomerRecord | Fault]:
    record = read_record(place, document)
    if isinstance(record, CustomerRecord):
        yield record
    else:
        yield from record


def _read_csv(file: TextIO) -> Iterator[CustomerRecord | Fault]:
    rows = csv.reader(file, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        faults = list(header_faults("line 1", header))
        if faults:
            yield from faults
            return
        for row in rows:
            if not row:
                continue
            place = f"line {rows.line_num}"
            if len(row) != len(header):
                yield Fault(place, "the row", f"{len(row)} values", f"expected {len(header)}, as many as columns")
                continue
            yield from read_row(place, dict(zip(header, row, strict=True)))
    except csv.Error as error:
        yield Fault(f"line {rows.line_num}", "CSV", str(error), "expected comma-separated values (RFC 4180)")


def read_row(place: str, cells: Mapping[str, str]) -> Iterator[CustomerRecord | Fault]:
    """A row of named columns as a record of its own, or what is wrong with it. Empty cells are not known."""
    record = read_record(place, _document({column: cell for column, cell in cells.items() if cell.strip()}))
    if isinstance(record, CustomerRecord):
        yield record
    else:
        for fault in record:
            yield Fault(fault.record, _column(fault.field), fault.value, fault.expected)


def header_faults(place: str, header: Sequence[str]) -> Iterator[Fault]:
    """What is wrong with the names of the columns."""
    for name in dict.fromkeys(header):
        if name not in COLUMNS:
            yield Fault(place, "header", shown(name), f"expected columns of {', '.join(COLUMNS)}")
            return  # a wrong separator makes the whole line one name: saying it once is enough
        if header.count(name) > 1:
            yield Fault(place, "header", shown(name), "expected each column once")
    for name in REQUIRED_COLUMNS:
        if name not in header:
            yield Fault(place, name, "missing", "expected a column of this name")


def _document(cells: dict[str, str]) -> dict[str, Any]:
    """A row as the JSON object that says the same."""
    customer: dict[str, Any] = _picked(cells, _CUSTOMER_COLUMNS)
    service: dict[str, Any] = _picked(cells, _SERVICE_COLUMNS)
    resource = _picked(cells, _RESOURCE_COLUMNS)
    if resource:
        service["resources"] = [resource]
    if service:
        customer["services"] = [service]
    return customer


def _picked(cells: dict[str, str], columns: dict[str, str]) -> dict[str, Any]:
    return {field: cells[column] for column, field in columns.items() if column in cells}


def _column(field: str) -> str:
    """The column that a field such as `services.0.name` stands in."""
    for prefix, columns in (
        ("services.0.resources.0.", _RESOURCE_COLUMNS),
        ("services.0.", _SERVICE_COLUMNS),
        ("", _CUSTOMER_COLUMNS),
    ):
        for column, name in columns.items():
            if field == prefix + name:
                return column
    return "the resource" if field.startswith("services.0.resources.0") else field
