"""Templates against their samples: mails as the reporter writes them, each with what must be read in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..values import ItemKind, ParsedEmail

MAX_SAMPLE = 10_000_000  # bytes
EXPECTED_SUFFIX = ".expected.json"


Read = Callable[[bytes], ParsedEmail]
"""Parses a mail with the templates to be checked."""


@dataclass(frozen=True, slots=True)
class SampleResult:
    """One sample: what differs from what was expected, a sentence each; nothing when all is well."""

    mail: Path
    differences: tuple[str, ...]


def samples(directory: Path, name: str) -> list[Path]:
    """The sample mails of a template: `samples/<name>/*.eml` beside it."""
    return sorted((directory / "samples" / name).glob("*.eml"))


def run(mail: Path, template: str, read: Read) -> SampleResult:
    """Read one sample and compare."""
    try:
        if mail.stat().st_size > MAX_SAMPLE:
            return SampleResult(mail, (f"{mail.stat().st_size} bytes; expected at most {MAX_SAMPLE}",))
        raw = mail.read_bytes()
    except OSError as error:
        return SampleResult(mail, (f"cannot be read: {error.strerror}",))
    expected, fault = _expected(expectation_of(mail))
    if expected is None:
        return SampleResult(mail, (fault,))
    parsed = read(raw)
    failures = [sentence for sentence in parsed.defects if sentence.startswith(("Template ", "The templates "))]
    return SampleResult(mail, (*_differences(parsed, {"template": template, **expected}), *failures))


def expectation_of(mail: Path) -> Path:
    """The file that says what must be read in a sample: `one.eml` has `one.expected.json`."""
    return mail.with_name(mail.name.removesuffix(".eml") + EXPECTED_SUFFIX)


def as_expected(parsed: ParsedEmail) -> dict[str, Any]:
    """What was read in a mail, as the content of an expectation."""
    facts = {key: read(parsed) for key, read in _FACTS.items() if key != "template"}
    return {key: value for key, value in facts.items() if value not in ([], None)}


def write_missing(mail: Path, read: Read) -> Path | None:
    """Write what is read in a sample as its expectation, if it has none; the file written.

    :raises OSError: when the sample cannot be read or the file not be written.
    """
    target = expectation_of(mail)
    if target.exists():
        return None
    content = json.dumps(as_expected(read(mail.read_bytes())), indent=2, ensure_ascii=False)
    target.write_text(content + "\n", encoding="utf-8")
    return target


def _expected(path: Path) -> tuple[dict[str, Any] | None, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None, f"has no {path.name}; expected what must be read in it (check-templates --write-missing)"
    except OSError as error:
        return None, f"{path.name} cannot be read: {error.strerror}"
    except (ValueError, RecursionError) as error:
        return None, f"{path.name} is no JSON: {error}"
    if not isinstance(content, dict):
        return None, f"{path.name} holds a {type(content).__name__}; expected an object"
    unknown = sorted(set(content) - set(_FACTS))
    if unknown:
        return None, f"{path.name}: unknown key {', '.join(unknown)}; expected some of {', '.join(_FACTS)}"
    return content, ""


def _differences(parsed: ParsedEmail, expected: dict[str, Any]) -> Iterator[str]:
    # lists of values are complete: what is not expected there must not be found
    for key in ("ips", "urls", "fqdns", "emails", "hashes"):
        expected.setdefault(key, [])
    for key, wanted in expected.items():
        seen = _FACTS[key](parsed)
        if key == "times" and isinstance(wanted, list):
            wanted = sorted({_utc(text) for text in wanted})
        if isinstance(seen, list) and isinstance(wanted, list):
            missing = [value for value in wanted if value not in seen]
            extra = [value for value in seen if value not in wanted]
            if missing:
                yield f"{key}: missing {', '.join(map(str, missing))}"
            if extra:
                yield f"{key}: not expected {', '.join(map(str, extra))}"
        elif seen != wanted:
            yield f"{key}: {seen!r}; expected {wanted!r}"


def _utc(text: object) -> str:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return str(text)
    return _iso(moment) if moment.tzinfo else f"{text} (expected a time with its zone)"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


_FACTS: dict[str, Callable[[ParsedEmail], Any]] = {
    "template": lambda parsed: parsed.template,
    "kind": lambda parsed: parsed.kind.value,
    "category": lambda parsed: parsed.category,
    "provider": lambda parsed: parsed.provider,
    "reference": lambda parsed: parsed.reporter_reference,
    "ips": lambda parsed: parsed.ips,
    "urls": lambda parsed: parsed.urls,
    "fqdns": lambda parsed: parsed.fqdn,
    "emails": lambda parsed: parsed.of_kind(ItemKind.EMAIL),
    "hashes": lambda parsed: parsed.of_kind(ItemKind.HASH),
    "ports": lambda parsed: sorted({item.port for item in parsed.items if item.port is not None}),
    "protocols": lambda parsed: sorted({item.protocol for item in parsed.items if item.protocol}),
    "times": lambda parsed: sorted({_iso(item.seen_at) for item in parsed.items if item.seen_at}),
}
