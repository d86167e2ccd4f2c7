"""The reputation service: what is known of addresses."""

from typing import cast

from ..facade import Facade
from .base import Reputation, ReputationDetail, ReputationServiceBase, ReputationServiceException, Tool

ReputationService = cast("ReputationServiceBase", Facade(ReputationServiceBase))

__all__ = [
    "Reputation",
    "ReputationDetail",
    "ReputationService",
    "ReputationServiceBase",
    "ReputationServiceException",
    "Tool",
]
