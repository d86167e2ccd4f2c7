"""What a free-text complaint points at: which of its texts are searched, and what of the finds is kept.

The rules, in order:

1. Subject and text are searched, without what stands below a signature mark and without quoted Received fields; of an
   answer only the new text counts. Where the plain text names no URL, the HTML form of the same text is searched too.
2. Found nothing: the signature, text files, archives and the messages inside are searched, until one names something;
   then names in the text that only start with "www.".
3. No address found, and a message is inside or quoted: the address that handed that message over, by its Received.
4. The reporter's own sites, the desk's own and those that explain formats are left out, and networks beside single
   addresses (they come from quoted whois). Private addresses count only when no public one is named: a log names both
   sides of a NAT, but a mail about a private address alone is kept for a person to see.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from . import archives, eventtimes, extraction, hosts, mime, replies
from .context import ParserContext
from .formats.arf import source_of_original
from .header import Headers
from .message import Message, provider, recipients, written
from .received import handing_over_address
from .values import ItemKind, ParsedItem

_SIGNATURE = re2.compile(r"(?m)^-- ?$")
_RECEIVED = re2.compile(r"(?im)^[ \t>]*Received:[ \t].*(?:\n[ \t>]+[^\n]*)*")
_TEXT_FILES = (".txt", ".log", ".csv", ".eml", ".json", ".xml", ".yml", ".yaml", ".htm", ".html", ".md")
_FREE_MAIL_HOSTS = (
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "aol.com", "icloud.com",
    "gmx.de", "gmx.net", "web.de", "mail.ru", "protonmail.com", "proton.me",
)  # fmt: skip
# Pages that explain formats and procedures; nobody's offence is there.
_REFERENCE_SITES = (
    "w3.org", "ietf.org", "rfc-editor.org", "iana.org", "x-arf.org", "xarf.org", "acns.net", "ripe.net", "arin.net",
    "apnic.net", "lacnic.net", "afrinic.net", "mipassoc.org", "schemas.microsoft.com", "xmlsoap.org", "wikipedia.org",
    "virustotal.com", "urlscan.io", "abuseipdb.com", "blocklist.de", "spamhaus.org", "spamcop.net", "stopbadware.org",
    "antiphishing.org", "mxtoolbox.com", "senderbase.org", "cve.org", "cve.mitre.org", "nvd.nist.gov", "us-cert.gov",
    "fail2ban.org", "pgp.mit.edu", "whois.domaintools.com", "who.is", "shodan.io", "censys.io",
)  # fmt: skip
_ADDRESSES = (ItemKind.IP, ItemKind.CIDR)


def find(message: Message, context: ParserContext, *, is_answer: bool) -> tuple[ParsedItem, ...]:
    """The items of a mail without machine-readable report."""
    if is_answer:
        added = replies.new_text(message.body)
        return tuple(_keep_meant(extraction.extract(added, "body", context, message.say), message))
    body = f"{message.subject}\n\n{message.body}"
    items: list[ParsedItem] = []
    for found in _searches(body, message, context):
        items = _keep_meant(found, message)
        if items:
            break
    if not any(item.kind in _ADDRESSES for item in items):
        source = source_of_original(message, context) or _source_of_quoted(body, context)
        if source:
            items.append(source)
    sent, zone = written(message.headers, context.tzdefault)
    return eventtimes.with_times(items[: context.limits.max_items], body, sent=sent, sent_zone=zone)


def _searches(body: str, message: Message, context: ParserContext) -> Iterator[list[ParsedItem]]:
    """What each place names, the best place first; a place is only searched when it is asked for."""
    without_hops = _RECEIVED.sub("", body) if "eceived:" in body else body
    signature = _SIGNATURE.search(without_hops)
    main = without_hops[: signature.start()] if signature else without_hops
    items = extraction.extract(main, "body", context, message.say)
    if not any(item.kind is ItemKind.URL for item in items):
        for text in message.texts:
            for part in text.hidden:
                items += extraction.extract(message.text_of(part), f"part {part.path}", context, message.say)
    yield items
    if signature:
        yield extraction.extract(without_hops[signature.end() :], "signature", context, message.say)
    for place, content in _file_texts(message, context):
        yield extraction.extract(content, place, context, message.say)
    for inner in message.inner:
        yield extraction.extract(message.forwarded_text(inner), f"message {inner.path}", context, message.say)
    yield extraction.weak_names(main, "body", context, message.say)


def _file_texts(message: Message, context: ParserContext) -> Iterator[tuple[str, str]]:
    for part in message.files:
        if part.children:
            continue
        name = part.filename.lower()
        if (
            part.content_type.startswith("text/")
            or name.endswith(_TEXT_FILES)
            or part.content_type.endswith(("json", "xml"))
        ):
            yield f"attachment {part.path}", message.text_of(part)
    for part in message.files:
        if not archives.is_archive(part.filename, part.content_type) or part.size > context.limits.max_attachment_bytes:
            continue
        content, _ = part.content()
        for member in archives.members(content, context.limits, message.say):
            if member.name.lower().endswith(_TEXT_FILES) or "." not in member.name:
                leaf = mime.Part(part.path, Headers([]), "text/plain", {}, member.content, 0, len(member.content))
                yield f"attachment {part.path} archive member", message.text_of(leaf)


def _source_of_quoted(body: str, context: ParserContext) -> ParsedItem | None:
    """The address by Received fields that stand in the text itself."""
    hops = [match.group() for match in _RECEIVED.finditer(body)][:50] if "eceived:" in body else []
    fields = [("Received", hop.replace("\n>", "\n").partition(":")[2].encode()) for hop in hops]
    address = handing_over_address(Headers(fields))
    if address is None or not hosts.is_wanted_address(address, context):
        return None
    return ParsedItem(ItemKind.IP, address, address, "body Received")


def _keep_meant(items: list[ParsedItem], message: Message) -> list[ParsedItem]:
    """`items` without what a complaint names besides its object (rule 4)."""
    if not items:
        return items
    desk = {address.rpartition("@")[2].lower() for address in recipients(message.headers)[:20]}
    sender = hosts.registered_domain(provider(message.headers).rpartition("@")[2])
    # a web form of the desk's own writes in its name about other people's sites
    is_own_form = any(hosts.registered_domain(domain) == sender for domain in desk)
    ignored = _REFERENCE_SITES if is_own_form or sender in _FREE_MAIL_HOSTS else (*_REFERENCE_SITES, sender)
    desk |= {f"www.{domain}" for domain in desk}
    kept = [item for item in items if not _is_reference(item, ignored, desk)]
    if any(item.kind is ItemKind.IP for item in kept):
        kept = [item for item in kept if item.kind is not ItemKind.CIDR]
    public = [item for item in kept if not _is_private(item)]
    if any(item.kind in _ADDRESSES for item in public):
        return public
    return [item for item in kept if item.kind is not ItemKind.URL or not public or not _is_private(item)]


def _is_private(item: ParsedItem) -> bool:
    address = hosts.ip((item.host or "").partition("/")[0])
    return address is not None and hosts.is_private(address)


def _is_reference(item: ParsedItem, ignored: tuple[str, ...], desk: set[str]) -> bool:
    if item.kind not in (ItemKind.URL, ItemKind.FQDN) or item.host is None:
        return False
    host = item.host
    return host in desk or any(hosts.is_below(host, domain) for domain in ignored)
