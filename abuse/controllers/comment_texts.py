"""Whose a remark is and how long one may be, whatever it is about."""

from __future__ import annotations

from abuse.models import Comment, User

from .editing import NotAllowed, Refused

MAX_COMMENT = 65_535
"""In characters."""


def checked_comment(text: str) -> str:
    """The text without blanks around it.

    :raises Refused: for an empty or too long text.
    """
    clean = text.strip()
    if not 1 <= len(clean) <= MAX_COMMENT:
        raise Refused(f"comment: {len(clean)} characters; expected 1 to {MAX_COMMENT}")
    return clean


def own_comment(comment_id: int, actor: User) -> Comment:
    """One's own remark, locked until the transaction ends.

    :raises NotAllowed: for somebody else's.
    """
    comment = Comment.objects.select_for_update(of=("self",)).select_related("user").get(pk=comment_id)
    if comment.user_id != actor.pk:
        raise NotAllowed(f"comment {comment.pk} is {comment.user}'s: only its author may change it")
    return comment
