"""Reading claimed mails: stored bytes to `ParsedEmail`, and whose things are reported. No transaction is open."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from abuse.config import current
from abuse.config.schema import Parser
from abuse.controllers import belonging
from abuse.controllers.defendants import service_key
from abuse.models import ReportItem
from abuse.parsers import ParsedEmail, ParsedItem, ParserContext, parse
from abuse.parsers.authentication import Authentication
from abuse.parsers.values import ItemKind
from abuse.services.crm import CRMService, Match, Query
from abuse.services.email.addresses import is_own_address, read_bounce_address
from abuse.services.phishing import PingResponse
from abuse.services.storage import StorageService

from .claims import Claim
from .kinds import DOUBTFUL, STATEMENTS, is_complaint
from .senders import authenticate
from .spool import Spool

MAX_RECIPIENTS = 100
CLOCK_SKEW = timedelta(days=1)
"""A reporter's clock may be wrong by so much; an event later than that is taken to have happened when the mail came."""


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """An attachment in the storage: its key, and what the sender said of it."""

    name: str
    key: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Accusation:
    """What a mail says about one customer's service; `match` is None when it is nobody's that we know."""

    match: Match | None
    items: tuple[ParsedItem, ...]
    category: str | None = None
    """What the items' own category is; None: that of the mail."""
    spooled: int | None = None
    """The number under which all items are in the mail's spool; `items` are only some of them then."""
    missing: tuple[str, ...] = ()
    """What it lacks, where that is why `match` is None (see `controllers.belonging`)."""


@dataclass(slots=True)
class ReadMail:
    """A claimed mail, understood. `parsed` carries no attachment contents any more: they are in the storage."""

    claim: Claim
    parsed: ParsedEmail
    content_key: str | None
    attachments: tuple[StoredAttachment, ...] = ()
    writing: tuple[Future[bool], ...] = ()
    accusations: tuple[Accusation, ...] = field(default=())
    looks: Mapping[str, PingResponse] = field(default_factory=dict)
    """How the reported pages answered, by URL."""
    spool: Spool | None = None
    """The items of a long feed, on disk until they are settled."""
    note: str = ""
    """What is to be said at the mail's end besides how many reports it made."""
    revenues: Mapping[tuple[str, str | None], float] = field(default_factory=dict)
    """What the accused customers pay, by customer id and service name, where a rule asks for it."""
    authentication: Authentication = field(default_factory=Authentication)

    def wait(self) -> None:
        """Return when its attachments would survive a power cut.

        :raises StorageServiceException: when one of them could not be stored.
        """
        for writing in self.writing:
            writing.result()
        self.writing = ()

    @property
    def date(self) -> datetime:
        """When the mail was written; when it came, if it does not say so or says a time to come."""
        return believable(self.parsed.date, self.claim.received_at)


def believable(said: datetime | None, received_at: datetime) -> datetime:
    """The moment said, unless there is none or it lies in the future of the mail."""
    return received_at if said is None or said > received_at + CLOCK_SKEW else said


def read(claim: Claim, context: ParserContext, writers: Executor, settings: Parser) -> ReadMail:
    """Read and parse one mail and let `writers` put its attachments into the storage; see `ReadMail.wait`.

    A disk that syncs takes as long for a small file as for a mail's parsing, and is glad to get several at once.
    """
    raw = StorageService.read(claim.sha256)
    mail = understood(raw, claim, context, settings)
    del raw  # a mail may have hundreds of megabytes
    parsed = mail.parsed
    stored, writing = [], []
    for attachment in parsed.attachments:
        digest = hashlib.sha256(attachment.content).hexdigest()
        writing.append(writers.submit(StorageService.write, digest, attachment.content))
        stored.append(StoredAttachment(attachment.filename, digest, attachment.content_type, len(attachment.content)))
    mail.parsed = dataclasses.replace(parsed, attachments=())
    mail.attachments, mail.writing = tuple(stored), tuple(writing)
    return mail


