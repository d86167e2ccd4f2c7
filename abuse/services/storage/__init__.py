"""The storage service: `StorageService.read(key)`."""

from typing import cast

from ..facade import Facade
from .base import StorageServiceBase, StorageServiceException

StorageService = cast("StorageServiceBase", Facade(StorageServiceBase))

__all__ = ["StorageService", "StorageServiceBase", "StorageServiceException"]
