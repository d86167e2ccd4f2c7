"""What people add to a ticket: remarks, stars, and changes to single proofs."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from abuse.models import Comment, History, Proof, StarredTicket, Ticket, TicketComment, User

from . import mentions
from .comment_texts import checked_comment, own_comment
from .editing import Refused, edit
from .history import record
from .proofs import scrub


@transaction.atomic
def add_comment(ticket: Ticket, text: str, *, actor: User) -> TicketComment:
    """Remark on a ticket. Who is named in it as `@name` is told.

    :raises Refused: for an empty or too long text.
    """
    clean = checked_comment(text)
    edit(ticket, actor=actor)
    comment = Comment.create(user=actor, comment=clean, date=timezone.now())
    row = TicketComment.create(ticket=ticket, comment=comment)
    record(History.Type.ADD_COMMENT, actor=actor, ticket=ticket, comment=comment.pk)
    mentions.tell_named(ticket, clean, actor=actor)
    return row


@transaction.atomic
def update_comment(row: TicketComment, text: str, *, actor: User) -> bool:
    """Change one's own remark; it keeps its date. False when it says the same.

    :raises NotAllowed: for somebody else's remark.
    :raises Refused: for an empty or too long text.
    """
    clean = checked_comment(text)
    comment = own_comment(row.comment_id, actor)
    if comment.comment == clean:
        return False
    old, comment.comment, comment.edited_at = comment.comment, clean, timezone.now()
    comment.save(update_fields=["comment", "edited_at"])
    record(History.Type.UPDATE_COMMENT, actor=actor, ticket=row.ticket, comment=comment.pk)
    mentions.tell_named(row.ticket, clean, actor=actor, before=old)
    return True


@transaction.atomic
def delete_comment(row: TicketComment, *, actor: User) -> None:
    """Take back one's own remark.

    :raises NotAllowed: for somebody else's remark.
    """
    comment = own_comment(row.comment_id, actor)
    record(History.Type.DELETE_COMMENT, actor=actor, ticket=row.ticket, comment=comment.pk)
    row.delete()
    comment.delete()


@transaction.atomic
def star(ticket: Ticket, *, actor: User) -> bool:
    """Mark a ticket for oneself; False when it was marked already. Nobody else sees it, and history does not say it."""
    return StarredTicket.get_or_create(ticket=ticket, user=actor)[1]


@transaction.atomic
def unstar(ticket: Ticket, *, actor: User) -> bool:
    """Take one's own mark off a ticket; False when there was none."""
    return StarredTicket.filter(ticket=ticket, user=actor).delete()[0] > 0


@transaction.atomic
def update_proof(proof: Proof, content: str, *, actor: User, expected_version: int | None = None) -> bool:
    """Change one proof of a ticket, addresses removed; the others stay. False when it says the same.

    :raises Refused: for an empty text.
    :raises StaleEdit: when the ticket has changed meanwhile.
    """
    clean = scrub(content).strip()
    if not clean:
        raise Refused(f"proof {proof.pk}: an empty text proves nothing")
    edit(proof.ticket, actor=actor, expected_version=expected_version)
    if proof.content == clean:
        return False
    proof.content = clean
    proof.save(update_fields=["content"])
    record(History.Type.UPDATE_PROOF, actor=actor, ticket=proof.ticket, proof=proof.pk, characters=len(clean))
    return True


@transaction.atomic
def delete_proof(proof: Proof, *, actor: User, expected_version: int | None = None) -> None:
    """Take one proof off a ticket; the others stay.

    :raises StaleEdit: when the ticket has changed meanwhile.
    """
    edit(proof.ticket, actor=actor, expected_version=expected_version)
    record(History.Type.DELETE_PROOF, actor=actor, ticket=proof.ticket, proof=proof.pk)
    proof.delete()
