"""Coverage leads (Atheris, libFuzzer): inputs that reach new code are kept and mutated further, by our own changes."""

from __future__ import annotations

import sys
from random import Random

import atheris

with atheris.instrument_imports(include=["abuse.parsers"], enable_loader_override=False):
    from .targets import TARGETS

from . import FINDINGS
from .mutations import MAX_SIZE, mutated
from .seeds import seeds


def run(target: str, seconds: float) -> int:
    """Fuzzes for so many seconds, beginning with the samples; libFuzzer ends the process and tells what it found."""
    corpus = FINDINGS / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    samples = seeds(target)
    for number, sample in enumerate(samples):
        (corpus / f"sample-{number}").write_bytes(sample)
    check = TARGETS[target]

    def change(data: bytes, largest: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311 - libFuzzer says the seed
        return mutated((data or samples[0], random.choice(samples)), 0, random)[:largest]

    arguments = [
        sys.argv[0],
        str(corpus),
        f"-max_total_time={int(seconds)}",
        f"-max_len={MAX_SIZE}",
        "-timeout=60",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={FINDINGS}/guided-{target}-",
        "-print_final_stats=1",
    ]
    atheris.Setup(arguments, lambda data: check(bytes(data)), custom_mutator=change)
    atheris.Fuzz()
    return 0
