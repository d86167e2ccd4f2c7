"""Where raw mails and attachments are kept."""

from __future__ import annotations

import abc
import re

from ..facade import ServiceBase, ServiceError

_KEY = re.compile(r"[0-9a-f]{64}(-[a-z0-9]{1,32})?")


class StorageServiceException(ServiceError):
    """The storage could not read or write an object."""


class StorageServiceBase(ServiceBase, abc.ABC):
    """Objects by key. A key is the SHA-256 of the content in hex, never a name that a sender chose."""

    @abc.abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of an object.

        :raises StorageServiceException: permanent when there is none of that name.
        """

    @abc.abstractmethod
    def write(self, name: str, data: bytes) -> bool:
        """Keep an object; return when it would survive a power cut. True when new, False when it was there."""

    @abc.abstractmethod
    def delete(self, name: str) -> None:
        """Remove an object.

        :raises StorageServiceException: permanent when there is none of that name.
        """

    @abc.abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is an object of that name."""

    @staticmethod
    def check_key(name: str) -> str:
        """The name, when it is a key.

        :raises StorageServiceException: for anything else, so that no path can be smuggled in.
        """
        if not _KEY.fullmatch(name):
            raise StorageServiceException(
                f"{name[:80]!r} is not a storage key; expected a SHA-256 in hex", permanent=True
            )
        return name
