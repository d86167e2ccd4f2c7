"""The database engine named `abuse.embedded_database` in Django's settings."""

from __future__ import annotations

from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base

from abuse import embedded
from abuse.config import current


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL, started on demand in the data directory.

    Each new connection asks again, so that a server that was stopped or died in between is running when it is used.
    """

    def get_connection_params(self) -> dict[str, Any]:
        try:
            address = embedded.start(current().data_directory / "servers").postgres
        except embedded.EmbeddedServerError as error:
            # What waits for a database that is away shall wait for this one too.
            raise OperationalError(str(error)) from error
        parameters: dict[str, Any] = super().get_connection_params()
        parameters.update(host=str(address.host), port=address.port, user=address.user, password=address.password)
        return parameters
