"""Moments as people write them, in each language of the desk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from abuse.config import current

from .language import TextError

LANGUAGES: Mapping[str, str] = {
    "EN": "English",
    "FR": "Français",
    "DE": "Deutsch",
    "ES": "Español",
    "IT": "Italiano",
    "NL": "Nederlands",
    "PL": "Polski",
}
"""The languages that the shipped texts are written in."""
_MONTHS: Mapping[str, tuple[str, ...]] = {
    language: tuple(names.split())
    for language, names in {
        "EN": "January February March April May June July August September October November December",
        "FR": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "DE": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "ES": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "IT": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "NL": "januari februari maart april mei juni juli augustus september oktober november december",
        "PL": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    }.items()
}
_DAY: Mapping[str, str] = {"DE": "{day}. {month} {year}", "ES": "{day} de {month} de {year}"}
_MOMENT: Mapping[str, str] = {
    "FR": "{date} à {time} ({zone})",
    "DE": "{date}, {time} Uhr ({zone})",
    "IT": "{date}, ore {time} ({zone})",
    "ES": "{date}, {time} h ({zone})",
    "NL": "{date}, {time} uur ({zone})",
    "PL": "{date}, godz. {time} ({zone})",
}
STYLES = ("moment", "day", "time", "second")


def format_date(value: datetime, lang: str, style: str = "moment") -> str:
    """A moment in the desk's time zone, which is named.

    `moment`: `24 November 2026, 08:44 (CET, UTC+01:00)`; `day` and `time` are its parts; `second` is
    `2026-11-24 08:44:07 +01:00`, for lists and logs. Languages that are not ours are written as that last one.

    :raises TextError: for another style.
    """
    if style not in STYLES:
        raise TextError(f"date({style!r}); expected one of {', '.join(STYLES)}")
    local = value.astimezone(ZoneInfo(current().DJANGO.TIME_ZONE))
    language = lang.upper()
    if style == "second" or language not in _MONTHS:
        return local.isoformat(sep=" ", timespec="seconds")
    month = _MONTHS[language][local.month - 1]
    date = _DAY.get(language, "{day} {month} {year}").format(day=local.day, month=month, year=local.year)
    if style == "day":
        return date
    if style == "time":
        return f"{local:%H:%M}"
    return _MOMENT.get(language, "{date}, {time} ({zone})").format(date=date, time=f"{local:%H:%M}", zone=_zone(local))


def _zone(local: datetime) -> str:
    offset = local.strftime("%z")
    name = local.tzname() or ""
    if offset == "+0000":
        return "UTC"
    written = f"UTC{offset[:3]}:{offset[3:5]}"
    return written if not name.isalpha() else f"{name}, {written}"
