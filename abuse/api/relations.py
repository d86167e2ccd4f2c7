"""Conditions on what belongs to a row: asked so that the database begins with what is few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import ManyToManyField, ManyToOneRel, Model, Q, QuerySet
from django.db.models.expressions import RawSQL
from flask import g

MAX_LOOKED_UP = 1000
"""Rows of another table that are found first and named one by one: the planner then knows how frequent each is."""
MAX_LISTED = 10_000
"""Rows that are read by their ids and sorted; if there are more, those in the order of the list are tried instead."""


def over_many(model: type[Model], first: str, match: Q) -> Q:
    """A match over the relation to many of a name as a subquery: a join would give a row as often as it matches.

    The subquery begins at the other end of the relation, so that it need not read the rows themselves.
    """
    return Q(pk__in=_owners_of(model, first, match))


def over_many_by_keys(model: type[Model], path: str, match: Q) -> Q:
    """The same of a match on a column of a small table, by the keys of the rows there where these are few.

    The small table is the one behind the relation to many: that of tags, or that of the reports' providers.
    """
    first, *behind, _ = path.split("__")
    way = [first, *behind[:1]]
    others, table, column = _link(model, way)
    # The names are the models' own.
    some = f"SELECT 1 FROM {table} AS link WHERE link.{column} = {_key_of(others)} LIMIT %s"  # noqa: S608
    counted = RawSQL(f"(SELECT count(*) FROM ({some}) AS links)", [MAX_LISTED + 1])  # noqa: S608, S611
    found = _looked_up(
        others._default_manager.filter(_moved(match, "__".join(way))).annotate(links=counted).values_list("pk", "links")
    )
    if len(found) > MAX_LOOKED_UP:
        return over_many(model, first, match)
    keys = [pk for pk, _ in found]
    if sum(links for _, links in found) > MAX_LISTED:
        return over_many(model, first, Q(**{f"{'__'.join(way)}__pk__in": keys}))
    return Q(pk__any_of=ArraySubquery(_few_owners(model, way, keys)))


def _few_owners(model: type[Model], way: Sequence[str], keys: Sequence[Any]) -> QuerySet[Any, Any]:
    """The rows at whose end of a way some keys are, each table asked by the ids that the one before it gave."""
    first, *behind = way
    between: Any = model._meta.get_field(first).related_model
    relation = between._meta.get_field(behind[0]) if behind else None
    if isinstance(relation, ManyToManyField):
        ids = ArraySubquery(_owners(relation, Q(pk__in=keys)))
        return _owners_of(model, first, Q(**{f"{first}__pk__any_of": ids}))
    return _owners_of(model, first, Q(**{f"{'__'.join(way)}__pk__in": keys}))


def by_keys(model: type[Model], path: str, match: Q) -> Q:
    """A match on a column of another table, by the keys of the rows there where these are few.

    A match of null is one of rows that have none there: the column itself is never null.
    """
    way = path.rpartition("__")[0]
    nothing = (f"{path}__isnull", True)
    others: Any = model._meta.get_field(way).related_model
    found = _looked_up(others._default_manager.filter(_moved(match, way)).values_list("pk"))
    if len(found) > MAX_LOOKED_UP:
        return match
    keys = Q(**{f"{way}__in": [pk for pk, *_ in found]}) if found or nothing not in match.children else Q()
    return keys | Q(**{f"{way}__isnull": True}) if nothing in match.children else keys


def _looked_up(rows: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """A few rows, read once in a call: its two lists may both be asked for what has one tag."""
    known: dict[str, list[tuple[Any, ...]]] = g.setdefault("looked_up", {})
    some = rows[: MAX_LOOKED_UP + 1]
    try:
        name = str(some.query.sql_with_params())
    except EmptyResultSet:
        return []
    if name not in known:
        known[name] = list(some)
    return known[name]


def _link(model: type[Model], way: Sequence[str]) -> tuple[Any, str, str]:
    """The model at the end of a way, and the table and column that link to its rows, quoted."""
    *before, last = way
    at: Any = model._meta.get_field(before[0]).related_model if before else model
    relation = at._meta.get_field(last)
    others, field = relation.related_model, relation
    if isinstance(relation, ManyToManyField):
        at = relation.remote_field.through
        field = at._meta.get_field(relation.m2m_reverse_field_name())
    quoted = connection.ops.quote_name
    return others, quoted(at._meta.db_table), quoted(field.column)


def _key_of(model: Any) -> str:
    quoted = connection.ops.quote_name
    return f"{quoted(model._meta.db_table)}.{quoted(model._meta.pk.column)}"


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
    keys = [one[1] for one in match.children if isinstance(one, tuple) and one[0] == "pk__in"]
    things: Any = relation.related_model._default_manager.filter(match).values("pk")
    through: Any = relation.remote_field.through
    name = f"{relation.m2m_reverse_field_name()}__in"
    pairs = through._default_manager.filter(**{name: keys[0] if keys and len(match.children) == 1 else things})
    owners: QuerySet[Any] = pairs.values(relation.m2m_field_name())
    return owners


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
