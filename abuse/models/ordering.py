"""What lists are sorted by, beyond columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import ExpressionWrapper

if TYPE_CHECKING:
    _Wrapper = ExpressionWrapper[Any]
else:
    _Wrapper = ExpressionWrapper  # the stubs know a generic class, Django does not


class TieBreak(_Wrapper):
    """Something to sort by that takes long to find out: asked only of rows that could be on the page."""
