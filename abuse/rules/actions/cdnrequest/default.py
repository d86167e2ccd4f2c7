"""The actions on questions to content networks that come with Cerberus."""

from __future__ import annotations

from abuse.controllers import cdn
from abuse.models import Report, User

from ...engine.actions import BaseActions, rule_action
from ...engine.fields import FIELD_TEXT
from ...networks import check_network_name, content_networks


class DefaultCDNRequestActions(BaseActions):
    """What a CDNRequest rule may do."""

    def __init__(self, report: Report, domain: str, *, actor: User) -> None:
        """
        :param report: the report that names the domain
        :param domain: the domain, lower case
        :param actor: the person who validated the report
        """
        self.report = report
        self.domain = domain
        self.actor = actor

    @rule_action(
        label="Ask a content network for the address behind the domain",
        params=[{"name": "provider", "fieldType": FIELD_TEXT, "label": "Name of it", "check": check_network_name}],
    )
    def do_cdn_request(self, provider: str) -> str:
        """Asked once in fifteen days; reports in between join the ticket of the question."""
        network = content_networks()[provider.lower()]
        ticket = cdn.request_origin(
            self.report, network=network.name, address=network.address, domain=self.domain, actor=self.actor
        )
        return ticket.public_id
