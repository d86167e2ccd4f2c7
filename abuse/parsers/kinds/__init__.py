"""What a mail is for, by its marks: bounces, receipts, auto-replies, answers and newsletters are no complaints.

Each module reads one group of kinds and says why, in words for people. To add a kind: a module with a function from a
message to a `Verdict` or None, called here in its place.
"""

from __future__ import annotations

from ..context import ParserContext
from ..message import Message
from .answers import is_ticket_address, of_answer, ticket_addresses
from .automatic import of_automatic_reply, of_receipt
from .bounces import of_bounce
from .mailings import of_content
from .statements import of_statement
from .verdict import Verdict

__all__ = ["Verdict", "is_ticket_address", "of_content", "of_marks", "ticket_addresses"]


def of_marks(message: Message, context: ParserContext) -> Verdict | None:
    """The kind that the mail's own marks say, before its text is searched for anything; None for a likely complaint.

    Order: bounce, read receipt, auto-reply, answer to a ticket, then what authorities, customers and reporters state.
    """
    return (
        of_bounce(message)
        or of_receipt(message)
        or of_automatic_reply(message)
        or of_answer(message, context)
        or of_statement(message)
    )
