"""What is mutated, by target: our own samples in the order of their names, so that a number always means the same."""

from __future__ import annotations

from functools import cache

from abuse.parsers.templating.load import SHIPPED

from . import ROOT, samples


@cache
def seeds(target: str) -> tuple[bytes, ...]:
    """The samples for a target (a key of `targets.TARGETS`)."""
    match target:
        case "feed":
            return tuple(samples.feeds())
        case "text":
            return (*samples.texts(), *_bodies())
        case _:
            return (*_mails(), *samples.mails() * 4)  # few as they are, they reach most of the code


@cache
def _mails() -> tuple[bytes, ...]:
    paths = [*sorted((ROOT / "demo" / "mailbox").glob("*.eml")), *sorted(SHIPPED.glob("samples/*/*.eml"))]
    return tuple(path.read_bytes() for path in paths)


def _bodies() -> list[bytes]:
    return [mail.partition(b"\n\n")[2][:4_000] for mail in _mails()]
