"""The fast runner: mutated inputs by number, spread over processes that may die without ending the run."""

from __future__ import annotations

import heapq
import multiprocessing
import os
import resource
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from random import Random

from . import FINDINGS, ROOT
from .mutations import mutated
from .seeds import seeds
from .targets import TARGETS

MAX_SECONDS = 2.0
"""Of processor time of the thread, for one input, so that a busy machine does not lie."""
SUSPECT_SECONDS = 0.5
"""Of the clock: what takes longer is run again and measured in processor time, which is dear to ask for."""
MAX_MEMORY = 1 << 30
"""Bytes of address space beyond what a process has before the first input."""
STUCK_SECONDS = 120.0
"""Of the clock: a process that stays so long at one input is ended, and the input is a finding."""
REPORT_SECONDS = 10.0
KEPT = 20
"""Of the slowest inputs."""
MAX_KINDS = 50
"""Different findings after which a run gives up."""


@dataclass(frozen=True, slots=True)
class Job:
    """Which inputs are made: the numbers below `count`, every `step`th from `first` on."""

    target: str
    seed: int
    first: int
    step: int
    count: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """One input that broke something. `kind` is the same for the same fault."""

    target: str
    seed: int
    number: int
    kind: str
    words: str

    @property
    def name(self) -> str:
        return f"{self.target}-{self.seed}-{self.number}"


@dataclass(slots=True)
class Figures:
    """What a run counted. `slowest` holds seconds by the clock and the input's number, the slowest first."""

    inputs: int = 0
    input_bytes: int = 0
    cpu_seconds: float = 0.0
    slowest: list[tuple[float, int]] = field(default_factory=list)
    peak_memory: int = 0  # bytes resident, of the largest process
    deaths: int = 0
    troubles: dict[str, list[Trouble]] = field(default_factory=dict)

    def add(self, other: Figures) -> None:
        self.inputs += other.inputs
        self.input_bytes += other.input_bytes
        self.cpu_seconds += other.cpu_seconds
        self.slowest = heapq.nlargest(KEPT, self.slowest + other.slowest)
        self.peak_memory = max(self.peak_memory, other.peak_memory)
        for troubles in other.troubles.values():
            for trouble in troubles:
                self.note(trouble)

    def note(self, trouble: Trouble) -> None:
        known = self.troubles.setdefault(trouble.kind, [])
        if len(known) < 3:
            known.append(trouble)


def build(target: str, seed: int, number: int) -> bytes:
    """The input of that number; the same for the same samples, whatever ran before."""
    return mutated(seeds(target), number, Random((seed << 40) + number))  # noqa: S311 - to be repeated, not secret


def run_one(target: str, seed: int, number: int, data: bytes) -> tuple[float, Trouble | None]:
    """Seconds by the clock that the target took, and what went wrong."""
    start = time.perf_counter()
    try:
        TARGETS[target](data)
    except Exception as error:  # everything that escapes is what is looked for
        kind, words = _described(error)
        return time.perf_counter() - start, Trouble(target, seed, number, kind, words)
    seconds = time.perf_counter() - start
    if seconds > SUSPECT_SECONDS and (really := measured(target, data)) > MAX_SECONDS:
        return seconds, Trouble(target, seed, number, "slow", f"took {really:.1f} s of processor time")
    return seconds, None


def measured(target: str, data: bytes) -> float:
    """Seconds of processor time that the target takes for this input."""
    start = time.thread_time()
    TARGETS[target](data)
    return time.thread_time() - start


def run(
    target: str,
    seed: int,
    count: int,
    processes: int,
    *,
    first: int = 0,
    seconds: float | None = None,
    tell: Callable[[Figures, float], None] = lambda _figures, _seconds: None,
) -> Figures:
    """Inputs `first` to `first` + `count`, or as many as `seconds` allow; findings are written to `FINDINGS`."""
    start = time.monotonic()
    told = start
    total = Figures()
    jobs = [Job(target, seed, first + index, processes, first + count) for index in range(processes)]
    workers = [_Worker(job) for job in jobs]
    try:
        while any(worker.is_open for worker in workers):
            for worker in workers:
                total.add(worker.collect())
                if worker.is_stuck or (worker.is_open and worker.is_dead):
                    total.deaths += 1
                    total.note(worker.replace())
            now = time.monotonic()
            if now - told > REPORT_SECONDS:
                tell(total, now - start)
                told = now
            if (seconds is not None and now - start > seconds) or len(total.troubles) >= MAX_KINDS:
                break
    finally:
        for worker in workers:
            total.add(worker.collect())
            worker.stop()
    for troubles in total.troubles.values():
        for trouble in troubles:
            save(trouble)
    return total


