"""`python -m fuzz`: see `fuzz/README.md`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from . import TARGET_NAMES


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what the arguments ask for; 1 when something was found."""
    options = _options(arguments)
    # what the parsers would log is in the findings
    logging.disable(logging.CRITICAL)
    if options.target == "api":
        from .api import run as run_api

        return run_api(options.count, options.seed)
    # each engine is imported where it is wanted: Atheris must be there before what it instruments
    if options.engine == "guided":
        from .guided import run as run_guided

        return run_guided(options.target, options.seconds or 300)
    if options.engine == "pieces":
        from .pieces import run as run_pieces

        return run_pieces(options.count)
    from . import report

    if options.replay:
        return report.replay(options.target, *options.replay)
    if options.file:
        return report.show(options.target, options.file, options.file.read_bytes())
    targets = TARGET_NAMES if options.target == "all" else (options.target,)
    settings = (options.seed, options.count, options.processes, options.first, options.seconds)
    return max(report.run(target, *settings) for target in targets)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/fuzz", description="Feeds the parsers with random mails.")
    parser.add_argument("--target", choices=[*TARGET_NAMES, "api", "all"], default="mail", help="what is fuzzed (mail)")
    parser.add_argument("--engine", choices=["mutate", "pieces", "guided"], default="mutate")
    parser.add_argument("--count", type=int, help="inputs (100000), or examples for each operation of the API (200)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input (0)")
    parser.add_argument("--seconds", type=float, help="ends after so many seconds, whatever the count")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1, help="another number gives other inputs (1)")
    parser.add_argument("--replay", type=_pair, metavar="SEED:N", help="runs one input again and shows what happens")
    parser.add_argument("--file", type=Path, help="runs a saved input again")
    options = parser.parse_args(arguments)
    if options.count is None:
        options.count = 200 if options.target == "api" else 100_000
    if options.target == "api" and (options.replay or options.file or options.seconds or options.engine != "mutate"):
        parser.error("--target api goes with --count and --seed alone")
    if options.target == "all" and (options.replay or options.file or options.engine != "mutate"):
        parser.error("--target all goes with the engine mutate, and with neither --replay nor --file")
    if options.count < 1 or not 1 <= options.processes <= 256 or options.first < 0 or options.seed < 0:
        parser.error("expected a count from 1, processes from 1 to 256, and neither first nor seed below 0")
    return options


def _pair(text: str) -> tuple[int, int]:
    seed, colon, number = text.partition(":")
    if not colon or not seed.isdecimal() or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}; expected the seed, a colon and the input's number, as 1:4711")
    return int(seed), int(number)


if __name__ == "__main__":
    sys.exit(main())
