"""All texts looked at together: each is well, and none is missing in a language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from abuse.models import Category, MailTemplate
from abuse.services.email.texts import LANGUAGES
from abuse.services.email.texts.checking import check
from abuse.services.email.texts.writing import Parts, how_to_fix_codename

from .mail_texts import shipped_texts

Partial = MailTemplate.RecipientType.PARTIAL


class Text(Protocol):
    """A shipped text or a stored one."""

    @property
    def codename(self) -> str: ...
    @property
    def recipient_type(self) -> str: ...
    @property
    def lang(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def body_html(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and with which text."""

    text: str
    message: str

    def __str__(self) -> str:
        return f"{self.text}: {self.message}"


def check_texts(texts: Iterable[Text], *, origin: str = "shipped") -> Iterator[Finding]:
    """What is wrong with each text: its syntax, its variables, and how it comes out with sample values."""
    found = list(texts)
    english = _partials(found, "EN")
    partials = {lang: {**english, **_partials(found, lang)} for lang in {text.lang for text in found}}
    for text in found:
        parts = Parts(text.subject, text.body, text.body_html)
        for fault in check(parts, text.recipient_type, text.lang, partials[text.lang], codename=text.codename):
            yield Finding(_name(text, origin), str(fault))


def missing_texts(texts: Iterable[Text], *, origin: str = "shipped") -> Iterator[Finding]:
    """The languages in which a shipped codename is missing, and the categories without a how-to-fix text."""
    there = {(text.codename, text.recipient_type, text.lang) for text in texts}
    for codename, kind in sorted({(text.codename, text.recipient_type) for text in shipped_texts()}):
        absent = [lang for lang in LANGUAGES if (codename, kind, lang) not in there]
        if absent:
            yield Finding(f"{origin} {codename} ({kind})", f"missing in {', '.join(absent)}")
    if origin != "shipped":
        for category in Category.all():
            fix = how_to_fix_codename(category.name)
            if not any(codename == fix for codename, _, _ in there):
                yield Finding(f"{origin} {fix} ({Partial})", f"missing for the category {category.name}")


def _partials(texts: Sequence[Text], lang: str) -> dict[str, Parts]:
    return {
        text.codename: Parts(text.subject, text.body, text.body_html)
        for text in texts
        if text.recipient_type == Partial and text.lang == lang
    }


def _name(text: Text, origin: str) -> str:
    return f"{origin} {text.codename}.{text.recipient_type} ({text.lang})"
