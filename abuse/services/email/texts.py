"""Filling in mail texts: a sandboxed engine, no access to objects, missing variables are errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from abuse.models import MailTemplate, Report, ReportItem, Ticket

# Plain text: nothing is escaped. Only strings and lists of strings go in, so a template can reach no object.
_ENGINE = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined, keep_trailing_newline=True)
FALLBACK_LANGUAGE = "EN"

Variables = Mapping[str, str | Sequence[str]]


class TextError(Exception):
    """A text cannot be filled in. The message names the template and what is wrong."""


@lru_cache(maxsize=256)
def _compiled(source: str) -> Template:
    return _ENGINE.from_string(source)


def render(source: str, variables: Variables, *, name: str) -> str:
    """Fill in a text.

    :raises TextError: when it is malformed, or uses a variable that is not given.
    """
    try:
        return _compiled(source).render(**variables)
    except TemplateError as error:
        raise TextError(f"template {name}: {error}") from None


@lru_cache(maxsize=256)
def names_used(source: str) -> frozenset[str]:
    """The variables that a text uses.

    :raises TextError: when it is malformed.
    """
    try:
        return frozenset(meta.find_undeclared_variables(_ENGINE.parse(source)))
    except TemplateError as error:
        raise TextError(f"template: {error}") from None


def find_template(codename: str, lang: str | None, recipient_type: str | None = None) -> MailTemplate | None:
    """The template in the wanted language, else in English, else in whatever language there is."""
    wanted = [language.upper() for language in (lang, FALLBACK_LANGUAGE) if language]
    candidates = MailTemplate.filter(codename=codename)
    if recipient_type:
        candidates = candidates.filter(recipient_type=recipient_type)
    by_language = {template.lang.upper(): template for template in candidates.order_by("-pk")}
    for language in wanted:
        if language in by_language:
            return by_language[language]
    return next(iter(by_language.values()), None)


def ticket_variables(ticket: Ticket, report: Report | None = None) -> Variables:
    """What a text about a ticket may use: `publicId`, `phishingUrls`, `proof`, `service`; of one report `reference`."""
    urls = (
        ReportItem.filter(report__ticket=ticket, item_type=ReportItem.Type.URL)
        .order_by("-report_id", "id")
        .values_list("raw_item", flat=True)[:500]
    )
    return {
        "publicId": ticket.public_id,
        "phishingUrls": list(dict.fromkeys(urls)),
        "proof": list(dict.fromkeys(ticket.proof.order_by("id").values_list("content", flat=True))),
        "service": ticket.service.name if ticket.service else "",
        "reference": (report.reporter_reference or "") if report else "",
    }
