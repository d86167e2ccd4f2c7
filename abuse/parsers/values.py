"""What a parsed mail is: the values every other part of the desk reads.

Frozen, plain and free of any framework, so that parsers can be run and tested on bytes alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from .feeds.layout import Feed


class ItemKind(StrEnum):
    """What a reporter can point at. The values are the `itemType` words of the API."""

    IP = "IP"
    CIDR = "CIDR"
    URL = "URL"
    FQDN = "FQDN"
    EMAIL = "EMAIL"
    HASH = "HASH"


class MailKind(StrEnum):
    """What a mail is for. Only the first four are complaints that become reports."""

    ABUSE_REPORT = "abuse_report"
    FEEDBACK_REPORT = "feedback_report"  # ARF, RFC 5965
    AUTH_FAILURE_REPORT = "auth_failure_report"  # RFC 6591
    FEED = "feed"
    BOUNCE = "bounce"
    MDN = "mdn"  # read receipt, RFC 8098
    AUTO_REPLY = "auto_reply"
    REPLY_TO_TICKET = "reply_to_ticket"
    NEWSLETTER = "newsletter"
    SPAM = "spam"
    LEGAL_REQUEST = "legal_request"
    COUNTER_NOTICE = "counter_notice"
    RETRACTION = "retraction"
    DMARC_AGGREGATE = "dmarc_aggregate"
    INFORMATION = "information"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ParsedItem:
    """One address, URL, name or hash that the reporter complains about.

    `value` is normalised (lower-case host, compressed IPv6, no de-fanging left); `raw` is the text as it stood in
    the mail and `place` says where that was ("body", "part 1.2 Source-IP", "xarf source_identifier" …).
    `seen_at` is the event time, aware, as the reporter gave it; None when the reporter gave none.
    `category` is what the reporter says of this item alone, as rows of feeds do; None: that of the mail.
    `times` is how often it was seen (Incidents of RFC 5965) and `confidence` how sure the reporter is, from 0 to 1.
    `zone_known` is False where the time stood without a zone, and that of the mail was taken.
    """

    kind: ItemKind
    value: str
    raw: str = ""
    place: str = ""
    port: int | None = None
    protocol: str | None = None
    seen_at: datetime | None = None
    category: str | None = None
    times: int | None = None
    confidence: float | None = None
    zone_known: bool = True

    @property
    def host(self) -> str | None:
        """The IP address or host name the item is about, without port, brackets or credentials; None if it has none."""
        match self.kind:
            case ItemKind.URL:
                return host_of_url(self.value)
            case ItemKind.EMAIL:
                return self.value.rpartition("@")[2] or None
            case ItemKind.HASH:
                return None
            case _:
                return self.value


@dataclass(frozen=True, slots=True)
class ParsedAttachment:
    """A file that came with the mail. `filename` is the sender's word: show it, never use it as a path."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Returned:
    """What a bounce says of the mail that came back; what it does not say is empty.

    `action` is a word of RFC 3464 (failed, delayed, delivered, relayed, expanded), `status` a code of RFC 3463
    ("5.1.1"). `message_ids` are those that the bounce names, without brackets; the mail's own is among the first.
    """

    recipient: str = ""
    action: str = ""
    status: str = ""
    diagnostic: str = ""
    message_ids: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether the mail will not arrive any more; false for what is only late, or did arrive."""
        if self.action:
            return self.action == "failed"
        return not self.status.startswith(("2.", "4."))


@dataclass(frozen=True, slots=True)
class ParsedEmail:
    """One mail, understood.

    `provider` is the lower-case address of From; `date` is aware UTC, None when the mail states none that can be read;
    `template` names the format or template that gave the items; `defects` says in words what was wrong with the mail.
    `xarf_type` is the category and type of XARF 4 ("content-phishing") that the report is of or would be of, and
    `rsit_class` its class in the Reference Security Incident Taxonomy ("fraud"); None where the format says neither.
    `feed` says where its tables are; when they are larger than `Limits.max_items`, `items` are only their first.
    `returned` is what a bounce says of the mail that came back; None for all other kinds.
    """

    provider: str
    recipients: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""
    date: datetime | None = None
    kind: MailKind = MailKind.OTHER
    kind_reason: str = ""
    category: str | None = None
    category_reason: str = ""
    items: tuple[ParsedItem, ...] = ()
    attachments: tuple[ParsedAttachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    template: str = "default"
    reporter_reference: str | None = None
    defects: tuple[str, ...] = field(default=())
    feed: Feed | None = None
    xarf_type: str | None = None
    rsit_class: str | None = None
    returned: Returned | None = None

    def of_kind(self, *kinds: ItemKind) -> list[str]:
        """The normalised values of the given kinds, in order, each once."""
        return list(dict.fromkeys(item.value for item in self.items if item.kind in kinds))

    @property
    def ips(self) -> list[str]:
        return self.of_kind(ItemKind.IP, ItemKind.CIDR)

    @property
    def urls(self) -> list[str]:
        return self.of_kind(ItemKind.URL)

    @property
    def fqdn(self) -> list[str]:
        return self.of_kind(ItemKind.FQDN)


def host_of_url(url: str) -> str | None:
    """The lower-case host of a URL without port, brackets or credentials; None when the URL cannot be read."""
    try:
        return urlsplit(url).hostname or None
    except ValueError:  # unbalanced brackets and the like
        return None
