"""The calls that the API has, as rows that roles are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import transaction

from abuse.models import ApiRoute, Role
from abuse.policies import WITHOUT_ROLE, Right, granted_to

_Grant = Role.allowed_routes.through


@dataclass(frozen=True, slots=True)
class Route:
    """One call: HTTP method, endpoint name, and the right that it needs."""

    method: str
    endpoint: str
    right: Right


@dataclass(frozen=True, slots=True)
class Synced:
    """How many rows were added, are dead now, and live again."""

    added: int
    died: int
    revived: int


def sync_routes(routes: Iterable[Route]) -> Synced:
    """Have a row for each call that roles are asked for; calls that are gone are marked dead.

    A call seen for the first time is granted to the roles of the seed as `policies.granted_to` says; what was changed
    in a role since then stays. One query when nothing is new.
    """
    wanted = {(route.method, route.endpoint): route for route in routes if route.right not in WITHOUT_ROLE}
    rows = {(row.method, row.endpoint): row for row in ApiRoute.all()}
    died = [row.pk for key, row in rows.items() if key not in wanted and not row.is_dead]
    revived = [row.pk for key, row in rows.items() if key in wanted and row.is_dead]
    new = [route for key, route in wanted.items() if key not in rows]
    if died or revived or new:
        _write(died, revived, new)
    return Synced(len(new), len(died), len(revived))


@transaction.atomic
def _write(died: Collection[int], revived: Collection[int], new: Collection[Route]) -> None:
    ApiRoute.filter(pk__in=died).update(is_dead=True)
    ApiRoute.filter(pk__in=revived).update(is_dead=False)
    # Several processes may start at once: whoever comes second finds the rows there.
    ApiRoute.objects.bulk_create(
        [ApiRoute(method=route.method, endpoint=route.endpoint) for route in new], ignore_conflicts=True
    )
    ids = {(row.method, row.endpoint): row.pk for row in ApiRoute.filter(endpoint__in={one.endpoint for one in new})}
    roles = dict(Role.all().values_list("codename", "pk"))
    _Grant.objects.bulk_create(
        [
            _Grant(role_id=roles[codename], apiroute_id=ids[route.method, route.endpoint])
            for route in new
            for codename in sorted(granted_to(route.right, route.method))
            if codename in roles
        ],
        ignore_conflicts=True,
    )
