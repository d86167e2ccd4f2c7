"""The rights there are. Every endpoint declares the one it needs; `rulings.py` says who has it."""

from __future__ import annotations

from enum import StrEnum

from abuse.models import TokenScope


class Right(StrEnum):
    """What may be asked for. Those with an object are asked with it; the others stand for themselves."""

    PUBLIC = "public"
    """Without a login."""
    SELF = "self"
    """See one's own account, and end one's own login. Needs no role."""
    ACCOUNT = "account"
    """Change one's own account: password, tokens, second factor. Needs no role; no personal token can do it."""
    LOOK = "look"
    """See what belongs to no category, such as tags, templates and lists that show each his own."""
    WORK = "work"
    """Write, or make the desk do, what belongs to no category: beginners and better, in any category."""
    SUBMIT = "submit"
    """Hand in reports."""
    SEE_ALL = "see all"
    """See reports of all categories: experts of every one."""
    SEE_RECORD = "see record"
    """Read who did and who read what: administrators, and roles whose authorizations say `audit: {read: true}`."""
    ADMINISTER = "administer"
    """Change what the desk works with: users, categories, rules, templates. The role `admin`, and superusers."""

    SEE_TICKET = "see ticket"
    WRITE_TICKET = "write ticket"
    ESCALATE = "escalate"
    """Set `escalated` or `moderation` of a ticket."""
    SEE_REPORT = "see report"
    WRITE_REPORT = "write report"
    SEE_EVIDENCE = "see evidence"
    """Read what was sent about a ticket or report: raw mail, bodies, attachments. On record for each reading."""
    SEE_CUSTOMER = "see customer"
    """Read a customer's data. On record for each reading."""
    WRITE_CUSTOMER = "write customer"
    """Tag and comment customers: beginners and better, in any category."""
    CONTACT_MANY = "contact many"
    """Write to the customers behind many addresses: advanced users and experts of the category."""
    EDIT_COMMENT = "edit comment"
    """Change or delete a comment: its author."""
    EDIT_NEWS = "edit news"
    """Change news: their author, and superusers."""


Scope = TokenScope
"""What a token may be used for, whatever its owner may."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
UNSCOPED = frozenset({Right.PUBLIC, Right.SELF, Right.ACCOUNT})
"""What needs no scope of a token."""
WITHOUT_ROLE = UNSCOPED
"""What needs no route of a role: nobody is kept from seeing, guarding and ending his own login."""


def scope_of(right: Right, method: str) -> Scope | None:
    """The scope that a call with this right and HTTP method needs of a token; None for none."""
    if right in UNSCOPED:
        return None
    if right is Right.SUBMIT:
        return Scope.SUBMIT
    if right in {Right.ADMINISTER, Right.SEE_RECORD}:
        return Scope.ADMIN
    return Scope.READ if method in SAFE_METHODS else Scope.WRITE
