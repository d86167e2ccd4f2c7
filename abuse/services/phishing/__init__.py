"""The phishing service: looking at URLs."""

from typing import cast

from ..facade import Facade
from .base import PhishingServiceBase, PhishingServiceException, PingResponse, Screenshot, ScreenshotViews

PhishingService = cast("PhishingServiceBase", Facade(PhishingServiceBase))

__all__ = [
    "PhishingService",
    "PhishingServiceBase",
    "PhishingServiceException",
    "PingResponse",
    "Screenshot",
    "ScreenshotViews",
]
