"""The facts about a domain that come with Cerberus."""

from __future__ import annotations

from collections.abc import Sequence

from ...engine.fields import FIELD_TEXT
from ...engine.variables import BaseVariables, boolean_rule_variable
from ...networks import Address, check_network_name, owner_of


class DefaultCDNRequestVariables(BaseVariables):
    """What a CDNRequest rule may ask."""

    def __init__(self, domain: str, addresses: Sequence[Address] = ()) -> None:
        """
        :param domain: the reported domain, lower case
        :param addresses: what it resolves to, looked up before the decision
        """
        self.domain = domain
        self.addresses = tuple(addresses)

    @boolean_rule_variable(
        label="The domain is served by a content network",
        params=[{"name": "provider", "fieldType": FIELD_TEXT, "label": "Name of it", "check": check_network_name}],
    )
    def provider_ips_owner(self, provider: str) -> bool:
        return any(owner_of(address) == provider.lower() for address in self.addresses)
