"""Column types that Django does not have."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression
from django.db.models.fields.json import KeyTransform, KeyTransformTextLookupMixin
from django.db.models.lookups import IContains, Lookup
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.where import AND, WhereNode

Network = IPv4Network | IPv6Network


def as_network(value: object) -> Network:
    """An address or network of any spelling as a network; a single address is /32 or /128.

    :raises ValueError: when it is neither, or has host bits set.
    """
    match value:
        case IPv4Network() | IPv6Network():
            return value
        case IPv4Interface() | IPv6Interface():
            return value.network
        case IPv4Address() | IPv6Address() | str():
            return ip_network(value)
        case _:
            raise ValueError(f"{value!r}; expected an address or a network")


if TYPE_CHECKING:
    _NetworkField = models.Field[Any, Any]
else:
    _NetworkField = models.Field  # the stubs know a generic class, Django does not


class NetworkField(_NetworkField):
    """A PostgreSQL `inet` that holds a network or a single address, v4 or v6; reads as `ipaddress` networks."""

    description = "IP network"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "inet"

    def from_db_value(self, value: object, expression: Expression, connection: BaseDatabaseWrapper) -> Network | None:
        return None if value is None else as_network(value)

    def to_python(self, value: object) -> Network | None:
        if value is None:
            return None
        try:
            return as_network(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def get_prep_value(self, value: Any) -> str | None:
        network = self.to_python(value)
        return None if network is None else str(network)

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj))


def clipped(text: str, limit: int) -> str:
    """The text cut to a column's length in characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


JsonObject = Mapping[str, Any]


@models.CharField.register_lookup
@models.TextField.register_lookup
class Holds(IContains):
    """Text that holds a text, whatever the case: as `icontains`, but said so that an index of trigrams can answer."""

    lookup_name = "holds"

    def get_rhs_op(self, connection: BaseDatabaseWrapper, rhs: str) -> str:
        return f"ILIKE {rhs}"


@KeyTransform.register_lookup
class KeyHolds(KeyTransformTextLookupMixin, Holds):
    """The same of a text in JSON. Without it `data__name__holds` would be the key `holds` within `name`."""


@models.BigAutoField.register_lookup
class AnyOf(Lookup):
    """One of some ids, as one value: the statement is the same however many there are."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        return f"{left} = ANY({right}::bigint[])", (*left_values, *right_values)

    def process_rhs(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        right, values = super().process_rhs(compiler, connection)
        return right, tuple(map(as_array, values) if self.rhs_is_direct_value() else values)


@models.BigAutoField.register_lookup
class Among(AnyOf):
    """The same, where the rows are to be read by these ids first: the planner does not see how many there are.

    Else it might walk through all rows in the order of a list until it has met enough of them, which may be at its end.
    """

    lookup_name = "among"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        return f"{left} = ANY((SELECT {right}::bigint[])::bigint[])", (*left_values, *right_values)


def as_array(value: Any) -> Any:
    """Ids in a list as PostgreSQL writes an array. Any other value as it is.

    Both Django and the driver look at each of the values of a list, and take ten times as long.
    """
    return f"{{{','.join(map(str, value))}}}" if isinstance(value, list) else value


def are_few(where: WhereNode) -> bool:
    """Whether rows are chosen from some ids, besides what else they are chosen by."""
    if where.negated or where.connector != AND:
        return False
    return any(isinstance(one, Among) or (isinstance(one, WhereNode) and are_few(one)) for one in where.children)
