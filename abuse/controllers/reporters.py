"""Which reporters are written to by machine, and about what: one gate for all that the desk says to them by itself."""

from __future__ import annotations

from enum import StrEnum

from abuse.config import current
from abuse.models import Provider, Report
from abuse.models.tags import NEVER_AUTO_ACK
from abuse.parsers.robots import is_robot_mailbox
from abuse.services.email.addresses import is_address, is_own_address


class ReporterMail(StrEnum):
    """The kinds of mail that can be switched: in MAIL.reporters, and for each reporter."""

    ACKNOWLEDGE = "acknowledge"
    ALREADY_KNOWN = "already_known"
    QUESTION = "question"
    OUTCOME = "outcome"
    MISROUTED = "misrouted"


def wanted(provider: Provider, mail: ReporterMail) -> bool:
    """Whether a reporter is to get a kind of mail: as his row says, else as the setting does.

    The tag `never_auto_ack` means that he gets none at all.
    """
    if any(tag.codename == NEVER_AUTO_ACK for tag in provider.tags.all()):
        return False
    own: bool | None = getattr(provider, f"mail_{mail}")
    return own if own is not None else bool(getattr(current().MAIL.reporters, mail))


def why_not_told(report: Report, mail: ReporterMail) -> str:
    """Why the sender of a report must not get a mail by machine, in words; empty when he may (RFC 3834 section 2).

    Never: machines, lists, addresses that nobody reads or that are the desk's own, and senders shown to be forged: the
    answer would go to somebody who never wrote.
    """
    return why_unreachable(report) if wanted(report.provider, mail) else "he wants none"


def why_unreachable(report: Report) -> str:
    """Why the sender of a report would not read a mail, or somebody else would; empty when he would."""
    provider = report.provider
    if report.no_answer_reason:
        return report.no_answer_reason
    if report.authentication == "fail":
        return "the sender was shown to be forged"
    if is_robot_mailbox(provider.email) or not is_address(provider.email):
        return "nobody reads the address"
    if is_own_address(provider.email, current().MAIL.ticket_domain):
        return "the desk would talk to itself"
    return ""


def may_be_told(report: Report, mail: ReporterMail) -> bool:
    """Whether the sender of a report may be sent a kind of mail by machine."""
    return not why_not_told(report, mail)
