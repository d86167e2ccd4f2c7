"""What a column is, by what it is called: the table in columns.yml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import re2
import yaml

from .layout import Role

MAX_NAME = 80  # characters of a column's name that are looked at

_HUMP = re2.compile(r"([a-z0-9])([A-Z])")
_NO_WORD = re2.compile(r"[^a-z0-9]+")
_STATED_ZONE = re2.compile(r"_(?:utc|gmt|z)$")
# Roles a table has one column for; of several the best-named is taken.
SINGLE = frozenset(
    (Role.ADDRESS, Role.RANGE_END, Role.TIME, Role.CLOCK, Role.PORT, Role.PROTOCOL, Role.PATH, Role.SITE)
)


@dataclass(frozen=True, slots=True)
class _Names:
    roles: dict[str, tuple[Role, int]]  # name: role and rank, the best is 0
    known: frozenset[str]
    starts: tuple[str, ...]
    ends: tuple[str, ...]


@lru_cache(maxsize=1)
def _names() -> _Names:
    data = yaml.safe_load(Path(__file__).with_name("columns.yml").read_text("utf-8"))
    roles = {
        name: (Role(role), rank) for role, names in reversed(data["roles"].items()) for rank, name in enumerate(names)
    }
    return _Names(roles, frozenset(data["known"]), tuple(data["known_starts"]), tuple(data["known_ends"]))


def normalised(name: str) -> str:
    """A column's name in one spelling: lower case, words joined by "_"; "" for a cell that names nothing."""
    return _normalised(name[:MAX_NAME])


@lru_cache(maxsize=4096)
def _normalised(name: str) -> str:
    spaced = name if name.isupper() else _HUMP.sub(r"\1_\2", name)
    joined = _NO_WORD.sub("_", spaced.lower()).strip("_")
    return str(_STATED_ZONE.sub("", joined))


@lru_cache(maxsize=4096)
def role_of(name: str) -> Role:
    """The role of a normalised name; UNKNOWN when the table does not know it."""
    names = _names()
    found = names.roles.get(name)
    if found is not None:
        return found[0]
    if name in names.known or name.startswith(names.starts) or name.endswith(names.ends):
        return Role.KNOWN
    return Role.UNKNOWN


def rank_of(name: str) -> int | None:
    """How well a normalised name says its role, the best is 0; None when it has none of ours."""
    found = _names().roles.get(name)
    return None if found is None else found[1]


def roles_of(columns: tuple[str, ...]) -> tuple[Role, ...]:
    """The roles of a table's columns, where a role that there is one column for goes to the best-named one."""
    names = _names()
    best: dict[Role, tuple[int, int]] = {}
    roles = [role_of(name) for name in columns]
    for index, (name, role) in enumerate(zip(columns, roles, strict=True)):
        if role in SINGLE:
            best[role] = min(best.get(role, (1_000, 0)), (names.roles[name][1], index))
    if Role.RANGE_END in best and not _starts_a_range(columns, best.get(Role.ADDRESS)):
        best[Role.RANGE_END] = (0, -1)
    return tuple(Role.KNOWN if role in SINGLE and best[role][1] != index else role for index, role in enumerate(roles))


def _starts_a_range(columns: tuple[str, ...], address: tuple[int, int] | None) -> bool:
    return address is not None and any(word in columns[address[1]] for word in ("start", "first", "from"))
