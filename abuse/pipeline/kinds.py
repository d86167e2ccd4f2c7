"""What becomes of a mail, by what it is for."""

from __future__ import annotations

from collections.abc import Mapping

from abuse.parsers.values import MailKind

AUTOMATIC = frozenset({MailKind.BOUNCE, MailKind.MDN, MailKind.AUTO_REPLY})
"""Written by machines about our own mail: kept with the ticket it belongs to, but it answers nothing."""

NO_COMPLAINT: Mapping[MailKind, str] = {
    MailKind.BOUNCE: "a bounce of one of our mails",
    MailKind.MDN: "a read receipt",
    MailKind.AUTO_REPLY: "an automatic reply",
    MailKind.NEWSLETTER: "a newsletter",
    MailKind.SPAM: "spam sent to the desk itself",
    MailKind.DMARC_AGGREGATE: "a DMARC aggregate report: statistics, no complaint",
    MailKind.INFORMATION: "information that asks for nothing",
}
"""Mails that become no report, and how that is said. Everything else does: what is not understood, a person sees."""

STATEMENTS = frozenset({MailKind.LEGAL_REQUEST, MailKind.COUNTER_NOTICE, MailKind.RETRACTION})
"""Mails about a case that accuse nobody, whatever they name: one report without a customer, for a person to read."""

DOUBTFUL = frozenset({MailKind.NEWSLETTER, MailKind.SPAM, MailKind.INFORMATION})
"""Kinds that are guessed from the text: a reporter we trust is given the benefit of the doubt."""


def is_complaint(kind: MailKind) -> bool:
    """Whether a mail of this kind becomes a report."""
    return kind not in NO_COMPLAINT
