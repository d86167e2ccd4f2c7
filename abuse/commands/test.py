"""`test`: the suite."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from abuse.config import PROJECT_ROOT


@click.command("test")
@click.option("--pattern", default="test_*", show_default=True, help="Which files to run, as a file name pattern.")
@click.argument("options", nargs=-1)
def command(pattern: str, options: tuple[str, ...]) -> None:
    """Run the tests; options after `--` go to pytest. Exit code: pytest's. Example:

    APP_ENV=test APP_SETTINGS=abuse/tests/settings-test.yml python main.py test --pattern="test_*"
    """
    if os.environ.get("APP_ENV") != "test":
        raise click.ClickException(
            f"APP_ENV: {os.environ.get('APP_ENV')!r}; expected test, so that no real data is touched"
        )
    pattern = pattern if pattern.endswith(".py") else f"{pattern}.py"
    arguments = [sys.executable, "-m", "pytest", "-o", f"python_files={pattern}", *options]
    raise SystemExit(subprocess.run(arguments, cwd=PROJECT_ROOT, check=False).returncode)
