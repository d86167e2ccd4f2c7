"""A mail from a text: the partials it includes, the values it uses, its subject and bodies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from abuse.models import MailTemplate, Report, Ticket

from .context import ReportFacts, TicketFacts
from .engine import Compiled, Value, compiled, render, text_as_html
from .finding import Type, best, candidates, find_partials, language_code, languages_of
from .language import TextError

HOW_TO_FIX = "how_to_fix_"
_FALLBACK = f"{HOW_TO_FIX}other"
ABOUT_CATEGORY = frozenset({"how_to_fix", "category_name"})
"""The variables that are made of the partial about the category: its body and its subject."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a text consists of."""

    subject: str
    body: str
    body_html: str = ""

    @classmethod
    def of(cls, row: MailTemplate) -> Parts:
        return cls(row.subject, row.body, row.body_html)


@dataclass(frozen=True, slots=True)
class WrittenText:
    """A text that is filled in."""

    subject: str
    body: str
    body_html: str
    recipient_type: str
    lang: str


def how_to_fix_codename(category: str) -> str:
    """The partial that says what to do about a category: `Network Attack` has `how_to_fix_network_attack`."""
    return HOW_TO_FIX + re.sub(r"[^a-z0-9]+", "_", category.lower()).strip("_")


def write_text(ticket: Ticket, codename: str, *, lang: str | None = None, report: Report | None = None) -> WrittenText:
    """Fill in the text of a codename for a ticket, in a language; in the recipient's own when none is given.

    `report`: the one that is acknowledged.

    :raises TextError: when there is no such text, or it cannot be filled in.
    """
    rows = candidates(codename, about_report=report is not None)
    return write_row(_best(rows, codename, lang, ticket, report), ticket, report=report)


def write_for_each(ticket: Ticket, codename: str, reports: Sequence[Report]) -> list[WrittenText]:
    """The text of a codename for the reporter of each report, in his language; texts are read once.

    :raises TextError: see `write_text`.
    """
    rows = candidates(codename, about_report=True)
    ready: dict[int, _Ready] = {}
    written = []
    for report in reports:
        row = _best(rows, codename, None, ticket, report)
        if row.pk not in ready:
            ready[row.pk] = _ready(row, ticket.category_id)
        written.append(_written(ready[row.pk], _facts(row, ticket, report)))
    return written


def write_row(row: MailTemplate, ticket: Ticket, *, report: Report | None = None) -> WrittenText:
    """Fill in one text for a ticket.

    :raises TextError: when it cannot be filled in.
    """
    return _written(_ready(row, ticket.category_id), _facts(row, ticket, report))


def write_report_text(report: Report, codename: str, more: Mapping[str, Value]) -> WrittenText:
    """Fill in a text for the reporter of a report that is in no ticket, in his language.

    `more`: the values that only whoever writes knows.

    :raises TextError: when there is no such text, or it cannot be filled in.
    """
    row = best(candidates(codename, about_report=True), (language_code(report.provider.lang),))
    if row is None:
        raise TextError(f"template {codename!r}: there is none of that codename")
    return _written(_ready(row, report.category_id), ReportFacts.about(report, row.lang, more))


def _facts(row: MailTemplate, ticket: Ticket, report: Report | None) -> TicketFacts:
    return TicketFacts(ticket, row.recipient_type, row.lang, report)


def _best(
    rows: Sequence[MailTemplate], codename: str, lang: str | None, ticket: Ticket, report: Report | None
) -> MailTemplate:
    kind = rows[0].recipient_type if rows else ""
    row = best(rows, (language_code(lang), *_languages(kind, ticket, report)))
    if row is None:
        raise TextError(f"template {codename!r}: there is none of that codename")
    return row


@dataclass(frozen=True, slots=True)
class _Ready:
    """A text with its partials, before it is filled in. `about`: the one about the ticket's category."""

    row: MailTemplate
    name: str
    parts: Parts
    used: Sequence[Compiled]
    partials: Mapping[str, Parts]
    wanted: frozenset[str]
    about: Parts


