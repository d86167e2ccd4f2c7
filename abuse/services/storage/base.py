"""Where raw mails and attachments are kept."""

from __future__ import annotations

import abc
import re
from collections.abc import Iterator
from typing import IO

from ..facade import ServiceBase, ServiceError

_KEY = re.compile(r"[0-9a-f]{64}(-[a-z0-9]{1,32})?")
CHUNK = 1 << 20
"""Bytes that are in memory at a time where objects are streamed."""


class StorageServiceException(ServiceError):
    """The storage could not read or write an object."""


class StorageServiceBase(ServiceBase, abc.ABC):
    """Objects by key. A key is the SHA-256 of the content in hex, never a name that a sender chose.

    With a suffix (`<sha256>-<letters and digits>`) it is a name given by the desk, of any content. `chunks`,
    `write_file` and `names` have an implementation for classes that cannot do better.
    """

    @abc.abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of an object.

        :raises StorageServiceException: permanent when there is none of that name.
        """

    @abc.abstractmethod
    def write(self, name: str, data: bytes) -> bool:
        """Keep an object; return when it would survive a power cut. True when new, False when it was there.

        Of several writers of one name at the same moment one alone gets True, and its bytes are kept.
        """

    @abc.abstractmethod
    def delete(self, name: str) -> None:
        """Remove an object.

        :raises StorageServiceException: permanent when there is none of that name.
        """

    @abc.abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is an object of that name."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of an object in pieces of a bounded size, for objects of which nobody wants all in memory.

        :raises StorageServiceException: as `read`, at once or on the way.
        """
        yield self.read(name)

    def write_file(self, name: str, file: IO[bytes]) -> bool:
        """`write` with the bytes of an open file that can be read again from its beginning."""
        file.seek(0)
        return self.write(name, file.read())

    def names(self) -> Iterator[str]:
        """The keys of all objects, in no order.

        :raises StorageServiceException: permanent when this class cannot list them.
        """
        raise StorageServiceException(f"{type(self).__qualname__} does not list what it holds", permanent=True)

    @staticmethod
    def is_key(name: str) -> bool:
        """Whether a text has the form of a key."""
        return _KEY.fullmatch(name) is not None

    @classmethod
    def check_key(cls, name: str) -> str:
        """The name, when it is a key.

        :raises StorageServiceException: for anything else, so that no path can be smuggled in.
        """
        if not cls.is_key(name):
            raise StorageServiceException(
                f"{name[:80]!r} is not a storage key; expected a SHA-256 in hex", permanent=True
            )
        return name
