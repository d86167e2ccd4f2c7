"""What makes reports findable by their words."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from .base import Model
from .reports import Report


class SearchEntry(Model):
    """The words of a report, for PostgreSQL's full text. Made of the report's row, so it can always be made again."""

    report = models.OneToOneField(Report, on_delete=models.CASCADE, primary_key=True, related_name="search_entry")
    document = SearchVectorField()

    class Meta:
        indexes = [GinIndex(fields=["document"], name="search_words")]

    def __str__(self) -> str:
        return f"words of report {self.report_id}"


class NewSearchEntry(Model):
    """The same of the newest reports. As the table is small, its rows are kept whole and read one after the other."""

    report = models.OneToOneField(Report, on_delete=models.CASCADE, primary_key=True, related_name="new_search_entry")
    document = SearchVectorField()

    def __str__(self) -> str:
        return f"words of the new report {self.report_id}"


class SearchDue(Model):
    """A report that a search system outside of the database has yet to be told of."""

    report = models.OneToOneField(Report, on_delete=models.CASCADE, primary_key=True, related_name="search_due")
    next_attempt_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["next_attempt_at"], name="search_due_next")]

    def __str__(self) -> str:
        return f"report {self.report_id}, due at {self.next_attempt_at:%Y-%m-%d %H:%M}"
