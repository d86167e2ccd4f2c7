"""Files that came with mails, handed out without harm: as base64 text, or as bytes that no browser opens."""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from apiflask import HTTPError
from flask import Response, request
from pydantic import BaseModel, RootModel

from abuse.models import AttachedDocument
from abuse.services.storage import StorageService

from .answers import Answer
from .objects import FORBIDDEN

MAX_BASE64_BYTES = 32 * 1024 * 1024
MAX_FILES = 1000
OCTETS = "application/octet-stream"
FILE_EXAMPLE = {"id": 11, "name": "log.txt", "filename": "ab" * 32, "filetype": "text/plain", "size": 2048}
_UNSAFE = re.compile(r"[^\w .()+,=@~-]|\.{2,}")
FILE_CONTENT: dict[int, Any] = {
    **FORBIDDEN,
    200: {
        "description": "The file: base64 text, or its bytes.",
        "content": {
            "text/plain": {"schema": {"type": "string", "contentEncoding": "base64"}, "example": "SGVsbG8="},
            OCTETS: {"schema": {"type": "string", "format": "binary"}},
        },
    },
    413: "The file is too large for base64 text; its bytes can be had with `download=1`.",
}


class FileAnswer(Answer):
    """A file that came with a mail. `name` is the sender's word, `filename` the key in the storage."""

    id: int
    name: str
    filename: str
    filetype: str
    size: int


class FileAnswers(RootModel[list[FileAnswer]]):
    """Files that came with mails."""


class HowToGet(BaseModel):
    """`download=1`, or the header `Accept: application/octet-stream`: the bytes instead of base64 text."""

    download: bool = False


def file_answers(documents: Iterable[AttachedDocument]) -> FileAnswers:
    """The files of a list."""
    return FileAnswers(
        [
            FileAnswer(id=one.pk, name=safe_name(one.name), filename=one.filename, filetype=one.filetype, size=one.size)
            for one in documents
        ]
    )


def file_content(document: AttachedDocument, how: HowToGet) -> Response:
    """The file as the caller asked for it."""
    wants_bytes = how.download or OCTETS in {kind for kind, _ in request.accept_mimetypes}
    if not wants_bytes and document.size > MAX_BASE64_BYTES:
        raise HTTPError(413, f"The file has {document.size} bytes; get it with download=1")
    content = StorageService.read(document.filename)
    if not wants_bytes:
        return Response(b64encode(content), mimetype="text/plain")
    return as_download(content, safe_name(document.name))


def as_download(content: bytes, name: str) -> Response:
    """Bytes that a browser saves and never shows, whatever is in them."""
    response = Response(content, mimetype=OCTETS)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def safe_name(name: str | None) -> str:
    """A file name from a stranger, fit for any file system: no path, no control or turned-around letters."""
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name or ""))[-1]
    cleaned = _UNSAFE.sub("_", base.replace("\t", " ")).strip(" .")[-120:].lstrip(" .")
    return cleaned or "attachment"
