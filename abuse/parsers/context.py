"""What a parser is told besides the mail: the desk's own names and networks, and the bounds it must keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from .templating import TemplateSet

CATEGORIES = (
    "Copyright",
    "Illegal",
    "Intrusion",
    "Malware",
    "Network Attack",
    "Other",
    "Phishing",
    "Spam",
)


@lru_cache(maxsize=16)
def own_name_pattern(pattern: str) -> re2._Regexp:
    """The compiled pattern of the company's own names, case-insensitive; ValueError when it is no RE2 pattern."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"fqdn_re: {pattern!r} is no RE2 pattern: {error}") from error


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one mail. When one bites, the rest is still read and `ParsedEmail.defects` says so.

    Sizes are bytes, of the encoded mail for headers and parts and of decoded content elsewhere.
    """

    max_text_bytes: int = 2_000_000  # text read and searched, all parts together
    max_header_bytes: int = 1_000_000  # one header block
    max_headers: int = 2_000  # fields kept of one header block
    max_parts: int = 1_000  # MIME parts, nested messages included
    max_depth: int = 50  # multipart and message nesting
    max_messages: int = 100  # messages inside the message
    max_items: int = 10_000  # addresses, URLs and names kept
    max_candidates: int = 20_000  # texts that look like an address, URL or name and are examined, of each kind
    max_attachments: int = 20
    max_attachment_bytes: int = 25_000_000  # all kept attachments together; the stored mail has the rest
    max_archive_bytes: int = 50_000_000  # unpacked, all archives together
    max_archive_ratio: int = 100  # unpacked : packed, for one member of an archive
    max_archive_members: int = 100
    max_document_bytes: int = 5_000_000  # a machine-readable part (YAML, JSON)
    max_feed_bytes: int = 1_000_000_000  # unpacked, of one table; it is read in pieces
    max_feed_rows: int = 5_000_000  # of one mail
    max_seconds: float = 10.0  # after this no further part is opened


@dataclass(frozen=True, slots=True)
class ParserContext:
    """The desk as the parsers see it.

    `fqdn_re` is an RE2 pattern of the company's own service names; a name in free text that matches it as a whole is
    an item. `networks_to_ignore` and `domain_to_ignore` (the domain and everything below it) never become items.
    `ticket_mailbox` and `ticket_domains` say what the desk's own reply addresses look like
    (`ticket+<id>.<Category>[.<token>]@domain`); without domains any domain is accepted.
    `tzdefault` is the zone of times that state none. `templates` say how the mails of known reporters are read.
    """

    fqdn_re: str | None = None
    networks_to_ignore: tuple[IPv4Network | IPv6Network, ...] = ()
    domain_to_ignore: tuple[str, ...] = ()
    ticket_mailbox: str = "ticket"
    ticket_domains: tuple[str, ...] = ()
    categories: tuple[str, ...] = CATEGORIES
    limits: Limits = field(default_factory=Limits)
    tzdefault: tzinfo = UTC
    now: datetime | None = None  # the moment of reading, for readers of times that state no year
    templates: TemplateSet | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Raises ValueError when `fqdn_re` is no RE2 pattern, at start-up instead of at the first mail."""
        if self.fqdn_re is not None:
            own_name_pattern(self.fqdn_re)
