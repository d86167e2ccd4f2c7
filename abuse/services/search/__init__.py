"""The search service: `SearchService.search_reports(query)`."""

from typing import cast

from ..facade import Facade
from .base import SearchServiceBase, SearchServiceException

SearchService = cast("SearchServiceBase", Facade(SearchServiceBase))

__all__ = ["SearchService", "SearchServiceBase", "SearchServiceException"]
