"""The files of mails: bytes in the storage under their SHA-256, names for people only."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

from abuse.models import MessageFile
from abuse.models.fields import clipped

from ..storage import StorageService, StorageServiceException
from .base import Attachment, EmailServiceException, KeptFile

MAX_FILES = 50
MAX_NAME = 200
UNNAMED = "file"
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,100}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}")
_PLAIN_TYPE = "application/octet-stream"


def keep(attachments: Sequence[Attachment | KeptFile], max_bytes: int | None) -> list[KeptFile]:
    """Store the files that are not stored yet. `max_bytes` bounds them together; None for what came in already.

    :raises EmailServiceException: permanent when they are too many or too large; else when the storage failed.
    """
    if max_bytes is not None and len(attachments) > MAX_FILES:
        raise EmailServiceException(f"attachments: {len(attachments)}; expected {MAX_FILES} at most", permanent=True)
    size = sum(one.size if isinstance(one, KeptFile) else len(one.content) for one in attachments)
    if max_bytes is not None and size > max_bytes:
        raise EmailServiceException(
            f"attachments: {size} bytes together; expected {max_bytes} at most (MAIL.max_attachment_bytes)",
            permanent=True,
        )
    return [one if isinstance(one, KeptFile) else _stored(one) for one in attachments]


def _stored(attachment: Attachment) -> KeptFile:
    key = hashlib.sha256(attachment.content).hexdigest()
    try:
        StorageService.write(key, attachment.content)
    except StorageServiceException as error:
        raise EmailServiceException(
            f"attachment {attachment.filename!r}: {error}", permanent=error.permanent
        ) from error
    return KeptFile(attachment.filename, attachment.content_type, key, len(attachment.content))


def columns(file: KeptFile, position: int) -> dict[str, object]:
    """The columns of a file's row."""
    return {
        "key": file.key,
        "name": clipped(file.filename, 255),
        "content_type": clipped(file.content_type, 255),
        "size": file.size,
        "position": position,
    }


def of_row(row: MessageFile) -> KeptFile:
    return KeptFile(row.name, row.content_type, row.key, row.size)


def shown_name(name: str) -> str:
    """A sender's file name that is safe to show and to give to a recipient's program: no path, no control or hidden
    characters; letters of any language stay.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    visible = "".join(one for one in last if unicodedata.category(one)[0] != "C").strip(" .")
    return visible[-MAX_NAME:] or UNNAMED


def sent_type(content_type: str) -> tuple[str, str]:
    """The type under which a file can go with a mail: what is no type, or a mail within, goes as plain bytes."""
    known = content_type.strip().lower().partition(";")[0].strip()
    if not _TYPE.fullmatch(known) or known.startswith(("multipart/", "message/")):
        known = _PLAIN_TYPE
    main, _, sub = known.partition("/")
    return main, sub
