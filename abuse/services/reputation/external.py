"""The reputation service that also asks services on the Internet: AbuseIPDB of addresses, Safe Browsing of URLs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any, TypeVar

from abuse.models.directory import directory_domain

from ..phishing.addresses import Address, Network
from ..sections import read_section
from . import abuseipdb as ipdb
from . import safe_browsing as browsing
from .asked import host_of, is_public, read_address
from .base import Reputation, ReputationDetail, ReputationServiceException
from .default import DnsblReputation

log = logging.getLogger(__name__)

T = TypeVar("T")


class ExternalReputation(DnsblReputation):
    """Knows all that the default knows, and asks those of the two that have a key. What leaves the desk by that:
    docs/how-to/ask-reputation.md.

    :param abuseipdb: see `AbuseIpdbSection`.
    :param safe_browsing: see `SafeBrowsingSection`.
    :param never_ask: networks and domains (with all names below) that nobody of the two is asked about, such as one's
        own. Addresses that are not public never are.
    :param lists: what the default takes.
    :raises ValueError: for a value that cannot be.
    """

    def __init__(
        self,
        *,
        abuseipdb: Mapping[str, Any] | None = None,
        safe_browsing: Mapping[str, Any] | None = None,
        never_ask: Sequence[str] = (),
        **lists: Any,
    ) -> None:
        super().__init__(**lists)
        if abuseipdb is None and safe_browsing is None:
            raise ValueError("abuseipdb, safe_browsing: expected at least one of them, with its key")
        self._networks, self._domains = _never("never_ask", never_ask)
        self._abuseipdb = self._safe_browsing = None
        if abuseipdb is not None:
            self._abuseipdb = ipdb.AbuseIpdb(read_section(ipdb.AbuseIpdbSection, abuseipdb, "abuseipdb"))
        if safe_browsing is not None:
            section = read_section(browsing.SafeBrowsingSection, safe_browsing, "safe_browsing")
            self._safe_browsing = browsing.SafeBrowsing(section)
        for place, known in (("other_lists", self._other_lists), ("domain_lists", self._domain_lists)):
            for one in known:
                if one.short_name in (ipdb.SHORT_NAME, browsing.SHORT_NAME):
                    raise ValueError(f"{place}: one is called {one.short_name!r}; expected another short_name")

    def get_ip_external_reputations(self, ip: str) -> Sequence[Reputation]:
        """See `DnsblReputation`; AbuseIPDB is missing, too, when it did not answer.

        :raises ReputationServiceException: permanent for what is no address.
        """
        found = list(super().get_ip_external_reputations(ip))
        address = read_address(ip)
        if self._abuseipdb is not None and self._may_be_named(address):
            found += _word(self._abuseipdb.word, address)
        return found

    def get_ip_external_details(self, ip: str, short_name: str) -> Sequence[ReputationDetail]:
        """See `DnsblReputation`; the newest reports of AbuseIPDB.

        :raises ReputationServiceException: permanent for what is no address, or no source; else when it did not answer.
        """
        if self._abuseipdb is None or short_name != ipdb.SHORT_NAME:
            return super().get_ip_external_details(ip, short_name)
        address = read_address(ip)
        return self._abuseipdb.events(address) if self._may_be_named(address) else []

    def get_url_external_reputations(self, url: str) -> Sequence[Reputation]:
        """See `DnsblReputation`; Safe Browsing is missing, too, when it did not answer.

        :raises ReputationServiceException: permanent for what has no host.
        """
        found = list(super().get_url_external_reputations(url))
        if self._safe_browsing is not None and self._may_be_named(host_of(url)):
            found += _word(self._safe_browsing.word, url)
        return found

    def _may_be_named(self, host: str | Address) -> bool:
        """Whether others may be told that somebody asks about it."""
        if isinstance(host, str):
            labels = host.split(".")
            return not any(".".join(labels[number:]) in self._domains for number in range(len(labels)))
        return is_public(host) and not any(host.version == one.version and host in one for one in self._networks)


def _word(ask: Callable[[T], Reputation], about: T) -> list[Reputation]:
    try:
        return [ask(about)]
    except ReputationServiceException as error:
        log.warning("%s", error)
        return []


def _never(place: str, texts: Sequence[str]) -> tuple[tuple[Network, ...], frozenset[str]]:
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{place}: {texts!r:.80}; expected a list of networks and domains")
    networks: list[Network] = []
    domains: set[str] = set()
    for number, text in enumerate(texts):
        try:
            networks.append(ip_network(text))
            continue
        except ValueError:
            domain = directory_domain(text)
        if domain is None:
            raise ValueError(f"{place}.{number}: {text[:80]!r}; expected a network such as 192.0.2.0/24, or a domain")
        domains.add(domain)
    return tuple(networks), frozenset(domains)
