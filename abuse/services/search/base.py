"""Full-text search over mails."""

from __future__ import annotations

import abc
from collections.abc import Sequence

from abuse.parsers.values import ParsedEmail

from ..facade import ServiceBase, ServiceError


class SearchServiceException(ServiceError):
    """The search system could not answer."""


class SearchServiceBase(ServiceBase, abc.ABC):
    """The search system."""

    @abc.abstractmethod
    def index_email(self, parsed_email: ParsedEmail, filename: str, reports_id: Sequence[int]) -> None:
        """Make a mail and its reports findable."""

    @abc.abstractmethod
    def search_reports(self, query: str) -> Sequence[int]:
        """The ids of the reports that match."""
