"""What runs of the mutation engine tell: figures, findings, and single inputs run again."""

from __future__ import annotations

import time
from pathlib import Path

from . import FINDINGS, ROOT, mutate
from .mutate import Figures, Trouble


def run(target: str, seed: int, count: int, processes: int, first: int, seconds: float | None) -> int:
    """Runs so many mutated inputs and prints what came of it; 1 when something was found."""
    start = time.monotonic()
    figures = mutate.run(
        target,
        seed,
        count,
        processes,
        first=first,
        seconds=seconds,
        tell=lambda figures, seconds: print(_line(target, figures, seconds), flush=True),
    )
    print(_line(target, figures, time.monotonic() - start))
    # by the clock they were the slowest; what they really take is measured now, one after the other
    again = [(_measured(target, mutate.build(target, seed, number))[0], number) for _, number in figures.slowest]
    for taken, number in sorted(again, reverse=True)[:5]:
        print(f"  slowest: {taken:.3f} s of processor time, {seed}:{number}")
    for kind, troubles in figures.troubles.items():
        numbers = ", ".join(f"{trouble.seed}:{trouble.number}" for trouble in troubles)
        print(f"\nFOUND {kind}\n  replay with --target {target}: {numbers}\n{troubles[0].words}")
    return 1 if figures.troubles else 0


def replay(target: str, seed: int, number: int) -> int:
    """Makes one input again, writes it to a file and shows what happens; 1 when something does."""
    data = mutate.build(target, seed, number)
    path = FINDINGS / f"{target}-{seed}-{number}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return show(target, path, data)


def show(target: str, path: Path, data: bytes) -> int:
    """Shows what happens with an input; 1 when something does."""
    where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    mutate.run_one(target, 0, 0, b"")  # what is loaded at first use is not to count
    seconds, trouble = _measured(target, data)
    print(f"{where}: {len(data):,} bytes, {seconds:.3f} s of processor time")
    if trouble is not None:
        print(f"FOUND {trouble.kind}\n{trouble.words}")
    return 0 if trouble is None else 1


def _measured(target: str, data: bytes) -> tuple[float, Trouble | None]:
    start = time.thread_time()
    _, trouble = mutate.run_one(target, 0, 0, data)
    return time.thread_time() - start, trouble


def _line(target: str, figures: Figures, seconds: float) -> str:
    mean = figures.cpu_seconds / max(1, figures.inputs) * 1000
    return (
        f"{target}: {figures.inputs:,} inputs ({figures.input_bytes / 1e6:,.0f} MB) in {seconds:,.0f} s; "
        f"{mean:.2f} ms of processor time each; {figures.peak_memory / 1e6:,.0f} MB at most; "
        f"{len(figures.troubles)} kinds of findings, {figures.deaths} processes ended"
    )
