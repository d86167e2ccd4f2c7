"""Mails that are no complaint by their content: newsletters, advertising, statistics; and those that are one."""

from __future__ import annotations

from collections.abc import Sequence

import re2

from .. import categories
from ..header import Headers
from ..message import Message, provider
from ..values import ItemKind, MailKind, ParsedItem
from .verdict import Verdict

# RE2's \b knows ASCII only and would find "cialis" in "spécialiste".
_SALES = re2.compile(
    r"(?i)(?:^|[^\pL\pN])(backlinks?|seo (?:expert|services?|ranking)|rank your (?:website|site)|guest post|"
    r"web design services|increase your (?:traffic|sales)|lottery|you(?:'ve| have) won|viagra|cialis|casino bonus|"
    r"million (?:usd|dollars)|next of kin|beneficiary|loan offer|bitcoin (?:investment|wallet address))(?:$|[^\pL\pN])"
)
_OPT_OUT = re2.compile(
    r"(?i)(?:unsubscribe|opt[ -]?out|view (?:it |this )?(?:email )?in (?:your|a) browser|no longer wish to receive|"
    r"se d[ée]sabonner|d[ée]sinscri|d[ée]sabonne|ne plus recevoir|abmelden|"
    r"abbestellen|darse de baja|cancellati|afmelden)"
)
_MARKETING_SENDER = re2.compile(
    r"(?i)^(?:newsletters?|news|marketing|mailings?|promo(?:tions?)?|offers|e?info-?mail)[@+._-]"
)
_INFORMATION = re2.compile(
    r"(?i)(?:^|[^\pL])(?:(?:daily|weekly|monthly|quarterly|annual) (?:\pL+ )?(?:statistics|summary|digest|overview)|"
    r"statistics (?:for|of)|(?:planned|scheduled|emergency) maintenance|maintenance (?:window|notice|notification)|"
    r"smart network data services?|snds|(?:removed|delisted|removal|delisting) (?:from|of) [^\n]{0,40}"
    r"(?:block ?list|black ?list|dnsbl)|feedback loop (?:confirmation|application|enrol+ment))(?:$|[^\pL])"
)


def of_content(message: Message, items: Sequence[ParsedItem]) -> Verdict:
    """The kind of a mail without marks of its own: newsletter, spam, information, complaint or something else."""
    text = f"{message.subject}\n{message.body}"[: categories.MAX_TEXT]
    word = categories.speaks_of_abuse(text)
    # a newsletter on security speaks of abuse in its text; a complaint says so in its subject or names an address
    is_about_an_address = any(item.kind in (ItemKind.IP, ItemKind.CIDR) for item in items)
    says_so = categories.speaks_of_abuse(message.subject) is not None or is_about_an_address
    if word is None or (_has_opt_out(message.headers) and not says_so):
        bulk = _bulk_mark(message, text)
        if bulk:
            return MailKind.NEWSLETTER, f"it is a mailing to many ({bulk}) and no complaint"
    if word is None:
        sales = _SALES.search(text)
        if sales:
            return MailKind.SPAM, f"it advertises ({sales.group(1)!r}) and speaks of no abuse"
        if message.headers.get("x-spam-flag").lower().startswith("yes"):
            return MailKind.SPAM, "the receiving server marked it as spam and it speaks of no abuse"
        information = _INFORMATION.search(message.subject[:300])
        if information and not is_about_an_address:
            return MailKind.INFORMATION, f"the subject is that of information: {message.subject[:60]!r}"
    if items:
        named = "the text names addresses, URLs or names"
        return MailKind.ABUSE_REPORT, named if word is None else f"{named} and speaks of {word!r}"
    if word is not None:
        return MailKind.ABUSE_REPORT, f"the text speaks of {word!r}"
    return MailKind.OTHER, "it names nothing and speaks of no abuse"


def _bulk_mark(message: Message, text: str) -> str | None:
    """What shows that a mail goes to many."""
    headers = message.headers
    if _has_opt_out(headers):
        return "List-Unsubscribe or a campaign mark"
    if "list-id" in headers:
        return "List-Id"
    precedence = headers.get("precedence").lower()
    if precedence in ("bulk", "list", "junk"):
        return f"Precedence {precedence}"
    if _MARKETING_SENDER.search(provider(headers)) and (_OPT_OUT.search(text) or "reply-to" in headers):
        return f"sender {provider(headers)}"
    return None


def _has_opt_out(headers: Headers) -> bool:
    return "list-unsubscribe" in headers or "x-campaign" in headers or "x-mailgun-tag" in headers
