"""What is handed in over HTTP, looked through before it is taken: forms read, and the faults of documents named."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any
from urllib.parse import parse_qsl

from apiflask import HTTPError
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import FileStorage
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from abuse.parsers import dates

from .errors import fields_at_fault

FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
MAX_FIELDS = 2000
"""In one form: every item may have a field of its own."""
_NEEDED_OF_XARF = ("source_identifier", "category", "type")


def form_of(sent: bytes, content_type: str) -> dict[str, Any]:
    """A form of a web page as the JSON form that says the same. `items`: one a line, and the field may come again.

    :raises HTTPError: when it cannot be read.
    """
    fields, files = _fields(sent, content_type)
    document: dict[str, Any] = {}
    for name, value in fields:
        if name == "items":
            document.setdefault(name, []).extend(line.strip() for line in value.splitlines() if line.strip())
        elif name in document:
            raise HTTPError(400, f"{name[:100]}: given more than once; expected once")
        else:
            document[name] = int(value) if name == "date" and value.isascii() and value.isdecimal() else value
    if files:
        document["attachments"] = [
            {
                "name": file.filename or "file",
                "contentType": file.mimetype or "application/octet-stream",
                "content": base64.b64encode(file.read()).decode(),
            }
            for file in files
        ]
    return document


def _fields(sent: bytes, content_type: str) -> tuple[list[tuple[str, str]], list[FileStorage]]:
    kind, options = parse_options_header(content_type)
    try:
        if kind == "application/x-www-form-urlencoded":
            return parse_qsl(sent.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"), []
        # What was sent is in memory, and bounded, already: files of its own would have to be closed.
        parser = FormDataParser(
            lambda *_, **__: io.BytesIO(), silent=False, max_form_parts=MAX_FIELDS, max_form_memory_size=len(sent)
        )
        _, form, files = parser.parse(io.BytesIO(sent), kind, len(sent), options)
    except ValueError:
        raise HTTPError(400, f"body: is no form of at most {MAX_FIELDS} fields in UTF-8 as {kind} has it") from None
    # A browser sends an empty file for a field in which none was chosen.
    return list(form.items(multi=True)), [file for _, file in files.items(multi=True) if file.filename]


def refuse_xarf(documents: Sequence[dict[str, Any]]) -> None:
    """Refuse XARF v4 reports that nothing can be made of; of the older versions every one is taken.

    :raises HTTPError: naming each field at fault.
    """
    faults = [
        (f"{number}.{field}" if len(documents) > 1 else field, fault)
        for number, document in enumerate(documents)
        if "xarf_version" in document
        for field, fault in _faults_of_xarf(document)
    ]
    if faults:
        raise fields_at_fault(faults)


def _faults_of_xarf(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _NEEDED_OF_XARF:
        value = document.get(name)
        if not isinstance(value, str) or not value.strip():
            said = "missing" if name not in document else repr(value)[:60]
            yield name, f"{said}; expected a text that is not empty"
    moment = document.get("timestamp")
    if moment is not None and dates.parse(str(moment), UTC)[0] is None:
        yield "timestamp", f"{str(moment)[:60]!r}; expected a moment as in RFC 3339"


def refuse_arf(sent: bytes, content_type: str) -> None:
    """Refuse a multipart/report without the parts that it says it has.

    :raises HTTPError: naming what is missing.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if not boundary:
        raise HTTPError(400, "Content-Type: holds no boundary; expected that of the body")
    if f"--{boundary}".encode() not in sent:
        raise HTTPError(400, f"body: holds no line --{boundary[:70]}; expected the boundary of the Content-Type")
    if options.get("report-type", "").lower() == "feedback-report" and b"message/feedback-report" not in sent.lower():
        raise HTTPError(400, "body: holds no part of the type message/feedback-report (RFC 5965)")


def refuse_faults(model: type[BaseModel], document: dict[str, Any]) -> None:
    """Refuse a document that is none of a model.

    :raises HTTPError: naming each field at fault.
    """
    try:
        model.model_validate(document)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise fields_at_fault(
            [(".".join(str(part) for part in fault["loc"]), fault["msg"]) for fault in faults]
        ) from None
