"""Moments as whole seconds since 1970, as the API gives them."""

from __future__ import annotations

from typing import Any

from django.db import models


class EpochSecondsOf(models.Func):
    """The seconds since 1970-01-01 00:00 UTC of a date, rounded down.

    A list has hundreds of dates: made into numbers by the database, none of them is read and written again in Python.
    """

    template = "floor(extract(epoch FROM %(expressions)s))::bigint"
    arity = 1
    output_field = models.BigIntegerField()

    @property
    def convert_value(self) -> Any:
        """None needed: the driver gives numbers."""
        return self._convert_value_noop  # type: ignore[attr-defined]
