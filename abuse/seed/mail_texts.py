"""The mail texts that come with Cerberus: files of `texts/<language>/<codename>.<recipient type>.txt`.

A file begins with `name:` and `subject:`, then a line `---`, then the body. An HTML body lies beside it as `.html`.
A row whose text is still the one that was put there follows what is shipped; one that was edited is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from django.utils import timezone

from abuse.models import MailTemplate, MailTemplateVersion
from abuse.models.texts import text_digest

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ShippedText:
    """One text as it is shipped."""

    codename: str
    recipient_type: str
    lang: str
    name: str
    subject: str
    body: str
    body_html: str = ""

    @property
    def key(self) -> Key:
        return self.codename, self.recipient_type, self.lang

    @property
    def digest(self) -> str:
        return text_digest(self.name, self.subject, self.body, self.body_html)


class ShippedTextError(Exception):
    """A file of a shipped text is malformed; the message names it."""


@cache
def shipped_texts() -> tuple[ShippedText, ...]:
    """All of them, by codename, recipient type and language.

    :raises ShippedTextError: for a file that is malformed.
    """
    return tuple(sorted(_read(), key=lambda text: text.key))


def _read() -> Iterator[ShippedText]:
    for language in _directory().iterdir():
        if language.is_dir():
            files = {file.name: file for file in language.iterdir()}
            for name, file in files.items():
                if name.endswith(".txt"):
                    html = files.get(f"{name.removesuffix('.txt')}.html")
                    body_html = html.read_text(encoding="utf-8") if html else ""
                    yield _parsed(language.name.upper(), name, file.read_text(encoding="utf-8"), body_html)


def _directory() -> Traversable:
    return resources.files(__package__).joinpath("texts")


def _parsed(lang: str, file: str, text: str, body_html: str) -> ShippedText:
    codename, _, recipient_type = file.removesuffix(".txt").partition(".")
    front, separator, body = text.partition("\n---\n")
    fields = {key: value.strip() for key, _, value in (line.partition(":") for line in front.split("\n"))}
    if not separator or set(fields) != {"name", "subject"} or recipient_type not in MailTemplate.RecipientType.values:
        raise ShippedTextError(f"{lang}/{file}: expected name, subject, --- and a body, for a known recipient type")
    return ShippedText(codename, recipient_type, lang, fields["name"], fields["subject"], body, body_html)


@cache
def _former() -> frozenset[str]:
    lines = _directory().joinpath("former.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line.split()[0] for line in lines if line and not line.startswith("#"))


def put_texts() -> int:
    """Add the texts that are missing, and bring those up to date that nobody edited; how many were added."""
    rows: dict[Key, MailTemplate] = {
        (row.codename, row.recipient_type, row.lang): row for row in MailTemplate.all().select_for_update()
    }
    new = [_row(text) for text in shipped_texts() if text.key not in rows]
    MailTemplate.objects.bulk_create(new)
    for text in shipped_texts():
        row = rows.get(text.key)
        if row is not None and row.shipped_digest != text.digest:
            _follow(row, text)
    return len(new)


def _row(text: ShippedText) -> MailTemplate:
    return MailTemplate(
        codename=text.codename, recipient_type=text.recipient_type, lang=text.lang, name=text.name,
        subject=text.subject, body=text.body, body_html=text.body_html, shipped_digest=text.digest,
    )  # fmt: skip


def _follow(row: MailTemplate, text: ShippedText) -> None:
    digest = row.digest
    if digest == text.digest:
        MailTemplate.filter(pk=row.pk).update(shipped_digest=digest)
    elif digest == row.shipped_digest or (not row.shipped_digest and digest in _former()):
        MailTemplateVersion.objects.bulk_create([MailTemplateVersion.of(row, user=None, date=timezone.now())])
        row.name, row.subject, row.body, row.body_html = text.name, text.subject, text.body, text.body_html
        row.shipped_digest = text.digest
        row.version += 1
        row.save()
