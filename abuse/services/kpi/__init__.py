"""The KPI service: statistics."""

from typing import cast

from ..facade import Facade
from .base import KPIServiceBase, KPIServiceException

KPIService = cast("KPIServiceBase", Facade(KPIServiceBase))

__all__ = ["KPIService", "KPIServiceBase", "KPIServiceException"]
