"""Conditions on what belongs to a row: asked so that the database begins with what is few."""

from __future__ import annotations

from typing import Any

from django.db.models import ManyToManyField, ManyToOneRel, Model, Q, QuerySet

MAX_LOOKED_UP = 1000
"""Rows of another table that are found first and named one by one: the planner then knows how frequent each is."""


def over_many(model: type[Model], first: str, match: Q) -> Q:
    """A match over the relation to many of a name as a subquery: a join would give a row as often as it matches.

    The subquery begins at the other end of the relation, so that it need not read the rows themselves.
    """
    relation = model._meta.get_field(first)
    if isinstance(relation, ManyToOneRel):
        others = relation.related_model._default_manager.filter(_moved(match, first))
        name = relation.field.name
        return Q(pk__in=others.filter(**{f"{name}__isnull": False}).values(name))
    if isinstance(relation, ManyToManyField):
        return Q(pk__in=_owners(relation, _moved(match, first)))
    return Q(pk__in=model._default_manager.filter(match).values("pk"))


def by_keys(model: type[Model], path: str, match: Q) -> Q:
    """A match on a column of another table, by the keys of the rows there where these are few."""
    first = path.partition("__")[0]
    others: Any = model._meta.get_field(first).related_model
    keys = list(others._default_manager.filter(_moved(match, first)).values_list("pk", flat=True)[: MAX_LOOKED_UP + 1])
    return Q(**{f"{first}__in": keys}) if len(keys) <= MAX_LOOKED_UP else match


def _owners(relation: ManyToManyField[Any, Any], match: Q) -> QuerySet[Any]:
    """The rows that have one of the things that match."""
    things = relation.related_model._default_manager.filter(match)
    through: Any = relation.remote_field.through
    pairs = through._default_manager.filter(**{f"{relation.m2m_reverse_field_name()}__in": things.values("pk")})
    owners: QuerySet[Any] = pairs.values(relation.m2m_field_name())
    return owners


def _moved(match: Q, first: str) -> Q:
    """The same match, seen from the other end of the relation `first`, with which all of its paths begin."""
    children: list[Any] = []
    for one in match.children:
        if isinstance(one, Q):
            children.append(_moved(one, first))
        else:
            name, value = one  # type: ignore[misc]
            children.append((str(name).removeprefix(f"{first}__"), value))
    return Q(*children, _connector=match.connector, _negated=match.negated)
