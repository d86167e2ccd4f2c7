"""Answers to tickets: mails to the desk's own reply addresses, or to messages of its own."""

from __future__ import annotations

import re2

from .. import hosts, replies
from ..context import ParserContext
from ..header import Headers
from ..message import Message, message_ids, provider
from ..values import MailKind
from .verdict import Verdict

_ANSWER_SUBJECT = re2.compile(
    r"(?i)^(?:\[[^\]]{0,60}\] ?)?(?:re|aw|sv|antw|rif|odp|vs|ynt|atb|vá|ref|odg|回复|答复|回覆|antwort|res|r)"
    r"(?:\[\d{1,3}\])? ?[::：]"
)
_TICKET_TAG = re2.compile(r"(?i)\[[^\]]{0,40}(?:#|ticket|abuse|case)[^\]]{0,20}[A-Z0-9]{4,}[^\]]{0,20}\]")
_TICKET_LOCAL = re2.compile(r"(?i)([a-z0-9_-]+)\+[a-z0-9]{4,32}(?:\.[a-z0-9_-]{1,80}){0,3}")
_ENVELOPE = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to")


def answers_by_subject(subject: str) -> bool:
    """Whether a subject starts as those of answers do, in whatever language."""
    return _ANSWER_SUBJECT.search(subject) is not None


def is_ticket_address(address: str, context: ParserContext) -> bool:
    """Whether an address has the form of the desk's own reply addresses; the ticket need not exist."""
    local, _, domain = address.rpartition("@")
    match = _TICKET_LOCAL.fullmatch(local)
    if match is None or match.group(1).lower() != context.ticket_mailbox.lower():
        return False
    return not context.ticket_domains or domain.lower() in (name.lower() for name in context.ticket_domains)


def ticket_addresses(headers: Headers, context: ParserContext) -> list[str]:
    """Every ticket address the mail was sent to, also where only the envelope shows it."""
    found = _addresses(headers, "to", "cc", *_ENVELOPE)
    return [address for address in dict.fromkeys(found) if is_ticket_address(address, context)]


def of_answer(message: Message, context: ParserContext) -> Verdict | None:
    """An answer, by its address, by the message that it answers, or by its subject; None when nothing shows one."""
    found = ticket_addresses(message.headers, context)
    if found:
        return MailKind.REPLY_TO_TICKET, f"it was sent to the ticket address {found[0]}"
    own = _own_message(message, context)
    if own is not None:
        return MailKind.REPLY_TO_TICKET, f"it answers our message {own[:100]}"
    similar = _ticket_address_of_own_domain(message.headers, context)
    if similar is not None:
        return MailKind.REPLY_TO_TICKET, f"it was sent to {similar}, a ticket address of the domain it was delivered to"
    subject = message.subject[:300]
    if answers_by_subject(subject):
        ours = set(_addresses(message.headers, *_ENVELOPE, "to"))
        quoted = next((address for address in replies.quoted_addresses(message.body) if address in ours), None)
        if quoted is not None and quoted != provider(message.headers):
            return MailKind.REPLY_TO_TICKET, f"it answers and quotes a mail of {quoted}"
    if context.ticket_domains or not answers_by_subject(subject) or not _TICKET_TAG.search(subject):
        # a reporter's own tag looks the same, so a desk that names its domains is not guessed about
        return None
    if "in-reply-to" in message.headers or "references" in message.headers or replies.quotes_a_mail(message.body):
        return MailKind.REPLY_TO_TICKET, f"it answers a mail about a ticket: {subject[:60]!r}"
    return None


def _own_message(message: Message, context: ParserContext) -> str | None:
    """The message of the desk's own that a mail answers: one of its ticket domains, or of the domain it came to."""
    headers = message.headers
    answered = [identifier for name in ("in-reply-to", "references") for identifier in message_ids(headers.get(name))]
    if not answered:
        return None
    domains = {domain.lower() for domain in context.ticket_domains}
    ours = _domain_delivered_to(headers)
    if ours is not None and ours == hosts.registered_domain(provider(headers).rpartition("@")[2]):
        ours = None  # a colleague's thread is not the desk's
    for identifier in answered:
        domain = identifier.rpartition("@")[2].lower()
        if domain in domains or (ours is not None and hosts.is_below(domain, ours)):
            return f"<{identifier}>"
    return None


def _domain_delivered_to(headers: Headers) -> str | None:
    """The registered domain of the address that the mail was delivered to, where there is only one that can be it."""
    found = _addresses(headers, *_ENVELOPE) or _addresses(headers, "to")
    domains = {hosts.registered_domain(address.rpartition("@")[2].lower()) for address in found}
    return domains.pop() if len(domains) == 1 else None


def _ticket_address_of_own_domain(headers: Headers, context: ParserContext) -> str | None:
    """An address of the form of reply addresses, on another domain than they have now, but on one of the desk's."""
    ours = {hosts.registered_domain(a.rpartition("@")[2].lower()) for a in _addresses(headers, *_ENVELOPE)}
    for address in _addresses(headers, "to", "cc", *_ENVELOPE):
        local, _, domain = address.lower().rpartition("@")
        match = _TICKET_LOCAL.fullmatch(local)
        if match and match.group(1) == context.ticket_mailbox.lower() and hosts.registered_domain(domain) in ours:
            return address
    return None


def _addresses(headers: Headers, *names: str) -> list[str]:
    return [address for name in names for address in headers.addresses(name, 20)]
