"""What a mail is for, by its marks: bounces, receipts, auto-replies, answers and newsletters are no complaints."""

from __future__ import annotations

from collections.abc import Sequence

import re2

from . import categories, free_text, header
from .context import ParserContext
from .header import Headers
from .message import Message, provider
from .values import ItemKind, MailKind, ParsedItem

Verdict = tuple[MailKind, str]

_DAEMON = re2.compile(
    r"(?i)^(?:mailer-daemon|post_?master|mail[._-]?daemon|mailerdaemon|bounces?|mdaemon|double-bounce|microsoftexchange|"
    r"mail[._-]delivery[._-](?:sub)?system)"
)
_BOUNCE_SUBJECT = re2.compile(
    r"(?i)^(?:(?:re|fwd?): ?)?\W*(?:undeliver(?:ed|able)|unzustellbar|non[ -]?remis|(?:mail )?deliver(?:y|ing)[: ]+"
    r"(?:status )?(?:notification|fail|problem|error|report|to the following)|"
    r"delivery (?:has |have )?(?:failed|failure|status|unsuccessful)|"
    r"returned mail|mail (?:delivery|system|could not be delivered)|message (?:undeliverable|"
    r"could not be delivered|delivery)|failure notice|mail failure|failed mail|non-?delivery|dsn:|nondeliverable|"
    r"warning: (?:could not send message|message)|delayed mail|returning message|error sending message|"
    r"mensaje no entregado|não entregue|não foi possível|notificación de error|avis de non|rapport de non|"
    r"onbestelbaar|erreur|mail nicht zustellbar|недоставлен|配信不能)"
)
_UNDELIVERABLE = re2.compile(
    r"(?i)(?:could not be delivered|undeliverable|delivery (?:to the following|failed|has failed|failure)|user unknown|"
    r"returned (?:to you|message)|permanent (?:fatal )?error|did not reach|mailbox (?:is )?(?:full|unavailable)|"
    r"over quota|unable to deliver|couldn't be delivered|not able to deliver|host unknown|unrouteable)"
)
_SMTP_CODE = re2.compile(r"\b(?:55[0-4][ -]|5\.[0-7]\.\d{1,3}\b)")
_AUTO_SUBJECT = re2.compile(
    r"(?i)(?:^|[\]:] ?)(?:out of (?:the )?office|(?:automatic|auto)[ -]?(?:reply|response|answer|responder|replied)|"
    r"autoreply|away from|vacation|on (?:annual )?leave|abwesen\w*|automatische (?:antwort|abwesenheit)|"
    r"r[eé]ponse automatique|absence du bureau|respuesta autom[aá]tica|fuera de (?:la )?oficina|risposta automatica|"
    r"fuori sede|resposta autom[aá]tica|automatisch antwoord|afwezig\w*|autosvar|frånvaro|automatisk (?:svar|sv)|"
    r"odpowied[zź] automatyczna|automatyczna odpowied[zź]|poza biurem|automatick\w+ odpov\w+|автоответ|"
    r"自動(?:応答|返信)|自动(?:回复|答复)|poissa)"
)
_ACKNOWLEDGEMENT = re2.compile(
    r"(?i)\b(?:we have received your (?:request|e?-?mail|message|report|ticket)|(?:thank you for|thanks for) "
    r"(?:contacting|your (?:e?-?mail|report|message))|ticket (?:received|created|opened|has been (?:received|created|"
    r"opened))|(?:mailbox|address|inbox) is (?:not monitored|unmonitored|no longer)|this is an automat(?:ic|ed) "
    r"(?:response|reply|acknowledge?ment)|confirm your message|to deliver it, click)\b"
)
_ANSWER_SUBJECT = re2.compile(
    r"(?i)^(?:\[[^\]]{0,60}\] ?)?(?:re|aw|sv|antw|rif|odp|vs|ynt|回复|答复|antwort|res|r)(?:\[\d{1,3}\])? ?[::]"
)
_TICKET_TAG = re2.compile(r"(?i)\[[^\]]{0,40}(?:#|ticket|abuse|case)[^\]]{0,20}[A-Z0-9]{4,}[^\]]{0,20}\]")
_TICKET_LOCAL = re2.compile(r"(?i)([a-z0-9_-]+)\+[a-z0-9]{4,32}(?:\.[a-z0-9_-]{1,80}){0,3}")
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


def of_headers(message: Message, context: ParserContext) -> Verdict | None:
    """The kind that the mail's own marks say, before anything is searched in its text; None when it may be a complaint.

    Order: bounce, read receipt, auto-reply, answer to a ticket.
    """
    return _bounce(message) or _receipt(message) or _auto_reply(message) or _answer(message, context)


def of_content(message: Message, items: Sequence[ParsedItem]) -> Verdict:
    """The kind of a mail without such marks: newsletter, spam, complaint or something else."""
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
    if items:
        named = "the text names addresses, URLs or names"
        return MailKind.ABUSE_REPORT, named if word is None else f"{named} and speaks of {word!r}"
    if word is not None:
        return MailKind.ABUSE_REPORT, f"the text speaks of {word!r}"
    return MailKind.OTHER, "it names nothing and speaks of no abuse"


