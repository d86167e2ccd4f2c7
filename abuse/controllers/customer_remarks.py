"""Remarks of operators on customers."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from abuse.models import Comment, Defendant, DefendantComment, User

from .comment_texts import checked_comment, own_comment


@transaction.atomic
def add_remark(defendant: Defendant, text: str, *, actor: User) -> DefendantComment:
    """Remark on a customer.

    :raises Refused: for an empty or too long text.
    """
    comment = Comment.create(user=actor, comment=checked_comment(text), date=timezone.now())
    return DefendantComment.create(defendant=defendant, comment=comment)


@transaction.atomic
def change_remark(row: DefendantComment, text: str, *, actor: User) -> None:
    """Change one's own remark; it keeps its date.

    :raises NotAllowed: for somebody else's remark.
    :raises Refused: for an empty or too long text.
    """
    clean, comment = checked_comment(text), own_comment(row.comment_id, actor)
    if comment.comment != clean:
        Comment.filter(pk=comment.pk).update(comment=clean, edited_at=timezone.now())


@transaction.atomic
def delete_remark(row: DefendantComment, *, actor: User) -> None:
    """Take back one's own remark.

    :raises NotAllowed: for somebody else's remark.
    """
    comment = own_comment(row.comment_id, actor)
    row.delete()
    comment.delete()