def save(trouble: Trouble) -> Path:
    """Writes the input, and what went wrong beside it."""
    FINDINGS.mkdir(parents=True, exist_ok=True)
    path = FINDINGS / f"{trouble.name}.bin"
    path.write_bytes(build(trouble.target, trouble.seed, trouble.number))
    path.with_suffix(".txt").write_text(f"{trouble.kind}\n\n{trouble.words}\n", encoding="utf-8")
    return path


class _Worker:
    """One process and the pipe from it; a new one is started behind an input that ended it."""

    def __init__(self, job: Job) -> None:
        self._start(job)

    def _start(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.job = job
        self.place = context.Value("q", -1, lock=False)
        self.pipe, sender = context.Pipe(duplex=False)
        self.process: SpawnProcess = context.Process(target=_work, args=(job, self.place, sender), daemon=True)
        self.process.start()
        sender.close()
        self.is_open = True
        self.is_dead = False  # ended before it was done
        self._seen = (-1, time.monotonic())

    @property
    def is_stuck(self) -> bool:
        number = self.place.value
        if number != self._seen[0]:
            self._seen = (number, time.monotonic())
        return self.is_open and time.monotonic() - self._seen[1] > STUCK_SECONDS

    def collect(self) -> Figures:
        """What the process has sent by now; waits for it, but not long."""
        figures = Figures()
        try:
            while self.is_open and self.pipe.poll(0.1):
                sent = self.pipe.recv()
                if sent is None:
                    self.is_open = False
                else:
                    figures.add(sent)
        except EOFError:
            self.is_dead = True
            self.process.join(5)
        return figures

    def replace(self) -> Trouble:
        """Ends the process, says at which input it was, and goes on behind that."""
        number = self.place.value
        words = f"the process was at it for {STUCK_SECONDS:.0f} s" if self.process.is_alive() else ""
        self.stop()
        job = self.job
        words = words or f"the process ended with code {self.process.exitcode}"
        following = max(number + job.step, job.first)
        self._start(Job(job.target, job.seed, following, job.step, job.count))
        return Trouble(job.target, job.seed, max(number, 0), "process ended", words)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()
        self.is_open = False


def _work(job: Job, place: _Number, sender: Connection) -> None:
    """In the process: makes and runs the inputs of a job, and sends figures twice a second."""
    target = job.target
    for sample in seeds(target):  # whatever is loaded at first use is loaded now, before time and memory count
        run_one(target, job.seed, -1, sample)
    limit = _address_space() + MAX_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    figures = Figures()
    sent = time.monotonic()
    spent = time.process_time()
    for number in range(job.first, job.count, job.step):
        place.value = number
        data = build(target, job.seed, number)
        seconds, trouble = run_one(target, job.seed, number, data)
        figures.inputs += 1
        figures.input_bytes += len(data)
        if len(figures.slowest) < KEPT or seconds > figures.slowest[-1][0]:
            figures.slowest = heapq.nlargest(KEPT, [*figures.slowest, (seconds, number)])
        if trouble is not None:
            figures.note(trouble)
        if time.monotonic() - sent > 0.5 or number + job.step >= job.count:
            figures.peak_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            figures.cpu_seconds = time.process_time() - spent
            sender.send(figures)
            figures = Figures()
            sent = time.monotonic()
            spent = time.process_time()
    sender.send(None)


class _Number:
    """What `multiprocessing.Value` gives for a number, as far as it is used here."""

    value: int


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _described(error: Exception) -> tuple[str, str]:
    """The kind of a fault (its type and the innermost place in our code), and its traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(str(ROOT))]
    place = ours[-1] if ours else frames[-1]
    first = str(error).partition(":")[0][:80] if isinstance(error, AssertionError) else ""
    kind = f"{type(error).__name__} {first} in {Path(place.filename).name}:{place.lineno} {place.name}"
    return " ".join(kind.split()), "".join(traceback.format_exception(error))[-6_000:]
