"""`run`: serve the API."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import click
import waitress
from apiflask import APIFlask
from django.db import connections

from abuse.app import MAX_BODY_BYTES, create_app
from abuse.config import current


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
    try:
        if production:
            serve(app, *address, threads=settings.threads)
        else:
            develop(app, *address)
    except OSError as error:
        raise click.ClickException(f"{address[0]} port {address[1]} cannot be listened on: {error}") from None


def serve(app: APIFlask, host: str, port: int, *, threads: int) -> None:
    """Serve until SIGINT or SIGTERM with a fixed pool of threads, each of which keeps its database connection."""
    click.echo(f"Cerberus listens on http://{_shown(host)}:{port} with {threads} threads", err=True)
    waitress.serve(
        app,
        host=host,
        port=port,
        threads=threads,
        ident=None,
        # Beyond what the application takes, so that it can say no in JSON; far beyond, waitress says it.
        max_request_body_size=4 * MAX_BODY_BYTES,
        clear_untrusted_proxy_headers=True,
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


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
