"""Several CRM services, one after the other: the first that knows a thing says whose it is, later ones add to that."""

from __future__ import annotations

import dataclasses
import importlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..facade import ServiceError
from .base import CRMServiceBase, CRMServiceException, DefendantInfo, Match, Query, ServiceInfo
from .checked import checked_call

log = logging.getLogger(__name__)

ENRICH = ("email", "spare_email", "phone", "tags")
"""What later links fill unless they are told otherwise."""
MAX_LINKS = 10
_FIELDS = frozenset(
    field.name
    for field in dataclasses.fields(DefendantInfo)
    if field.name not in {"customer_id", "creation_date", "is_vip", "is_gs", "is_internal"}
)
_KEYS = frozenset({"class", "config", "optional", "enrich", "by"})


@dataclass(frozen=True, slots=True)
class _Link:
    """One service of the chain. `name` is for messages."""

    name: str
    service: CRMServiceBase
    optional: bool
    enrich: tuple[str, ...]
    by_customer: bool

    def ask(self, method: str, /, *arguments: Any, **named: Any) -> Any:
        """What it answers; None when it fails and may.

        :raises CRMServiceException: when it fails and may not.
        """
        try:
            return checked_call(self.service, method, getattr(self.service, method), *arguments, **named)
        except ServiceError as error:
            if not self.optional:
                raise CRMServiceException(f"{self.name}: {error}", permanent=error.permanent) from error
            log.warning("%s is left out: %s", self.name, error)
            return None


