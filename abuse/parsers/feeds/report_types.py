"""Kinds of reports by their names and columns, and categories by words: the table in report_types.yml."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import re2
import yaml

from .columns import role_of, roles_of
from .layout import ReportType, Role

_FILE_NAME = re2.compile(r"^(?:.*[/\\])?\d{4}-\d{2}-\d{2}-([a-z0-9_]{2,60})(?:[-.]|$)")
_SUBJECT = re2.compile(r"(?i)shadowserver[ :]+(?:[a-z ]{0,20}[ :])?([a-z0-9]+_[a-z0-9_]{2,60})")
_NO_LETTER = re2.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class _Table:
    types: tuple[tuple[tuple[str, ...], ReportType], ...]
    default: ReportType
    marks: tuple[frozenset[str], ...]
    by_columns: tuple[tuple[frozenset[str], str], ...]
    words: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1)
def _table() -> _Table:
    data = yaml.safe_load(Path(__file__).with_name("report_types.yml").read_text("utf-8"))
    subjects = tuple(data["default_subjects"])
    return _Table(
        types=tuple((tuple(entry["match"]), _report_type(entry, subjects)) for entry in data["types"]),
        default=_report_type(data["default"], subjects),
        marks=tuple(frozenset(names) for names in data["marks"]),
        by_columns=tuple((frozenset(entry["columns"]), entry["type"]) for entry in data["by_columns"]),
        words=tuple((word, entry["category"]) for entry in data["words"] for word in entry["words"]),
    )


def _report_type(entry: dict[str, Any], subjects: tuple[str, ...]) -> ReportType:
    return ReportType(
        name="",
        category=entry["category"],
        rsit=entry["rsit"],
        subjects=tuple(entry.get("subjects", subjects)),
        names=tuple(entry.get("names", ())),
        tag_columns=tuple(entry.get("tag_columns", ())),
        tags=tuple(entry.get("tags", {}).items()),
    )


def type_name(file_name: str, subject: str = "") -> str | None:
    """The report's type as its file's name ("2026-01-02-scan_ntp-isp.csv.zip") or the mail's subject says it."""
    found = _FILE_NAME.match(file_name.lower())
    if found and "_" in found.group(1):
        return str(found.group(1))
    stem = file_name.lower().rpartition("/")[2].partition(".")[0]
    if not found and "_" in stem and _entry(stem) is not None:
        return stem
    said = _SUBJECT.search(subject[:300])
    if said:
        return str(said.group(1)).lower()
    return str(found.group(1)) if found else None


def report_type(columns: Sequence[str], name: str | None) -> ReportType | None:
    """The type of a Shadowserver table with these normalised columns; None for a table of another kind."""
    table = _table()
    present = frozenset(columns)
    if not any(mark <= present for mark in table.marks) and not (name and _entry(name) and "timestamp" in present):
        return None
    if name is None or _entry(name) is None:
        guess = next((said for wanted, said in table.by_columns if wanted <= present), None)
        name = guess if guess is not None else name
    found = _entry(name) if name else None
    return replace(found or table.default, name=name or "unnamed")


def by_name(name: str) -> ReportType | None:
    """The report type of that name; None when the table does not know it."""
    found = _entry(name)
    return replace(found, name=name) if found else None


def _entry(name: str) -> ReportType | None:
    for patterns, kind in _table().types:
        for pattern in patterns:
            start, star, end = pattern.partition("*")
            if name == pattern or (star and name.startswith(start) and name.endswith(end)):
                return kind
    return None


def roles_in(columns: tuple[str, ...], kind: ReportType) -> tuple[Role, ...]:
    """The roles of a Shadowserver table's columns: the accused's are those that the report type names."""
    subjects = [name for name in kind.subjects if name in columns]
    if kind.subjects == _table().default.subjects:
        subjects = subjects[:1]
    ports = [_port_beside(subject, columns) for subject in subjects]
    has_site = any(_name_role(name) is Role.SITE for name in kind.names if name in columns)
    roles = []
    for name, general in zip(columns, roles_of(columns), strict=True):
        if name in subjects:
            roles.append(Role.ADDRESS)
        elif name in ports:
            roles.append(Role.PORT)
        elif name in kind.names:
            role = _name_role(name)
            roles.append(Role.PATH if role is Role.URL and has_site else role)
        elif name == "timestamp" or (general is Role.TIME and "timestamp" not in columns):
            roles.append(Role.TIME)
        elif general in (Role.PROTOCOL, Role.CLOCK):
            roles.append(general)
        elif name in kind.tag_columns:
            roles.append(Role.CATEGORY)
        else:
            roles.append(Role.UNKNOWN if role_of(name) is Role.UNKNOWN else Role.KNOWN)
    return tuple(roles)


def _name_role(name: str) -> Role:
    role = role_of(name)
    return role if role in (Role.URL, Role.HOST, Role.SITE) else Role.HOST


def _port_beside(subject: str, columns: Iterable[str]) -> str | None:
    """The column with the port that goes with an address column."""
    wanted = [subject.removesuffix("_ip") + "_port", "src_port", "port"]
    if subject in ("ip", "inet"):
        wanted = ["port", "src_port"]
    return next((name for name in wanted if name in columns), None)


@lru_cache(maxsize=65_536)
def category_of_words(words: str) -> str | None:
    """The category that a short text for what happened speaks of; None when it says nothing known."""
    joined = "-" + _NO_LETTER.sub("-", words[:200].lower()) + "-"
    for word, category in _table().words:
        # a short word must stand alone: "bot" is no part of "both"
        if (f"-{word}-" if len(word) < 4 else word) in joined:
            return category
    return None


@lru_cache(maxsize=65_536)
def category_by_tags(kind: ReportType, cell: str) -> str | None:
    """The category that a tag gives a row of a report type; None when none of the type's tags occurs."""
    lowered = cell[:500].lower()
    return next((category for tag, category in kind.tags if tag in lowered), None)
