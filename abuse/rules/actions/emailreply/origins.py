"""Whose the addresses are that an answer names."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

from django.utils import timezone

from abuse.parsers.values import ParsedEmail
from abuse.services.crm import CRMService, Match, Query

from ...beforehand import owners_in

MAX_ADDRESSES = 50


def owners_named(mail: ParsedEmail, email_id: int) -> Sequence[Match]:
    """The customers' services behind the addresses of a mail, each once.

    As asked before the transaction; asked now where nobody has.
    """
    known = owners_in(email_id)
    if known is None:
        now = timezone.now()
        queries = [
            Query(at=now, address=ip_network(text, strict=False).network_address) for text in mail.ips[:MAX_ADDRESSES]
        ]
        known = [match for match in CRMService.find(queries) if match is not None] if queries else []
    return list({(match.defendant.customer_id, match.service): match for match in known}.values())