class ChainCRM(CRMServiceBase):
    """Links asked in order.

    :param links: for each its `class` and `config`; `optional`: whether it may fail; `enrich`: the fields of a
        customer that it fills where links before it know nothing; `by`: whether it is asked for that by the `item`
        that was reported, or by the id of the `customer`.
    """

    def __init__(self, *, links: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        if not (isinstance(links, Sequence) and 1 <= len(links) <= MAX_LINKS):
            raise ValueError(f"links: expected a list of 1 to {MAX_LINKS} links")
        self._links = [_build(f"links.{place}", link) for place, link in enumerate(links)]

    def find(self, queries: Sequence[Query]) -> Sequence[Match | None]:
        matches: list[Match | None] = [None] * len(queries)
        for link in self._links:
            owned = [place for place, match in enumerate(matches) if match is not None]
            unknown = [place for place, match in enumerate(matches) if match is None]
            lacking = [place for place in owned if _lacks(matches[place], link.enrich)]
            if link.by_customer:
                self._enrich_by_id(link, matches, lacking)
                lacking = []
            asked = unknown + lacking
            found = link.ask("find", [queries[place] for place in asked]) if asked else []
            if found is None:
                continue
            said = dict(zip(asked, found, strict=True))
            _enrich(
                matches, [(place, said[place].defendant) for place in lacking if said[place] is not None], link.enrich
            )
            for place in unknown:
                matches[place] = said[place]
        return matches

    def get_customer_infos(self, customer_id: str) -> DefendantInfo | None:
        known: DefendantInfo | None = None
        for link in self._links:
            info = link.ask("get_customer_infos", customer_id) if known is None or link.by_customer else None
            if info is not None:
                known = info if known is None else filled(known, info, link.enrich)
        return known

    def get_service_infos(self, service_id: str) -> ServiceInfo | None:
        answers = (link.ask("get_service_infos", service_id) for link in self._links)
        return next((one for one in answers if one is not None), None)

    def get_customer_services(self, customer_id: str) -> Sequence[ServiceInfo]:
        known: dict[str | ServiceInfo, ServiceInfo] = {}
        for link in self._links:
            for service in link.ask("get_customer_services", customer_id) or ():
                known.setdefault(service.service_id or service, service)
        return list(known.values())

    def get_customer_revenue(self, customer_id: str, service: str | None = None) -> float:
        """Of the first link that knows of any."""
        for link in self._links:
            if type(link.service).get_customer_revenue is not CRMServiceBase.get_customer_revenue:
                revenue = link.ask("get_customer_revenue", customer_id, service=service)
                if revenue:
                    return float(revenue)
        return 0.0

    def _enrich_by_id(self, link: _Link, matches: list[Match | None], lacking: Sequence[int]) -> None:
        ids = dict.fromkeys(match.defendant.customer_id for place in lacking if (match := matches[place]) is not None)
        infos = {one: link.ask("get_customer_infos", one) for one in ids}
        _enrich(
            matches,
            [
                (place, info)
                for place in lacking
                if (match := matches[place]) is not None and (info := infos[match.defendant.customer_id]) is not None
            ],
            link.enrich,
        )


def _enrich(matches: list[Match | None], known: Sequence[tuple[int, DefendantInfo]], names: Sequence[str]) -> None:
    """Fill what is empty; a customer is the same in all matches, whichever of his items something was known of."""
    filled_infos: dict[str, DefendantInfo] = {}
    for place, info in known:
        match = matches[place]
        if match is not None:
            customer = filled_infos.get(match.defendant.customer_id, match.defendant)
            filled_infos[match.defendant.customer_id] = filled(customer, info, names)
    for place, match in enumerate(matches):
        if match is not None and match.defendant.customer_id in filled_infos:
            matches[place] = dataclasses.replace(match, defendant=filled_infos[match.defendant.customer_id])


def filled(info: DefendantInfo, other: DefendantInfo, names: Sequence[str]) -> DefendantInfo:
    """A customer with the named fields of another description, where they are empty."""
    empty = {name: getattr(other, name) for name in names if not getattr(info, name) and getattr(other, name)}
    return dataclasses.replace(info, **empty) if empty else info


def _lacks(match: Match | None, names: Sequence[str]) -> bool:
    return match is not None and any(not getattr(match.defendant, name) for name in names)


def _build(place: str, link: Mapping[str, Any]) -> _Link:
    """One link of the settings.

    :raises CRMServiceException: permanent, naming the key that is wrong.
    """
    if not isinstance(link, Mapping) or not isinstance(link.get("class"), str):
        raise _wrong(f"{place}.class", link, "expected a link with the dotted path of a class")
    unknown = sorted(set(link) - _KEYS)
    if unknown:
        raise _wrong(f"{place}.{unknown[0]}", link[unknown[0]], f"expected only {', '.join(sorted(_KEYS))}")
    optional, by, enrich = link.get("optional", False), link.get("by", "item"), link.get("enrich", ENRICH)
    if not isinstance(optional, bool):
        raise _wrong(f"{place}.optional", optional, "expected true or false")
    if by not in {"item", "customer"}:
        raise _wrong(f"{place}.by", by, "expected item or customer")
    if isinstance(enrich, str) or not set(enrich) <= _FIELDS:
        raise _wrong(f"{place}.enrich", enrich, f"expected some of {', '.join(sorted(_FIELDS))}")
    service = _service(place, link["class"], link.get("config") or {})
    return _Link(f"{place} ({type(service).__qualname__})", service, optional, tuple(enrich), by == "customer")


def _service(place: str, class_path: str, config: Mapping[str, Any]) -> CRMServiceBase:
    module, _, name = class_path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise _wrong(f"{place}.class", class_path, f"it cannot be imported ({error})") from None
    if not (isinstance(found, type) and issubclass(found, CRMServiceBase)) or issubclass(found, ChainCRM):
        raise _wrong(f"{place}.class", class_path, "expected a CRM service that is no chain")
    if found.missing_methods():
        raise _wrong(f"{place}.class", class_path, f"it lacks {', '.join(found.missing_methods())}")
    try:
        return found.create(dict(config))
    except (ServiceError, TypeError, ValueError, OSError) as error:
        raise CRMServiceException(f"{place}: {error}", permanent=True) from None


def _wrong(key: str, value: object, expected: str) -> CRMServiceException:
    return CRMServiceException(f"{key}: {str(value)[:100]!r}; {expected}", permanent=True)
