"""Remarks of operators on customers."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from abuse.models import Comment, Defendant, DefendantComment, User

from .annotations import MAX_COMMENT
from .editing import NotAllowed, Refused


@transaction.atomic
def add_remark(defendant: Defendant, text: str, *, actor: User) -> DefendantComment:
    """Remark on a customer.

    :raises Refused: for an empty or too long text.
    """
    comment = Comment.create(user=actor, comment=_checked(text), date=timezone.now())
    return DefendantComment.create(defendant=defendant, comment=comment)


@transaction.atomic
def change_remark(row: DefendantComment, text: str, *, actor: User) -> None:
    """Change one's own remark; it keeps its date.

    :raises NotAllowed: for somebody else's remark.
    :raises Refused: for an empty or too long text.
    """
    clean, comment = _checked(text), _own(row, actor)
    if comment.comment != clean:
        Comment.filter(pk=comment.pk).update(comment=clean, edited_at=timezone.now())


@transaction.atomic
def delete_remark(row: DefendantComment, *, actor: User) -> None:
    """Take back one's own remark.

    :raises NotAllowed: for somebody else's remark.
    """
    comment = _own(row, actor)
    row.delete()
    comment.delete()


def _own(row: DefendantComment, actor: User) -> Comment:
    comment = Comment.objects.select_for_update(of=("self",)).select_related("user").get(pk=row.comment_id)
    if comment.user_id != actor.pk:
        raise NotAllowed(f"comment {comment.pk} is {comment.user}'s: only its author may change it")
    return comment


def _checked(text: str) -> str:
    clean = text.strip()
    if not 1 <= len(clean) <= MAX_COMMENT:
        raise Refused(f"comment: {len(clean)} characters; expected 1 to {MAX_COMMENT}")
    return clean