def is_ticket_address(address: str, context: ParserContext) -> bool:
    """Whether an address has the form of the desk's own reply addresses; the ticket need not exist."""
    local, _, domain = address.rpartition("@")
    match = _TICKET_LOCAL.fullmatch(local)
    if match is None or match.group(1).lower() != context.ticket_mailbox.lower():
        return False
    return not context.ticket_domains or domain.lower() in (name.lower() for name in context.ticket_domains)


def ticket_addresses(headers: Headers, context: ParserContext) -> list[str]:
    """Every ticket address the mail was sent to, also where only the envelope shows it."""
    names = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
    found = [a for name in names for value in headers.get_all(name)[:20] for a in header.addresses(value)]
    return [address for address in dict.fromkeys(found) if is_ticket_address(address, context)]


def _bounce(message: Message) -> Verdict | None:
    root = message.root
    if root.content_type == "multipart/report" and root.parameters.get("report-type", "").lower() == "delivery-status":
        return MailKind.BOUNCE, "it is a delivery status notification (RFC 3464)"
    if any(
        part.content_type in ("message/delivery-status", "message/global-delivery-status") for part in root.children
    ):
        return MailKind.BOUNCE, "it carries a delivery status part (RFC 3464)"
    sender = provider(message.headers)
    subject = message.subject
    if "x-failed-recipients" in message.headers:
        return MailKind.BOUNCE, "it has X-Failed-Recipients"
    is_null = message.headers.get("return-path").strip() == "<>"
    has_returned = bool(message.inner) or root.content_type == "multipart/report"
    if is_null and has_returned and _UNDELIVERABLE.search(message.body[:20_000]):
        return MailKind.BOUNCE, "a null sender returns a message"
    if _BOUNCE_SUBJECT.search(subject[:300]) and (_DAEMON.search(sender) or is_null or _names_undeliverable(message)):
        return MailKind.BOUNCE, f"{'a null sender' if is_null else sender} says {subject[:60]!r}"
    # a postmaster may complain, with a null sender too: then the text must say what was not delivered
    if _DAEMON.search(sender) and (_names_undeliverable(message) or (is_null and sender.startswith("mailer-daemon"))):
        return MailKind.BOUNCE, f"{sender} returns a message"
    return None


def _names_undeliverable(message: Message) -> bool:
    text = message.body[:20_000]
    return _UNDELIVERABLE.search(text) is not None or _SMTP_CODE.search(text) is not None


def _receipt(message: Message) -> Verdict | None:
    root = message.root
    if root.parameters.get("report-type", "").lower() == "disposition-notification":
        return MailKind.MDN, "it is a disposition notification (RFC 8098)"
    if any(part.content_type == "message/disposition-notification" for part in root.walk()):
        return MailKind.MDN, "it carries a disposition notification part (RFC 8098)"
    return None


def _auto_reply(message: Message) -> Verdict | None:
    headers = message.headers
    subject = message.subject[:300]
    auto = headers.get("auto-submitted").lower().partition(";")[0].strip()
    if auto == "auto-replied":
        return MailKind.AUTO_REPLY, "Auto-Submitted is auto-replied (RFC 3834)"
    for name in (
        "x-autoreply",
        "x-autorespond",
        "x-autoresponder",
        "x-auto-reply",
        "x-auto-reply-from",
        "x-mail-autoreply",
    ):
        if headers.get(name).lower() not in ("", "no"):
            return MailKind.AUTO_REPLY, f"it has {name.title()}"
    precedence = headers.get("precedence").lower()
    if precedence in ("auto_reply", "auto-reply"):
        return MailKind.AUTO_REPLY, f"Precedence is {precedence}"
    if _AUTO_SUBJECT.search(subject):
        return MailKind.AUTO_REPLY, f"the subject is that of an automatic reply: {subject[:60]!r}"
    is_generated = auto not in ("", "no") or precedence in ("bulk", "junk") or "x-auto-response-suppress" in headers
    answers = _ANSWER_SUBJECT.search(subject) is not None or "in-reply-to" in headers
    # ticket systems of reporters mark their complaints as generated and as answers too: the words must say it
    if _ACKNOWLEDGEMENT.search(subject) or (is_generated and answers and _ACKNOWLEDGEMENT.search(message.body[:1_000])):
        return MailKind.AUTO_REPLY, "a machine acknowledges the receipt of a mail"
    return None


def _answer(message: Message, context: ParserContext) -> Verdict | None:
    found = ticket_addresses(message.headers, context)
    if found:
        return MailKind.REPLY_TO_TICKET, f"it was sent to the ticket address {found[0]}"
    own = [
        identifier
        for name in ("in-reply-to", "references")
        for identifier in message.headers.get(name).lower().split()
        if identifier.strip("<>").rpartition("@")[2] in {domain.lower() for domain in context.ticket_domains}
    ]
    if own:
        return MailKind.REPLY_TO_TICKET, f"it answers our message {own[0][:100]}"
    subject = message.subject[:300]
    if context.ticket_domains or not _ANSWER_SUBJECT.search(subject) or not _TICKET_TAG.search(subject):
        # a reporter's own tag looks the same, so a desk that names its domains is not guessed about
        return None
    if "in-reply-to" in message.headers or "references" in message.headers or free_text.quotes_a_mail(message):
        return MailKind.REPLY_TO_TICKET, f"it answers a mail about a ticket: {subject[:60]!r}"
    return None


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
