"""The CRM service: `CRMService.find(queries)`."""

from typing import cast

from ..facade import Facade
from .base import CRMServiceBase, CRMServiceException, DefendantInfo, Match, Query, ServiceInfo

CRMService = cast("CRMServiceBase", Facade(CRMServiceBase))

__all__ = ["CRMService", "CRMServiceBase", "CRMServiceException", "DefendantInfo", "Match", "Query", "ServiceInfo"]
