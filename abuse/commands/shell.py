"""`shell`: Python with the desk at hand."""

from __future__ import annotations

import sys

import click


@click.command("shell")
def command() -> None:
    """Runs a shell in the app context. Example:

    python main.py shell
    In [1]: from abuse.models import Category
    """
    if not sys.stdin.isatty():
        # Lines from a pipe: run them as one program, so that a mistake ends with exit code 1.
        exec(compile(sys.stdin.read(), "<stdin>", "exec"), {"__name__": "__main__"})  # noqa: S102
        return
    from IPython import start_ipython

    start_ipython(argv=["--no-banner"])
