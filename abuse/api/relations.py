"""Conditions on what belongs to a row: asked so that the database begins with what is few."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import ManyToManyField, ManyToOneRel, Model, Q, QuerySet

MAX_LOOKED_UP = 1000
"""Rows of another table that are found first and named one by one: the planner then knows how frequent each is."""
MAX_LISTED = 10_000
"""Rows that are read by their ids and sorted; if there are more, those in the order of the list are tried instead."""


def over_many(model: type[Model], first: str, match: Q, *, looked_up: bool = False) -> Q:
    """A match over the relation to many of a name as a subquery: a join would give a row as often as it matches.

    The subquery begins at the other end of the relation, so that it need not read the rows themselves.

    :param looked_up: whether the match is one `by_keys`, and may be that of few rows.
    """
    owners = _owners_of(model, first, match)
    links = _links(model, match) if looked_up else None
    if links is not None and links[: MAX_LISTED + 1].count() <= MAX_LISTED:
        return Q(pk__any_of=ArraySubquery(owners))
    return Q(pk__in=owners)


def _links(model: type[Model], match: Q) -> QuerySet[Any, Any] | None:
    """What links rows to those of another table with some keys; None when it is not known which keys those are."""
    known = _keys_in(match)
    if known is None:
        return None
    (*before, last), keys = known
    others: Any = model._meta.get_field(before[0]).related_model if before else model
    relation = others._meta.get_field(last)
    if isinstance(relation, ManyToManyField):
        others, last = relation.remote_field.through, relation.m2m_reverse_field_name()
    links: QuerySet[Any, Any] = others._default_manager.filter(**{f"{last}__in": keys})
    return links


def by_keys(model: type[Model], path: str, match: Q) -> Q:
    """A match on a column of another table, by the keys of the rows there where these are few.

    The other table is the one at which the path points, or behind a relation to many the one after that. A match of
    null is one of rows that have none there: the column itself is never null.
    """
    way = "__".join(path.split("__")[:-1][:2])
    nothing = (f"{path}__isnull", True)
    others: Any = model
    for name in way.split("__"):
        others = others._meta.get_field(name).related_model
    keys = list(others._default_manager.filter(_moved(match, way)).values_list("pk", flat=True)[: MAX_LOOKED_UP + 1])
    if len(keys) > MAX_LOOKED_UP:
        return match
    found = Q(**{f"{way}__pk__in": keys}) if keys or nothing not in match.children else Q()
    return found | Q(**{f"{way}__isnull": True}) if nothing in match.children else found


def _owners_of(model: type[Model], first: str, match: Q) -> QuerySet[Any, Any]:
    relation = model._meta.get_field(first)
    if isinstance(relation, ManyToOneRel):
        others = relation.related_model._default_manager.filter(_moved(match, first))
        name = relation.field.name
        return others.filter(**{f"{name}__isnull": False}).values(name)
    if isinstance(relation, ManyToManyField):
        return _owners(relation, _moved(match, first))
    return model._default_manager.filter(match).values("pk")


def _owners(relation: ManyToManyField[Any, Any], match: Q) -> QuerySet[Any]:
    """The rows that have one of the things that match."""
    through: Any = relation.remote_field.through
    known = _keys_in(match)
    things: Any = relation.related_model._default_manager.filter(match).values("pk") if known is None else known[1]
    pairs = through._default_manager.filter(**{f"{relation.m2m_reverse_field_name()}__in": things})
    owners: QuerySet[Any] = pairs.values(relation.m2m_field_name())
    return owners


def _keys_in(match: Q) -> tuple[list[str], Any] | None:
    """The keys that a match `by_keys` wants, and the way to where they are; None for another match."""
    if len(match.children) != 1 or isinstance(match.children[0], Q):
        return None
    name, keys = match.children[0]  # type: ignore[misc]
    *way, column, lookup = ["", *str(name).split("__")]
    return (way[1:], keys) if (column, lookup) == ("pk", "in") else None


def _moved(match: Q, first: str) -> Q:
    """The same match, seen from the other end of the way `first`, with which all of its paths begin."""
    children: list[Any] = []
    for one in match.children:
        if isinstance(one, Q):
            children.append(_moved(one, first))
        else:
            name, value = one  # type: ignore[misc]
            children.append((str(name).removeprefix(f"{first}__"), value))
    return Q(*children, _connector=match.connector, _negated=match.negated)
