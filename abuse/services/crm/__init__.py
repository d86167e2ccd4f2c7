"""The CRM service: `CRMService.find(queries)`."""

from typing import cast

from .base import CRMServiceBase, CRMServiceException, DefendantInfo, Match, Query, ServiceInfo
from .checked import CRMFacade, CRMImplementationError

CRMService = cast("CRMServiceBase", CRMFacade(CRMServiceBase))

__all__ = [
    "CRMImplementationError",
    "CRMService",
    "CRMServiceBase",
    "CRMServiceException",
    "DefendantInfo",
    "Match",
    "Query",
    "ServiceInfo",
]
