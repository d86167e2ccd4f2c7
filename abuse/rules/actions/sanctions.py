"""Which measure a rule foresees for which customer and service.

    - defendant: {legal_form: individual, country: FR|BE}     # may be left out: anybody
      service_delay_action:
        - service: {type: vps, reference: gold}               # may be left out: any service
          action: {module: VPS, level: "1"}
          delay: 172800                                       # seconds

The values under defendant and service are regular expressions of RE2, matched at the start, whatever the case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abuse.models import Defendant, Service

from ..checks import compiled_pattern

MAX_ENTRIES = 100
MAX_DELAY = 10_000_000
_DEFENDANT = {"legal_form", "country"}
_SERVICE = {"type", "reference"}


@dataclass(frozen=True, slots=True)
class Sanction:
    """A measure by module and level, and the seconds after which it is taken."""

    module: str
    level: str
    delay: float


def choose(description: Sequence[Mapping[str, Any]], defendant: Defendant, service: Service | None) -> Sanction | None:
    """The measure of the first entry that fits the customer, and in it of the first that fits the service."""
    details = defendant.details
    customer = {
        "legal_form": (details.legal_form if details else None) or "",
        "country": (details.country if details else None) or "",
    }
    rented = {
        "type": (service.component_type if service else None) or "",
        "reference": (service.reference if service else None) or "",
    }
    for entry in description:
        if not _fits(entry.get("defendant") or {}, customer):
            continue
        for option in entry["service_delay_action"]:
            if _fits(option.get("service") or {}, rented):
                action = option["action"]
                return Sanction(str(action["module"]), str(action["level"]), float(option["delay"]))
        return None
    return None


def _fits(patterns: Mapping[str, Any], facts: Mapping[str, str]) -> bool:
    return all(
        compiled_pattern(str(pattern)).match(facts[name]) is not None for name, pattern in patterns.items() if pattern
    )


def check_description(value: object) -> None:
    """Refuse a description that could not be carried out.

    :raises ValueError: naming the place and what was expected.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_ENTRIES:
        raise ValueError(f"expected a list of 1 to {MAX_ENTRIES} entries")
    for index, entry in enumerate(value):
        place = f"[{index}]"
        _check_object(entry, place, {"defendant", "service_delay_action"}, {"service_delay_action"})
        _check_patterns(entry.get("defendant"), f"{place}.defendant", _DEFENDANT)
        options = entry["service_delay_action"]
        if not isinstance(options, list) or not 1 <= len(options) <= MAX_ENTRIES:
            raise ValueError(f"{place}.service_delay_action: expected a list of 1 to {MAX_ENTRIES} entries")
        for number, option in enumerate(options):
            _check_option(option, f"{place}.service_delay_action[{number}]")


def _check_option(option: object, place: str) -> None:
    _check_object(option, place, {"service", "action", "delay"}, {"action", "delay"})
    assert isinstance(option, Mapping)  # noqa: S101 for the type checker: _check_object has seen to it
    _check_patterns(option.get("service"), f"{place}.service", _SERVICE)
    _check_object(option["action"], f"{place}.action", {"module", "level"}, {"module", "level"})
    delay = option["delay"]
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay <= MAX_DELAY:
        raise ValueError(f"{place}.delay: {delay!r}; expected seconds from 0 to {MAX_DELAY}")


def _check_object(value: object, place: str, allowed: set[str], needed: set[str]) -> None:
    if not isinstance(value, Mapping) or not needed <= set(value) or not set(value) <= allowed:
        raise ValueError(f"{place}: expected an object with {', '.join(sorted(needed))} (known: {sorted(allowed)})")


def _check_patterns(value: object, place: str, allowed: set[str]) -> None:
    if value is None:
        return
    _check_object(value, place, allowed, set())
    assert isinstance(value, Mapping)  # noqa: S101 for the type checker: _check_object has seen to it
    for name, pattern in value.items():
        if pattern:
            try:
                compiled_pattern(str(pattern))
            except ValueError as error:
                raise ValueError(f"{place}.{name}: {error}") from None
