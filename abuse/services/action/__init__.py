"""The action service: measures on a customer's service."""

from typing import cast

from ..facade import Facade
from .base import (
    ActionResult,
    ActionServiceBase,
    ActionServiceException,
    CalledBackActionService,
    NotAuthentic,
    OrderResult,
)

ActionService = cast("ActionServiceBase", Facade(ActionServiceBase))

__all__ = [
    "ActionResult",
    "ActionService",
    "ActionServiceBase",
    "ActionServiceException",
    "CalledBackActionService",
    "NotAuthentic",
    "OrderResult",
]
