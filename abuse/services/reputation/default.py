"""The reputation service that works out of the box: the desk's own history, and DNS lists where some are named."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from django.utils import timezone

from abuse.parsers import hosts

from ..phishing.addresses import Address
from .asked import host_of, is_public, read_address
from .asking import Asker
from .base import Reputation, ReputationDetail, ReputationServiceBase, ReputationServiceException, Tool
from .history import own_history
from .lists import DnsList, read_lists

log = logging.getLogger(__name__)

TOOLS = (
    {"name": "RIPEstat", "uri": "https://stat.ripe.net/resource/{ip}"},
    {"name": "BGP.Tools", "uri": "https://bgp.tools/prefix/{ip}"},
    {"name": "ARIN RDAP", "uri": "https://search.arin.net/rdap/?query={ip}"},
)
"""Pages about an address that operators may open; the desk itself never asks them."""


class DnsblReputation(ReputationServiceBase):
    """Knows the desk's own history at once, and what DNS lists say where they are named. Asks nobody else.

    Lists are told of the addresses and domains that are looked up, and most serve small users only: which to ask is
    the operator's decision. Each is `{zone: …, name: …, short_name: …, codes: {127.0.0.2: …}, ipv4: true, ipv6: true}`.

    :param ip_lists: DNS block lists of addresses.
    :param other_lists: further lists of addresses, whose texts are shown as events.
    :param domain_lists: lists of domains.
    :param nameservers: `address` or `address:port`; none: the machine's own.
    :param seconds: for all questions of one call.
    :param rate: questions a second to each list, in each process.
    :param keep_seconds: for how long an answer is kept at most.
    :param keep_negative_seconds: for how long "not listed" is kept.
    :param history_days: how far back the desk's own history goes.
    :param tools: pages about an address, each with a name and a `uri` in which `{ip}` stands for it.
    :raises ValueError: for a value that cannot be.
    """

    def __init__(
        self,
        *,
        ip_lists: Sequence[Mapping[str, object]] = (),
        other_lists: Sequence[Mapping[str, object]] = (),
        domain_lists: Sequence[Mapping[str, object]] = (),
        nameservers: Sequence[str] = (),
        seconds: float = 3.0,
        rate: float = 20.0,
        keep_seconds: float = 3600.0,
        keep_negative_seconds: float = 300.0,
        history_days: float = 365.0,
        tools: Sequence[Mapping[str, str]] = TOOLS,
    ) -> None:
        super().__init__()
        _within("seconds", seconds, 0.1, 60)
        _within("rate", rate, 0.01, 1000)
        _within("keep_seconds", keep_seconds, 60, 86_400)
        _within("keep_negative_seconds", keep_negative_seconds, 1, 86_400)
        _within("history_days", history_days, 1, 36_500)
        self._ip_lists = read_lists("ip_lists", ip_lists)
        self._other_lists = read_lists("other_lists", other_lists)
        self._domain_lists = read_lists("domain_lists", domain_lists)
        self._days = history_days
        self._tools = [_tool(f"tools.{number}", tool) for number, tool in enumerate(tools)]
        self._asker: Asker | None = None
        if self._ip_lists or self._other_lists or self._domain_lists:
            self._asker = Asker(
                nameservers, seconds=seconds, rate=rate, longest=keep_seconds, negative=keep_negative_seconds
            )

    def get_ip_rbl_reputations(self, ip: str) -> Sequence[Reputation]:
        """See `ReputationServiceBase`. A list that did not answer, or does not serve us, is missing.

        :raises ReputationServiceException: permanent for what is no address.
        """
        return self._listed_address(self._ip_lists, read_address(ip))

    def get_ip_external_reputations(self, ip: str) -> Sequence[Reputation]:
        """See `ReputationServiceBase`: the further lists, as `get_ip_rbl_reputations`.

        :raises ReputationServiceException: permanent for what is no address.
        """
        return self._listed_address(self._other_lists, read_address(ip))

    def get_ip_external_details(self, ip: str, short_name: str) -> Sequence[ReputationDetail]:
        """What a list of either kind writes about its listing; nothing when it does not list the address.

        :raises ReputationServiceException: permanent for what is no address, or no list.
        """
        address = read_address(ip)
        known = {one.short_name: one for one in (*self._ip_lists, *self._other_lists)}
        asked = known.get(short_name)
        if asked is None:
            expected = ", ".join(sorted(known)) or "none: no list is named in the settings"
            raise ReputationServiceException(
                f"short_name: {short_name[:80]!r}; expected one of {expected}", permanent=True
            )
        name = asked.name_of_address(address)
        if self._asker is None or name is None or not is_public(address):
            return []
        said = self._asker.ask({short_name: (asked, name)}).get(short_name, ())
        if not said:
            return []
        texts = self._asker.texts(asked, name) or [asked.name]
        return [ReputationDetail(text, timezone.now(), ", ".join(said)) for text in texts]

    def get_url_external_reputations(self, url: str) -> Sequence[Reputation]:
        """What lists of domains say of a URL's host or its registered domain; of one that is an address, those of
        addresses.

        :raises ReputationServiceException: permanent for what has no host.
        """
        host = host_of(url)
        if not isinstance(host, str):
            return self._listed_address(self._ip_lists, host)
        names = dict.fromkeys((host, hosts.registered_domain(host) or host))
        questions = {
            f"{one.short_name} {domain}": (one, name)
            for one in self._domain_lists
            for domain in names
            if (name := one.name_of_domain(domain)) is not None
        }
        said = self._asker.ask(questions) if self._asker is not None else {}
        found = []
        for one in self._domain_lists:
            answers = [said[key] for domain in names if (key := f"{one.short_name} {domain}") in said]
            if answers:
                found.append(_reputation(one, [word for words in answers for word in words]))
        return found

    def get_ip_internal_reputations(self, ip: str) -> Sequence[Reputation]:
        """The categories of the complaints about an address, the last one first.

        :raises ReputationServiceException: permanent for what is no address.
        """
        return own_history(read_address(ip), days=self._days)

    def get_ip_tools(self, ip: str) -> Sequence[Tool]:
        """See `ReputationServiceBase`.

        :raises ReputationServiceException: permanent for what is no address.
        """
        address = str(read_address(ip))
        return [Tool(tool.short_name, tool.full_name, tool.uri.replace("{ip}", address)) for tool in self._tools]

    def _listed_address(self, lists: Sequence[DnsList], address: Address) -> list[Reputation]:
        """What lists say of an address. Of one that is not public nobody else is told."""
        if self._asker is None or not is_public(address):
            return []
        names = {one.short_name: (one, name) for one in lists if (name := one.name_of_address(address)) is not None}
        said = self._asker.ask(names)
        return [_reputation(one, said[one.short_name]) for one in lists if one.short_name in said]


def _reputation(asked: DnsList, said: Sequence[str]) -> Reputation:
    words = ", ".join(dict.fromkeys(said))
    return Reputation(asked.short_name, f"{asked.name}: {words}" if words else asked.name, result=bool(said))


def _tool(place: str, value: Mapping[str, str]) -> Tool:
    uri, name = (str(value.get(key) or "") for key in ("uri", "name")) if isinstance(value, Mapping) else ("", "")
    if not name or "{ip}" not in uri or urlsplit(uri).scheme not in {"http", "https"}:
        raise ValueError(f"{place}: {value!r}; expected a name, and a uri such as https://tool.example/{{ip}}")
    return Tool(str(value.get("short_name") or name), name, uri)


def _within(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name}: {value!r}; expected a number from {low:g} to {high:g}")
