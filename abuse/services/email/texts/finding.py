"""Which text is sent: the one of a codename in the best language for whoever reads it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from abuse.config import current
from abuse.models import DefendantRevision, MailTemplate

from .stored import stored_texts

Type = MailTemplate.RecipientType

FALLBACK_LANGUAGE = "EN"
# The languages that most people of a country read, of those that the shipped texts are written in.
_OF_COUNTRY = {
    "AD": "ES", "AR": "ES", "AT": "DE", "BE": "NL", "BF": "FR", "BI": "FR", "BJ": "FR", "BO": "ES", "CD": "FR",
    "CG": "FR", "CH": "DE", "CI": "FR", "CL": "ES", "CM": "FR", "CO": "ES", "CR": "ES", "CU": "ES", "DE": "DE",
    "DO": "ES", "DZ": "FR", "EC": "ES", "ES": "ES", "FR": "FR", "GA": "FR", "GF": "FR", "GN": "FR", "GP": "FR",
    "GQ": "ES", "GT": "ES", "HN": "ES", "HT": "FR", "IT": "IT", "LI": "DE", "LU": "FR", "MA": "FR", "MC": "FR",
    "MG": "FR", "ML": "FR", "MQ": "FR", "MX": "ES", "NC": "FR", "NE": "FR", "NI": "ES", "NL": "NL", "PA": "ES",
    "PE": "ES", "PF": "FR", "PL": "PL", "PY": "ES", "RE": "FR", "SM": "IT", "SN": "FR", "SR": "NL", "SV": "ES",
    "TD": "FR", "TG": "FR", "TN": "FR", "UY": "ES", "VA": "IT", "VE": "ES", "YT": "FR",
}  # fmt: skip


def language_code(text: str | None) -> str | None:
    """`fr_FR`, `fr-ca` and `FR` are FR; None when a text is no language code."""
    first = (text or "").strip().replace("_", "-").partition("-")[0].upper()
    return first if len(first) == 2 and first.isascii() and first.isalpha() else None


def languages_of(details: DefendantRevision | None) -> tuple[str, ...]:
    """In which languages a customer is best written to: his own, that of his country, the desk's."""
    wanted: list[str | None] = []
    if details is not None:
        country = (details.country or details.billing_country or "").strip().upper()
        wanted = [language_code(details.lang), _OF_COUNTRY.get(country)]
    return _distinct([*wanted, current().MAIL.default_language])


def language_of(details: DefendantRevision | None) -> str:
    """The first of `languages_of`."""
    return languages_of(details)[0]


def candidates(codename: str, *, about_report: bool = False) -> list[MailTemplate]:
    """The texts of a codename in all languages, for one recipient type.

    One codename may be written for several. Then it is the reporter's text that is taken where one report is
    acknowledged, else the customer's.
    """
    found = [row for row in stored_texts([codename]) if row.recipient_type != Type.PARTIAL]
    order = [Type.DEFENDANT, Type.PLAINTIFF, Type.OTHER, Type.MASS_CONTACT]
    if about_report:
        order = [Type.PLAINTIFF, *order]
    types = {row.recipient_type for row in found}
    chosen = next((one for one in order if one in types), None)
    return [row for row in found if row.recipient_type == chosen]


def find_template(codename: str, *languages: str | None) -> MailTemplate | None:
    """The text of a codename in the first language there is of those wanted, else in English, else in any."""
    return best(candidates(codename), languages)


def find_partials(codenames: Collection[str], languages: Sequence[str | None]) -> dict[str, MailTemplate]:
    """The partials of these codenames, each in the best language; one that does not exist is missing."""
    rows: dict[str, list[MailTemplate]] = {}
    for row in stored_texts(codenames):
        if row.recipient_type == Type.PARTIAL:
            rows.setdefault(row.codename, []).append(row)
    return {codename: one for codename, found in rows.items() if (one := best(found, languages)) is not None}


def best(rows: Sequence[MailTemplate], languages: Iterable[str | None]) -> MailTemplate | None:
    """The one in the first language there is of those wanted, else in English, else any; None of none."""
    by_language = {row.lang.upper(): row for row in rows}
    wanted = _distinct([*languages, FALLBACK_LANGUAGE])
    return next((by_language[language] for language in wanted if language in by_language), rows[0] if rows else None)


def _distinct(languages: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(language.upper() for language in languages if language))
