"""The search service: `SearchService.search_reports(query)`."""

from typing import cast

from ..facade import Facade
from .base import Found, SearchServiceBase, SearchServiceException, readable, tickets_of

SearchService = cast("SearchServiceBase", Facade(SearchServiceBase))

__all__ = ["Found", "SearchService", "SearchServiceBase", "SearchServiceException", "readable", "tickets_of"]
