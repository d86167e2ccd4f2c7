"""What the parsers need to know of the settings."""

from __future__ import annotations

from abuse.config import Settings
from abuse.parsers import ParserContext
from abuse.parsers.templating import load


def parser_context(settings: Settings) -> ParserContext:
    """The settings as the parsers see them.

    Templates of reporters are read once; those of the operator's directory again when a file there has changed.
    What is wrong with one is in the log, and keeps no other from being used.
    """
    templates, _ = load(settings.templates_directory)
    return ParserContext(
        fqdn_re=settings.PARSER.fqdn_re,
        networks_to_ignore=settings.PARSER.networks_to_ignore,
        domain_to_ignore=settings.PARSER.domain_to_ignore,
        ticket_domains=(settings.MAIL.ticket_domain,),
        templates=templates,
    )
