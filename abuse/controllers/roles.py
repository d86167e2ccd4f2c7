"""Roles: made, changed, taken away if nobody has them. What a role lists is checked; what it does not list is refused.

The role `admin` stays, and keeps the calls with which roles and users are mended: nobody can lock the desk's
administrators out. The codename of a role is its key, by which settings and presets name it, and stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from abuse.config import current
from abuse.models import ROBOT_NAME, ApiRoute, Operator, Role, TicketStatus, User
from abuse.policies import REPORT_FIELDS, TICKET_FIELDS, Right

from .editing import Refused
from .interact import CODENAMES
from .routes import Route
from .todo import ALGORITHMS

CODENAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)
MAX_NAME = 256
STATUSES = frozenset({"unpaused", *(status.lower() for status in TicketStatus.values)})
"""The statuses that a role may list, and the end of a pause, which gives back the one before it."""
_NAMES: Mapping[tuple[str, str], frozenset[str]] = {
    ("ticket", "fields"): TICKET_FIELDS,
    ("ticket", "status"): STATUSES,
    ("ticket", "interact"): CODENAMES,
    ("report", "fields"): REPORT_FIELDS,
}
"""What is a list of names, and the names that there are."""
_SWITCHES = frozenset({("ticket", "unassignedOnAnswer"), ("ticket", "unassignedOnMultipleAlarm"), ("audit", "read")})
_ALGORITHM = ("ticket", "schedulingAlgorithm")
_MENDS = ("roles.", "users.")
"""How the endpoints begin with which an administrator's rights are given back."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a role is to be; None leaves a part as it is. `routes`: all that it may call, as (method, endpoint)."""

    name: str | None = None
    routes: Collection[tuple[str, str]] | None = None
    authorizations: Mapping[str, Any] | None = None


def routes_of(role: Role) -> list[tuple[str, str]]:
    """The calls, as (method, endpoint), that a role may make; calls that the API has no more are left out."""
    return list(
        role.allowed_routes.filter(is_dead=False).order_by("endpoint", "method").values_list("method", "endpoint")
    )


def understood(authorizations: object) -> dict[str, dict[str, Any]]:
    """Of what stands in a row the part that means anything: rows may have been written by hand."""
    known: dict[str, dict[str, Any]] = {}
    for section, values in authorizations.items() if isinstance(authorizations, dict) else ():
        for name, value in values.items() if isinstance(values, dict) else ():
            allowed = _NAMES.get((section, name))
            if allowed is not None and isinstance(value, list):
                known.setdefault(section, {})[name] = [one for one in value if isinstance(one, str) and one in allowed]
            elif ((section, name) in _SWITCHES and isinstance(value, bool)) or (
                (section, name) == _ALGORITHM and isinstance(value, str) and value in ALGORITHMS
            ):
                known.setdefault(section, {})[name] = value
    return known


@transaction.atomic
def add_role(codename: str, wanted: Wanted, calls: Iterable[Route]) -> Role:
    """Make a role. It may what is listed, and nothing when nothing is. `calls`: those that the API has.

    :raises Refused: naming the value that is wrong; nothing was written then.
    """
    if not CODENAME.fullmatch(codename):
        raise Refused(
            f"codename: {codename[:80]!r}; expected up to 64 of a-z, 0-9, '_', '.', '-', a letter or digit first"
        )
    if Role.filter(codename=codename).exists():
        raise Refused(f"codename: {codename!r} exists already")
    role = Role.create(codename=codename, name=_name(wanted.name or codename))
    return change_role(role, wanted, calls)


@transaction.atomic
def change_role(role: Role, wanted: Wanted, calls: Iterable[Route]) -> Role:
    """Change a role; it counts from the next call of everybody who has it.

    :raises Refused: naming the value that is wrong, or what the role `admin` must keep; nothing was written then.
    """
    role = Role.objects.select_for_update(no_key=True).get(pk=role.pk)
    if wanted.name is not None:
        role.name = _name(wanted.name)
    if wanted.authorizations is not None:
        role.models_authorizations = _checked(wanted.authorizations)
    role.save(update_fields=["name", "models_authorizations"])
    if wanted.routes is not None:
        known = {
            (row.method, row.endpoint): row
            for row in ApiRoute.filter(is_dead=False, endpoint__in={endpoint for _, endpoint in wanted.routes})
        }
        for method, endpoint in wanted.routes:
            if (method, endpoint) not in known:
                raise Refused(f"routes: {method[:10]!r} {endpoint[:80]!r} is unknown; expected GET /api/roles/routes")
        _check_admin_keeps(role, wanted.routes, calls)
        role.allowed_routes.set([known[call] for call in set(wanted.routes)])
    return role


@transaction.atomic
def delete_role(role: Role) -> None:
    """Take a role away that nobody has.

    :raises Refused: for `admin`, and when users have it or the settings give it to anybody.
    """
    role = Role.objects.select_for_update().get(pk=role.pk)
    if role.codename == Role.ADMIN:
        raise Refused(f"role: {role.codename!r} runs the desk and stays")
    users = Operator.filter(role=role).order_by("user__username").values_list("user__username", flat=True)[:20]
    if users:
        raise Refused(f"role: {role.codename!r} is the role of {', '.join(users)}; expected one that nobody has")
    oidc = current().API.oidc
    if oidc is not None and role.codename in oidc.role_mapping.values():
        raise Refused(f"role: API.oidc.role_mapping gives {role.codename!r}; expected one that is given to nobody")
    role.delete()


def administrators() -> QuerySet[User]:
    """Those who can run the desk now: superusers, and who has the role `admin`; active ones."""
    people = User.objects.filter(is_active=True).exclude(username=ROBOT_NAME)
    return people.filter(is_superuser=True) | people.filter(operator__role__codename=Role.ADMIN)


def _check_admin_keeps(role: Role, routes: Collection[tuple[str, str]], calls: Iterable[Route]) -> None:
    if role.codename != Role.ADMIN:
        return
    for call in calls:
        needed = call.right is Right.ADMINISTER and call.endpoint.startswith(_MENDS)
        if needed and (call.method, call.endpoint) not in routes:
            raise Refused(f"routes: {call.method} {call.endpoint} is missing; the role {Role.ADMIN!r} keeps it")


def _checked(authorizations: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    for section, values in authorizations.items():
        for name, value in values.items():
            where = f"modelsAuthorizations.{section}.{name}"
            if (section, name) == _ALGORITHM:
                if value not in ALGORITHMS:
                    raise Refused(f"{where}: {str(value)[:80]!r}; expected one of {', '.join(sorted(ALGORITHMS))}")
            elif (section, name) not in _SWITCHES:
                allowed = _NAMES.get((section, name))
                if allowed is None:
                    raise Refused(f"{where}: there is no such authorisation")
                unknown = sorted(set(value) - allowed)
                if unknown:
                    raise Refused(f"{where}: {unknown[0][:80]!r}; expected some of {', '.join(sorted(allowed))}")
    return {section: dict(values) for section, values in authorizations.items() if values}


def _name(text: str) -> str:
    clean = text.strip()
    if not 1 <= len(clean) <= MAX_NAME:
        raise Refused(f"name: {len(clean)} characters; expected 1 to {MAX_NAME}")
    return clean
