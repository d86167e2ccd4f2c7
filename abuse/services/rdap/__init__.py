"""The registries' own word on who has an address or a domain, over RDAP (RFC 9082, RFC 9083).

Used to find whom a misrouted report should have gone to, and as a CRM for addresses that the registry assigns.
"""

from abuse.config import Settings

from .answers import Contact, Registration
from .lookup import RdapError, RdapLookup

__all__ = ["Contact", "RdapError", "RdapLookup", "Registration", "lookup_of"]


def lookup_of(settings: Settings) -> RdapLookup | None:
    """The registries that the settings name; None when they name none, and nobody may be asked.

    :raises RdapError: permanent, for a URL that is none.
    """
    section = settings.RDAP
    if section.base_url is None and section.bootstrap_url is None:
        return None
    return RdapLookup(
        base_url=section.base_url,
        bootstrap_url=section.bootstrap_url,
        servers=section.servers,
        timeout_seconds=section.timeout_seconds,
        ca_file=section.ca_file,
        plaintext=section.plaintext,
    )
