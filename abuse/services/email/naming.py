"""Which of the desk's own mails a received one names: by its Message-ID, or by the address that it came back to."""

from __future__ import annotations

from dataclasses import dataclass

from abuse.config.mail import Mail
from abuse.parsers import header
from abuse.parsers.values import ParsedEmail

from .addresses import read_bounce_address

MAX_NAMED = 40
"""Identifiers of a mail that are looked up, the first and the last."""
_ENVELOPE = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to")


@dataclass(frozen=True, slots=True)
class Named:
    """`numbers`: ids of mails whose bounce address it came to. `message_ids`: with brackets, the likeliest first."""

    numbers: tuple[int, ...]
    message_ids: tuple[str, ...]


def named_in(mail: ParsedEmail, settings: Mail) -> Named:
    """What a mail names of ours. It may be none of ours all the same: the rows say it."""
    return Named(_numbers(mail, settings), _identifiers(mail, settings.ticket_domain))


def _numbers(mail: ParsedEmail, settings: Mail) -> tuple[int, ...]:
    mailbox = settings.bounce_mailbox
    if mailbox is None:
        return ()
    addresses = [*mail.recipients]
    for name, value in mail.headers:
        if name.lower() in _ENVELOPE:
            addresses += header.addresses(value)
    found = (read_bounce_address(address, mailbox) for address in dict.fromkeys(addresses))
    return tuple(number for number in found if number is not None)


def _identifiers(mail: ParsedEmail, domain: str) -> tuple[str, ...]:
    returned = mail.returned.message_ids if mail.returned else ()
    # The newest of a thread stands last in References (RFC 5322 section 3.6.4).
    named = [*returned, *mail.in_reply_to, *reversed(mail.references)]
    ours = [one for one in dict.fromkeys(named) if one.rpartition("@")[2].lower() == domain.lower()]
    chosen = ours if len(ours) <= MAX_NAMED else ours[: MAX_NAMED // 2] + ours[-MAX_NAMED // 2 :]
    return tuple(f"<{one}>" for one in chosen)
