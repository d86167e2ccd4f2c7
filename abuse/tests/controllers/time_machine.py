"""Letting time pass for what is in the database: every moment in it becomes so much earlier."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import F

from abuse.models import Deadline, OutgoingMessage, ReportOutcome, Ticket

_MODELS: list[type[models.Model]] = [Deadline, OutgoingMessage, ReportOutcome, Ticket]


def pass_time(**so_much: float) -> None:
    """`pass_time(days=3)`: what was to happen in four days happens in one."""
    by = timedelta(**so_much)
    for model in _MODELS:
        moments = [field.name for field in model._meta.concrete_fields if isinstance(field, models.DateTimeField)]
        model._default_manager.update(**{name: F(name) - by for name in moments})
