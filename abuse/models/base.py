"""What all rows have in common."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models.query import QuerySet, RawQuerySet


class Model(models.Model):
    """A row, with the manager's questions as class methods: `Category.all()`, `Ticket.filter(…)`."""

    class Meta:
        abstract = True

    @classmethod
    def all(cls) -> QuerySet[Self]:
        return cls._default_manager.all()

    @classmethod
    def filter(cls, *args: Any, **kwargs: Any) -> QuerySet[Self]:
        return cls._default_manager.filter(*args, **kwargs)

    @classmethod
    def exclude(cls, *args: Any, **kwargs: Any) -> QuerySet[Self]:
        return cls._default_manager.exclude(*args, **kwargs)

    @classmethod
    def get(cls, *args: Any, **kwargs: Any) -> Self:
        return cls._default_manager.get(*args, **kwargs)

    @classmethod
    def create(cls, **kwargs: Any) -> Self:
        return cls._default_manager.create(**kwargs)

    @classmethod
    def get_or_create(cls, **kwargs: Any) -> tuple[Self, bool]:
        return cls._default_manager.get_or_create(**kwargs)

    @classmethod
    def first(cls) -> Self | None:
        return cls._default_manager.first()

    @classmethod
    def last(cls) -> Self | None:
        return cls._default_manager.last()

    @classmethod
    def count(cls) -> int:
        return cls._default_manager.count()

    @classmethod
    def raw(cls, query: str, params: Any = ()) -> RawQuerySet[Self]:
        return cls._default_manager.raw(query, params)

    @classmethod
    def get_fields(cls) -> list[str]:
        """The names of the columns."""
        return [field.name for field in cls._meta.concrete_fields]