def understood(raw: bytes, claim: Claim, context: ParserContext, settings: Parser) -> ReadMail:
    """What the bytes of a mail say, attachments and all; nothing is stored."""
    parsed = parse(raw, context)
    if claim.submitter:
        # He proved who he is; From is only what the document says of itself.
        parsed = dataclasses.replace(parsed, provider=claim.submitter)
    authentication = authenticate(raw, parsed, settings)
    recipients = tuple(dict.fromkeys((*parsed.recipients, *_own_addresses(claim.envelope_recipients))))
    key = content_key(parsed)
    return ReadMail(claim, dataclasses.replace(parsed, recipients=recipients), key, authentication=authentication)


def _own_addresses(envelope: Sequence[str]) -> list[str]:
    """Those of the addresses a mail was delivered to that the desk gave out, whether the mail shows them or not."""
    mail = current().MAIL
    mailbox = mail.bounce_mailbox
    return [
        address
        for address in envelope[:MAX_RECIPIENTS]
        if is_own_address(address, mail.ticket_domain)
        or (mailbox is not None and read_bounce_address(address, mailbox) is not None)
    ]


def content_key(parsed: ParsedEmail) -> str | None:
    """What the same mail has in common over different ways here; None when it has no Message-ID to go by."""
    if not parsed.message_id:
        return None
    digest = hashlib.sha256()
    for part in (parsed.message_id, parsed.provider, parsed.subject, parsed.body):
        digest.update(hashlib.sha256(part.encode("utf-8", "replace")).digest())
    for attachment in parsed.attachments:
        digest.update(hashlib.sha256(attachment.content).digest())
    return digest.hexdigest()


def identify(mails: Sequence[ReadMail]) -> None:
    """Ask the CRM, once for all mails, whose the reported things are."""
    asked: list[tuple[ReadMail, ParsedItem]] = []
    queries: list[Query] = []
    for mail in mails:
        if mail.parsed.kind in STATEMENTS or not (is_complaint(mail.parsed.kind) or mail.parsed.kind in DOUBTFUL):
            continue
        for item in mail.parsed.items:
            query = query_of(item, at=believable(item.seen_at or mail.date, mail.claim.received_at))
            if query is not None:
                asked.append((mail, item))
                queries.append(query)
    matches = CRMService.find(queries) if queries else []
    found: dict[int, list[tuple[ParsedItem, Match]]] = {}
    for (mail, item), match in zip(asked, matches, strict=True):
        if match is not None:
            found.setdefault(mail.claim.email_id, []).append((item, match))
    unknown = {
        mail.claim.email_id: mail.parsed
        for mail in mails
        if mail.claim.email_id not in found and mail.parsed.kind not in STATEMENTS and is_complaint(mail.parsed.kind)
    }
    missing = belonging.missing_in(unknown)
    for mail in mails:
        lacking = missing.get(mail.claim.email_id, ())
        mail.accusations = _grouped(mail.parsed, found.get(mail.claim.email_id, []), lacking)


def query_of(item: ParsedItem, *, at: datetime) -> Query | None:
    """The question for the CRM; None for an item that belongs to nobody by itself, such as a hash, or an address of
    SHARED_NETWORKS without the port and time that say whose it was.
    """
    host = item.host
    if host is None or belonging.is_nobodys(item):
        return None
    try:
        if item.kind == ItemKind.CIDR:
            return Query(at=at, address=ip_network(host, strict=False).network_address, port=item.port)
        return Query(at=at, address=ip_address(host), port=item.port)
    except ValueError:
        return Query(at=at, host=host)


def _grouped(
    parsed: ParsedEmail, found: Sequence[tuple[ParsedItem, Match]], missing: tuple[str, ...]
) -> tuple[Accusation, ...]:
    """One accusation for each (customer, service, category of the items), in the order of the mail; one without a
    customer, when nothing is ours.
    """
    if not found:
        return (Accusation(None, parsed.items, missing=missing),)
    groups: dict[tuple[str, str, str | None], tuple[Match, list[ParsedItem]]] = {}
    for item, match in found:
        key = (match.defendant.customer_id, service_key(match.service), item.category)
        groups.setdefault(key, (match, []))[1].append(item)
    return tuple(Accusation(match, tuple(items), category) for (*_, category), (match, items) in groups.items())


def parsed_item(item: ReportItem) -> ParsedItem:
    """A row as the parsers gave it."""
    return ParsedItem(
        ItemKind(item.item_type), item.raw_item, item.original, item.place, item.port, item.protocol, item.seen_at,
        times=item.times, confidence=item.confidence,
    )  # fmt: skip
