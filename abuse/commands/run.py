"""`run`: serve the API."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType

import click
import waitress
from apiflask import APIFlask
from django.db import DatabaseError, connections

from abuse.app import MAX_BODY_BYTES, create_app, sync_routes
from abuse.config import current
from abuse.utils.memory import keep_what_is_there

log = logging.getLogger(__name__)


@click.command("run")
@click.option("--host", help="The address to listen on.  [default: API.host of the settings]")
@click.option("--port", type=click.IntRange(1, 65535), help="The port.  [default: API.port of the settings]")
@click.option("--production", is_flag=True, help="Serve with waitress and API.threads threads.")
def command(host: str | None, port: int | None, production: bool) -> None:
    """Runs a development server.

    With --production it is waitress, a server for real use: put a proxy that speaks TLS before it.

    \b
    Examples:
      python main.py run
      python main.py run --host 127.0.0.1 --port 8080 --production

    Exit status: 0 stopped by SIGINT or SIGTERM; 1 the address cannot be listened on.
    """
    settings = current().API
    address = (host or settings.host, port or settings.port)
    signal.signal(signal.SIGTERM, _stop)
    app = create_app()
    _end_streams_first()
    _sync_routes(app)
    try:
        if production:
            serve(app, *address, threads=settings.threads)
        else:
            develop(app, *address)
    except OSError as error:
        raise click.ClickException(f"{address[0]} port {address[1]} cannot be listened on: {error}") from None


def _sync_routes(app: APIFlask) -> None:
    try:
        sync_routes(app)
    except DatabaseError as error:
        # The server answers all the same, for /api/monitor to say so; `initdb` does this, too.
        log.warning("Roles cannot be given new calls of the API now: %s", str(error).strip())
    finally:
        connections.close_all()  # requests are answered by other threads


def serve(app: APIFlask, host: str, port: int, *, threads: int) -> None:
    """Serve until SIGINT or SIGTERM with a fixed pool of threads, each of which keeps its database connection."""
    from abuse.api.bodies import LARGE_BODY_BYTES  # needs the models

    keep_what_is_there()
    click.echo(f"Cerberus listens on http://{_shown(host)}:{port} with {threads} threads", err=True)
    waitress.serve(
        app,
        host=host,
        port=port,
        # Streams of events hold a thread each; so many are added, so that they take none of the others.
        threads=threads + current().EVENTS.streams.total,
        # Looks, while a call is answered, whether its client is still there.
        channel_request_lookahead=1,
        ident=None,
        # Beyond what the application takes, so that it can say no in JSON; far beyond, waitress says it.
        max_request_body_size=4 * MAX_BODY_BYTES + max(LARGE_BODY_BYTES, current().API.submission_max_bytes),
        # With trusted proxies the application itself finds out whom to believe; else nobody is.
        clear_untrusted_proxy_headers=not current().API.trusted_proxies,
    )


def develop(app: APIFlask, host: str, port: int) -> None:
    """Serve with Flask's development server. The debugger stays off: it runs whatever code a visitor sends."""
    app.teardown_appcontext(_close_connections)
    app.run(host=host, port=port, debug=False, threaded=True)


def _close_connections(error: BaseException | None) -> None:
    """The development server has a new thread for every request: nobody would use its connection again."""
    connections.close_all()


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def _end_streams_first() -> None:
    """Once there is an application: streams have no end of their own, and the server waits for its threads."""
    from abuse.api.event_hub import hub  # needs the models

    def stop(number: int, frame: FrameType | None) -> None:
        hub.close_all()
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
