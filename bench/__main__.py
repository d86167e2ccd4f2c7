"""`python -m bench`: measure this machine."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .desk import create_tables, import_cast, use_directory

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Parse the command line, measure, print. Exit code 1 with `--check` when the targets are missed."""
    parser = argparse.ArgumentParser(prog="bin/bench", description="How fast do stored mails become tickets here?")
    parser.add_argument("--mails", type=_at_least(8), default=2000, metavar="N", help="how many mails (2000)")
    parser.add_argument(
        "--rounds", type=_at_least(1), default=5, metavar="N", help="how often desk and floor alternate (5)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another number gives other mails (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as JSON")
    parser.add_argument("--no-worker", action="store_true", help="leave out the run through a real worker")
    parser.add_argument("--check", action="store_true", help="end with exit code 1 when a target is missed")
    arguments = parser.parse_args()
    # On the disk of the checkout: a temporary directory may be in memory, where syncing costs nothing.
    base = ROOT / "var"
    base.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    try:
        return _run(arguments, directory)
    finally:
        _remove(directory)


def _run(arguments: argparse.Namespace, directory: Path) -> int:
    use_directory(directory)
    from abuse.bootstrap import set_up

    set_up()
    create_tables()
    import_cast()
    from .measure import measure
    from .report import meets_targets, table, to_json

    measured = measure(arguments.mails, arguments.rounds, seed=arguments.seed, with_worker=not arguments.no_worker)
    print(table(measured))
    if arguments.json:
        arguments.json.write_text(json.dumps(to_json(measured), indent=2) + "\n")
    return 1 if arguments.check and not meets_targets(measured) else 0


def _remove(directory: Path) -> None:
    """Stop the servers and remove all they wrote."""
    from abuse import embedded

    embedded.remove(directory / "servers")
    shutil.rmtree(directory)


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number, {least} or more")
        return int(text)

    return number


if __name__ == "__main__":
    sys.exit(main())
