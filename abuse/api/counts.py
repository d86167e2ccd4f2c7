"""How many rows a list has."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from django.db.models import Model, QuerySet

from . import held
from .filters import Filters
from .pages import Page

Row = TypeVar("Row", bound=Model)
MAX_COUNT = 10_000
"""Rows of a list that are counted; where there are more, the answer says so."""
COUNT_SAYS = (
    f"How many there are on all pages; {MAX_COUNT} where there are more: then `…IsExact` is false, as it is where a "
    "frequent word or part was looked for among the newest alone."
)


class Counted(NamedTuple):
    """How many rows there are: all of them, or at least as many."""

    number: int
    is_exact: bool


def counted(rows: QuerySet[Row], page: Page[int], filters: Filters) -> Counted:
    """How many rows there are, of which a page was read: exactly up to `MAX_COUNT`.

    Nobody turns that many pages, and counting all takes longer than showing some.
    """
    start, size = filters.paginate.start, filters.paginate.size
    if page.total is not None:
        number = page.total
    elif size and page.next is None and filters.paginate.cursor is None and (page or not start):
        number = start + len(page)
    else:
        number = rows.order_by().values("pk")[: MAX_COUNT + 1].count()
    return Counted(min(number, MAX_COUNT), is_exact=number <= MAX_COUNT and held.is_complete(rows.model))
