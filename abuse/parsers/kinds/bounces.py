"""Mails that mail servers return: delivery status notifications (RFC 3464), and what servers send that know no such."""

from __future__ import annotations

import re2

from ..message import Message, provider
from ..values import MailKind
from .verdict import Verdict

MAX_TEXT = 20_000
"""Characters of a text in which a server says what it returns."""

_DAEMON = re2.compile(
    r"(?i)^(?:mailer-daemon|post_?master|mail[._-]?daemon|mailerdaemon|bounces?|mdaemon|double-bounce|"
    r"microsoftexchange|"
    r"mail[._-]delivery[._-](?:sub)?system)"
)
_SUBJECT = re2.compile(
    r"(?i)^(?:(?:re|fwd?): ?)?\W*(?:undeliver(?:ed|able)|unzustellbar|non[ -]?remis|(?:mail )?deliver(?:y|ing)[: ]+"
    r"(?:status )?(?:notification|fail|problem|error|report|to the following)|"
    r"delivery (?:has |have )?(?:failed|failure|status|unsuccessful|incomplete)|"
    r"returned mail|mail (?:delivery|system|could not be delivered)|message (?:undeliverable|"
    r"could not be delivered|delivery|not delivered)|failure notice|mail failure|failed mail|non-?delivery|dsn:|"
    r"nondeliverable|warning: (?:could not send message|message)|delayed mail|returning message|"
    r"error sending message|user unknown|rejected mail|nicht zustellbar|zustellung fehlgeschlagen|"
    r"zustellungsfehler|mail nicht zustellbar|échec de (?:la )?(?:remise|distribution|livraison)|"
    r"avis de non|rapport de non|notification d'échec|mensaje no entregado|no se (?:pudo|ha podido) entregar|"
    r"notificación de (?:error|estado)|error de entrega|não entregue|não foi possível|falha na entrega|"
    r"mancato recapito|consegna (?:fallita|non riuscita)|recapito non riuscito|onbestelbaar|niet bezorgd|"
    r"erreur|olevererbar|leveransfel|kan ikke leveres|uleveret|toimitus epäonnistui|niedostarczon|"
    r"nie dostarczono|zwrot poczty|nedoručiteln|nelze doručit|kézbesíthetetlen|teslim edilemedi|"
    r"недоставлен|не доставлен|сообщение не доставлено|配信不能|配信に失敗|配信できません|退信|无法投递|未送达|"
    r"전송 실패|반송)"
)
_UNDELIVERABLE = re2.compile(
    r"(?i)(?:could not be delivered|undeliverable|delivery (?:to the following|failed|has failed|failure)|user unknown|"
    r"returned (?:to you|message)|permanent (?:fatal )?error|did not reach|mailbox (?:is )?(?:full|unavailable)|"
    r"over quota|unable to deliver|couldn't be delivered|not able to deliver|host unknown|unrouteable|"
    r"was not delivered|no such (?:user|mailbox|person)|transcript of session|"
    r"nicht zugestellt werden|empfänger unbekannt|n'a pas (?:pu être|été) (?:remis|délivré|distribué)|"
    r"no (?:se pudo|ha podido|pudo) (?:ser )?entrega|non è stato (?:possibile )?(?:consegna|recapita)|"
    r"não p[ôo]de ser entregue|kon niet worden (?:afgeleverd|bezorgd)|kunde inte levereras|kunne ikke leveres|"
    r"ei voitu toimittaa|nie (?:mogła|mógł|może|została?) (?:zostać |być )?dostarczon|nebyla doručena|"
    r"teslim edilemedi|не (?:может быть|удалось|было|была) доставлен|配信できません|届けることができません|"
    r"无法投递|未能送达)"
)
# 5.1.1, but neither an address that begins so nor a part of a longer number
_SMTP_CODE = re2.compile(r"(?:^|[^\d.])(?:55[0-4][ -]|[45]\.[0-7]\.\d{1,3}(?:[^\d.]|\.\D|\.?$))")
_LIST_MANAGER = re2.compile(
    r"(?i)^(?:majordomo|listserv|listproc|sympa|ezmlm|fml)\b|-(?:owner|request|admin|bounces|help)@|^owner-"
)
_LIST_REFUSAL = re2.compile(
    r"(?i)(?:(?:are|is) not (?:a )?(?:member|subscribe[rd])|not (?:allowed|permitted|authorized) to post|loop alert|"
    r"restricted to members|awaits moderator approval)"
)


def of_bounce(message: Message) -> Verdict | None:
    """A bounce, by its form, its sender and its words; None for anything that a person may have sent."""
    return _by_form(message) or _by_words(message) or _of_list_manager(message)


def _by_form(message: Message) -> Verdict | None:
    root = message.root
    if root.content_type == "multipart/report" and root.parameters.get("report-type", "").lower() == "delivery-status":
        return MailKind.BOUNCE, "it is a delivery status notification (RFC 3464)"
    if any(
        part.content_type in ("message/delivery-status", "message/global-delivery-status") for part in root.children
    ):
        return MailKind.BOUNCE, "it carries a delivery status part (RFC 3464)"
    for name in ("x-failed-recipients", "x-ms-exchange-message-is-ndr"):
        if name in message.headers:
            return MailKind.BOUNCE, f"it has {name.title()}"
    return None


def _by_words(message: Message) -> Verdict | None:
    sender = provider(message.headers)
    subject = message.subject[:300]
    text = message.body[:MAX_TEXT]
    is_null = message.headers.get("return-path").strip() == "<>" or message.headers.get("from").strip() == "<>"
    has_returned = bool(message.inner) or message.root.content_type == "multipart/report"
    if is_null and has_returned and _UNDELIVERABLE.search(text):
        return MailKind.BOUNCE, "a null sender returns a message"
    is_daemon = _DAEMON.search(sender) is not None
    is_returned = _SUBJECT.search(subject) is not None
    if not is_daemon and not is_returned:
        return None
    says_so = _UNDELIVERABLE.search(text) is not None or _SMTP_CODE.search(text) is not None
    if is_returned and (is_daemon or is_null or says_so):
        return MailKind.BOUNCE, f"{'a null sender' if is_null else sender} says {subject[:60]!r}"
    # a postmaster may complain, with a null sender too: then the text must say what was not delivered
    if is_daemon and (says_so or (is_null and sender.startswith("mailer-daemon"))):
        return MailKind.BOUNCE, f"{sender} returns a message"
    return None


def _of_list_manager(message: Message) -> Verdict | None:
    """What a mailing list's program says about a post that it did not take."""
    is_manager = "x-mlserver" in message.headers or "x-list-administrivia" in message.headers
    if not is_manager and not _LIST_MANAGER.search(provider(message.headers)):
        return None
    refusal = _LIST_REFUSAL.search(f"{message.subject[:300]}\n{message.body[:2_000]}")
    if refusal is None:
        return None
    return MailKind.BOUNCE, f"a mailing list did not take a mail ({refusal.group()!r})"
