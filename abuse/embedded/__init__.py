"""PostgreSQL and Valkey from wheels, for one machine that has neither.

`start(directory)` makes sure that the pair of servers of that data directory runs and answers, and registers the
calling process as a user of them until it ends. A small detached keeper process watches the servers, restarts one that
died, and stops both cleanly when nobody has used them for a while. Both listen on Unix sockets only, behind passwords.
"""

from .addresses import EmbeddedStatus, PostgresAddress, ServerAddresses, ServerStatus, ValkeyAddress
from .control import remove, start, status, stop
from .errors import EmbeddedServerError

__all__ = [
    "EmbeddedServerError",
    "EmbeddedStatus",
    "PostgresAddress",
    "ServerAddresses",
    "ServerStatus",
    "ValkeyAddress",
    "remove",
    "start",
    "status",
    "stop",
]
