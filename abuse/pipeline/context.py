"""What the parsers need to know of the settings."""

from __future__ import annotations

from abuse.config import Settings
from abuse.parsers import ParserContext


def parser_context(settings: Settings) -> ParserContext:
    """The settings as the parsers see them."""
    return ParserContext(
        fqdn_re=settings.PARSER.fqdn_re,
        networks_to_ignore=settings.PARSER.networks_to_ignore,
        domain_to_ignore=settings.PARSER.domain_to_ignore,
        ticket_domains=(settings.MAIL.ticket_domain,),
    )
