"""How a source on the web is reached that has a key: what its sections of the config have in common."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, SecretStr

from ..breaker import CircuitBreaker
from ..json_client import JsonClient
from ..sections import ConfigSection
from .base import ReputationServiceException

_MAX_ANSWER = 1024 * 1024


class SourceSection(ConfigSection):
    """The key and the connection of one source; each gives `url` a default of its own."""

    key: SecretStr = Field(min_length=1)
    url: str
    timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    ca_file: str | None = None
    plaintext: bool = False

    def client(self, place: str, headers: Mapping[str, str]) -> JsonClient:
        """What asks the source. `place`: the section's name, for errors.

        :raises ValueError: for a value that cannot be.
        """
        try:
            return JsonClient(
                self.url,
                error=ReputationServiceException,
                headers=headers,
                timeout_seconds=self.timeout_seconds,
                attempts=1,
                ca_file=self.ca_file,
                plaintext=self.plaintext,
                max_answer_bytes=_MAX_ANSWER,
                breaker=CircuitBreaker(),
            )
        except (ValueError, OSError) as error:
            raise ValueError(f"{place}.{error}") from None
