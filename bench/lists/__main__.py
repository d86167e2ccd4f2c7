"""`python -m bench.lists`: measure the pages of a large desk."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from bench.desk import create_tables, use_directory

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Parse the command line, build or reuse the desk, measure, print. Exit code 1 with `--check` and a miss."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.lists", description="How long do pages of a large desk take?"
    )
    parser.add_argument("--reports", type=int, default=1_000_000, metavar="N", help="how many reports (1000000)")
    parser.add_argument("--tickets", type=int, default=200_000, metavar="N", help="how many tickets (200000)")
    parser.add_argument("--requests", type=int, default=200, metavar="N", help="requests of each kind (200)")
    parser.add_argument("--kinds", default="", metavar="TEXT", help="only kinds of requests whose name holds the text")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="build the desk there and leave it for --reuse")
    parser.add_argument("--reuse", type=Path, metavar="DIR", help="measure the desk that --keep left there")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="write a digest of each answer, to compare")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as JSON")
    parser.add_argument("--check", action="store_true", help="end with exit code 1 when a target is missed")
    arguments = parser.parse_args()
    if arguments.reports < 1000 or not 100 <= arguments.tickets <= arguments.reports:
        parser.error("expected 1000 reports or more, and 100 tickets or more but not more than reports")
    if arguments.reuse and not (arguments.reuse / "settings.yml").is_file():
        parser.error(f"--reuse {arguments.reuse}: no desk is there; expected a directory that --keep made")
    base = ROOT / "var"
    base.mkdir(exist_ok=True)
    kept = arguments.reuse or arguments.keep
    directory = kept.resolve() if kept else Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    try:
        return _run(arguments, directory)
    finally:
        from abuse import embedded

        if kept:
            embedded.stop(directory / "servers")
        else:
            embedded.remove(directory / "servers")
            shutil.rmtree(directory)


def _run(arguments: argparse.Namespace, directory: Path) -> int:
    use_directory(directory)
    from abuse.bootstrap import set_up

    set_up()
    create_tables()
    from .building import build
    from .measuring import measure
    from .report import meets_targets, table, to_json

    if not arguments.reuse:
        build(arguments.reports, arguments.tickets)
    measured = measure(arguments.requests, arguments.kinds, answers=arguments.answers)
    print(table(measured))
    if arguments.json:
        arguments.json.write_text(json.dumps(to_json(measured), indent=2) + "\n")
    return 1 if arguments.check and not meets_targets(measured) else 0


if __name__ == "__main__":
    sys.exit(main())