def _ready(row: MailTemplate, category: str) -> _Ready:
    parts, name = Parts.of(row), f"{row.codename} ({row.lang})"
    used = _used(parts, name)
    fix = how_to_fix_codename(category)
    wanted = {include for one in used for include in one.includes}
    about_category = {fix, _FALLBACK} if wanted or any(one.names & ABOUT_CATEGORY for one in used) else set()
    partials = {key: Parts.of(one) for key, one in find_partials(wanted | about_category, [row.lang]).items()}
    for key in wanted & set(partials):
        used += _used(partials[key], key)
    about = partials.get(fix) or partials.get(_FALLBACK) or Parts("", "")
    if any("how_to_fix" in one.names for one in used):
        used += _used(about, fix)
    return _Ready(row, name, parts, used, partials, frozenset(wanted & set(partials)), about)


def _written(ready: _Ready, facts: TicketFacts) -> WrittenText:
    row, ticket = ready.row, facts.ticket
    fix = how_to_fix_codename(ticket.category_id)
    values = facts.values({one for each in ready.used for one in each.names})
    values["category_name"] = ready.about.subject if fix in ready.partials else ticket.category.label
    if any("how_to_fix" in one.names for one in ready.used):
        values["how_to_fix"] = render(ready.about.body, values, name=fix, lang=row.lang).strip("\n")
    partials = {key: ready.partials[key] for key in ready.wanted}
    subject, body, html = fill(ready.parts, values, partials, row.lang, ready.name)
    return WrittenText(subject, body, html, row.recipient_type, row.lang)


def _languages(recipient_type: str, ticket: Ticket, report: Report | None) -> Iterable[str | None]:
    if recipient_type in {Type.DEFENDANT, Type.MASS_CONTACT}:
        return languages_of(ticket.defendant.details if ticket.defendant else None)
    if recipient_type == Type.PLAINTIFF and report is not None:
        return [language_code(report.provider.lang)]
    return []


def _used(parts: Parts, name: str) -> list[Compiled]:
    try:
        found = [compiled(parts.subject), compiled(parts.body)]
        return [*found, compiled(parts.body_html, html=True)] if parts.body_html else found
    except TextError as error:
        raise TextError(f"template {name}: {error}") from None


def fill(
    parts: Parts, values: Mapping[str, Value], partials: Mapping[str, Parts], lang: str, name: str
) -> tuple[str, str, str]:
    """Subject, plain body and HTML body of a text, for these values.

    :raises TextError: when it cannot be filled in; the message names the text and which part of it.
    """
    plain = {key: _block(render(one.body, values, name=key, lang=lang)) for key, one in partials.items()}
    subject = " ".join(render(parts.subject, values, name=f"{name}: subject", lang=lang).split())
    body = _tidy(render(parts.body, values, name=f"{name}: body", lang=lang, partials=plain))
    if not parts.body_html:
        return subject, body, ""
    marked = {**values, "how_to_fix": Markup(text_as_html(str(values.get("how_to_fix", ""))))}  # noqa: S704
    rich = {
        key: render(one.body_html, marked, name=f"{key}: html", lang=lang, html=True)
        if one.body_html
        else text_as_html(plain[key])
        for key, one in partials.items()
    }
    html = render(parts.body_html, marked, name=f"{name}: html", lang=lang, partials=rich, html=True)
    return subject, body, html


def _block(text: str) -> str:
    """A partial as lines of its own: an include stands on a line of its own, whose end belongs to it."""
    trimmed = text.strip("\n")
    return f"{trimmed}\n" if trimmed else ""


def _tidy(body: str) -> str:
    """Without blanks at line ends and runs of empty lines, which conditions leave behind."""
    lines = "\n".join(line.rstrip() for line in body.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n") + "\n"
