"""The rules: who has which right on what. Deny by default: a right without a rule, or an object of a kind that a rule
does not know, is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from abuse.models import Category, Comment, Defendant, News, Profile, Report, Ticket

from .actors import RANK, Actor
from .decisions import ALLOWED, Decision, forbidden, unknown
from .rights import Right

_BEGINNER, _ADVANCED, _EXPERT = RANK[Profile.Name.BEGINNER], RANK[Profile.Name.ADVANCED], RANK[Profile.Name.EXPERT]
_NAMES = {rank: name for name, rank in RANK.items()}
_Rule = Callable[[Actor, object], Decision]


def may(actor: Actor, right: Right, about: object = None) -> Decision:
    """Whether somebody has a right; on an object, for rights that are about one.

    The scopes of his token and the routes of his role are asked for at the door, not here.
    """
    if not actor.user.is_active and not actor.is_robot:
        return forbidden("Your account is not active")
    rule = _RULES.get(right)
    if rule is None:
        return forbidden(f"Nobody may {right}")
    return rule(actor, about)


def _everybody(actor: Actor, about: object) -> Decision:
    return ALLOWED


def _with_role(actor: Actor, about: object) -> Decision:
    if actor.role is None and not actor.is_superuser and not actor.is_robot:
        return forbidden("You have no role at this desk")
    return ALLOWED


def _at_least_somewhere(actor: Actor, about: object) -> Decision:
    if actor.highest_rank < _BEGINNER:
        return forbidden("You may only read: this needs the profile Beginner or better in some category")
    return _with_role(actor, about)


def _administer(actor: Actor, about: object) -> Decision:
    return ALLOWED if actor.is_admin else forbidden("This is for the role admin")


def _see_record(actor: Actor, about: object) -> Decision:
    section = actor.role.authorizations.get("audit") if actor.role else None
    if actor.is_admin or (isinstance(section, dict) and section.get("read") is True):
        return ALLOWED
    return forbidden("Your role does not let you read the record")


def _see_all(actor: Actor, about: object) -> Decision:
    experts = [name for name in actor.sight.profiles if actor.rank_in(name) >= _EXPERT]
    if actor.sight.sees_all or not Category.exclude(name__in=experts).exists():
        return ALLOWED
    return forbidden("This shows reports of all categories: it needs the profile Expert in each")


def _see_ticket(actor: Actor, about: object) -> Decision:
    if not isinstance(about, Ticket):
        return _not_about(about)
    if actor.sight.may_see_ticket(about):
        return ALLOWED
    if about.confidential:
        # Whoever may not open it must not learn that there is one.
        return unknown(f"ticket {about.pk}")
    return forbidden(f"Your profiles do not cover {about.category_id}, the category of ticket {about.pk}")


def _see_report(actor: Actor, about: object) -> Decision:
    if not isinstance(about, Report):
        return _not_about(about)
    if actor.sight.may_see_report(about):
        return ALLOWED
    return forbidden(f"You have no profile in {about.category_id}, the category of report {about.pk}")


def _write_ticket(actor: Actor, about: object) -> Decision:
    return _above_reading(_see_ticket, _BEGINNER, actor, about)


def _write_report(actor: Actor, about: object) -> Decision:
    """Of a report in a ticket only who may see that: what is written on it changes the ticket, or closes it."""
    written = _above_reading(_see_report, _BEGINNER, actor, about)
    if written and isinstance(about, Report) and about.ticket_id is not None and not actor.sight.sees_all:
        return ALLOWED if _see_ticket(actor, about.ticket) else forbidden(f"Report {about.pk} is in a ticket of others")
    return written


def _escalate(actor: Actor, about: object) -> Decision:
    return _above_reading(_see_ticket, _ADVANCED, actor, about)


def _above_reading(see: _Rule, rank: int, actor: Actor, about: object) -> Decision:
    """Seen, and more: the rank in the category of the object."""
    seen = see(actor, about)
    if not seen:
        return seen
    assert isinstance(about, Ticket | Report)  # noqa: S101 - or it had not been seen
    return _ranked(actor, about.category_id, rank)


def _ranked(actor: Actor, category: str, rank: int) -> Decision:
    own = actor.rank_in(category)
    if own >= rank:
        return ALLOWED
    have = f"your profile in {category} is {_NAMES[own]}" if own >= 0 else f"you have no profile in {category}"
    return forbidden(f"This needs the profile {_NAMES[rank]} or better; {have}")


def _see_evidence(actor: Actor, about: object) -> Decision:
    return _see_ticket(actor, about) if isinstance(about, Ticket) else _see_report(actor, about)


def _see_customer(actor: Actor, about: object) -> Decision:
    if about is not None and not isinstance(about, Defendant):
        return _not_about(about)
    if actor.highest_rank < 0:
        return forbidden("You have no profile in any category")
    return _with_role(actor, about)


def _write_customer(actor: Actor, about: object) -> Decision:
    seen = _see_customer(actor, about)
    return _at_least_somewhere(actor, about) if seen else seen


def _contact_many(actor: Actor, about: object) -> Decision:
    """Without a category: whether in any."""
    if about is None:
        in_any = actor.highest_rank >= _ADVANCED
        return ALLOWED if in_any else forbidden("This needs the profile Advanced or better in some category")
    return _ranked(actor, about.pk, _ADVANCED) if isinstance(about, Category) else _not_about(about)


def _edit_comment(actor: Actor, about: object) -> Decision:
    if not isinstance(about, Comment):
        return _not_about(about)
    return ALLOWED if about.user_id == actor.user.pk else forbidden("Only its author may change a comment")


def _edit_news(actor: Actor, about: object) -> Decision:
    if not isinstance(about, News):
        return _not_about(about)
    if actor.is_superuser or about.author_id == actor.user.pk:
        return ALLOWED
    return forbidden("Only their author and superusers may change news")


def _not_about(about: object) -> Decision:
    return forbidden(f"Nobody has this right on a {type(about).__name__}")


_RULES: Mapping[Right, _Rule] = {
    Right.PUBLIC: _everybody,
    Right.SELF: _everybody,
    Right.ACCOUNT: _everybody,
    Right.LOOK: _with_role,
    Right.WORK: _at_least_somewhere,
    Right.SUBMIT: _with_role,
    Right.SEE_ALL: _see_all,
    Right.SEE_RECORD: _see_record,
    Right.ADMINISTER: _administer,
    Right.SEE_TICKET: _see_ticket,
    Right.WRITE_TICKET: _write_ticket,
    Right.ESCALATE: _escalate,
    Right.SEE_REPORT: _see_report,
    Right.WRITE_REPORT: _write_report,
    Right.SEE_EVIDENCE: _see_evidence,
    Right.SEE_CUSTOMER: _see_customer,
    Right.WRITE_CUSTOMER: _write_customer,
    Right.CONTACT_MANY: _contact_many,
    Right.EDIT_COMMENT: _edit_comment,
    Right.EDIT_NEWS: _edit_news,
}
OBJECT_RIGHTS = frozenset(
    {
        Right.SEE_TICKET, Right.WRITE_TICKET, Right.ESCALATE, Right.SEE_REPORT, Right.WRITE_REPORT,
        Right.SEE_EVIDENCE, Right.EDIT_COMMENT, Right.EDIT_NEWS,
    }
)  # fmt: skip
"""Those that mean nothing without an object: the handler asks for them, the door cannot."""
