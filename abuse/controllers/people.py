"""Changing who may what: roles, profiles in categories, and who is here at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from abuse.models import AbusePermission, Category, History, Operator, Profile, Role, Ticket, TicketStatus, User

from . import second_factor, tokens
from .accounts import AccountError, new_user
from .roles import administrators

_CANNOT_WORK = "no profile in the category any more that works on it"


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to become of an account; None leaves a part as it is. `profiles`: all of them, name by category."""

    username: str | None = None
    email: str | None = None
    role: str | None = None
    is_superuser: bool | None = None
    is_active: bool | None = None
    profiles: Mapping[str, str] | None = None


@transaction.atomic
def add_user(password: str | None, wanted: Changes, *, actor: User) -> User:
    """Make an operator. Without a password he can log in by single sign-on alone.

    :raises AccountError: naming the value that is wrong; nothing was changed then.
    """
    if not wanted.username or wanted.role is None:
        raise AccountError("username, role: missing; expected both")
    user = new_user(wanted.username, password, email=wanted.email or "")
    give_role(user, wanted.role)
    change_user(user, wanted, actor=actor)
    return user


@transaction.atomic
def change_user(user: User, changes: Changes, *, actor: User) -> None:
    """Change an account in one go. Tickets in categories that he has no profile in any more become nobody's.

    :raises AccountError: naming the value that is wrong; nothing was changed then.
    """
    # One at a time: two administrators must not take away each other's rights at once.
    Role.filter(codename=Role.ADMIN).select_for_update(no_key=True).first()
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    ran_the_desk = administrators().filter(pk=user.pk).exists()
    _check_account(user, changes, actor)
    for name, value in (
        ("username", changes.username and User.normalize_username(changes.username)),
        ("email", changes.email),
        ("is_superuser", changes.is_superuser),
        ("is_active", changes.is_active),
    ):
        if value is not None:
            setattr(user, name, value)
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        faults = (f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())
        raise AccountError("; ".join(faults)) from None
    user.save(update_fields=["username", "email", "is_superuser", "is_active"])
    if changes.role is not None:
        give_role(user, changes.role)
    if changes.profiles is not None:
        replace_profiles(user, changes.profiles, actor=actor)
    elif changes.is_superuser is False:
        present = AbusePermission.filter(user=user).values_list("category", "profile__name")
        _leave_tickets(user, dict(present), actor=actor, reason=_CANNOT_WORK)
    if not user.is_active:
        tokens.revoke_all(user)
        _leave_tickets(user, None, actor=actor, reason="the user left")
    if ran_the_desk and not administrators().exists():
        raise AccountError(f"role: {user.username!r} is the last administrator; expected that another is there first")


def give_role(user: User, codename: str) -> None:
    """Make a user an operator of a role.

    :raises AccountError: for an unknown role.
    """
    role = Role.filter(codename=codename).first()
    if role is None:
        known = ", ".join(sorted(Role.all().values_list("codename", flat=True)))
        raise AccountError(f"role: {codename!r} is unknown; expected {known}")
    Operator.objects.update_or_create(user=user, defaults={"role": role})


@transaction.atomic
def replace_profiles(user: User, wanted: Mapping[str, str], *, actor: User) -> None:
    """Give a user these profiles, by category, and no others; tickets that he cannot work on any more become
    nobody's.

    :raises AccountError: for an unknown category or profile.
    """
    profiles = {profile.name: profile for profile in Profile.all()}
    categories = set(Category.all().values_list("name", flat=True))
    for category, profile in wanted.items():
        if category not in categories:
            raise AccountError(f"profiles.category: {category!r} is unknown; expected {_listed(categories)}")
        if profile not in profiles:
            raise AccountError(f"profiles.profile: {profile!r} is unknown; expected {_listed(set(profiles))}")
    AbusePermission.filter(user=user).exclude(category__in=wanted).delete()
    AbusePermission.objects.bulk_create(
        [
            AbusePermission(user=user, category_id=category, profile=profiles[name])
            for category, name in sorted(wanted.items())
        ],
        update_conflicts=True, unique_fields=["user", "category"], update_fields=["profile"],
    )  # fmt: skip
    if not user.is_superuser:
        _leave_tickets(user, wanted, actor=actor, reason=_CANNOT_WORK)


@transaction.atomic
def deactivate(user: User, *, actor: User) -> None:
    """Take a user out: no login, no token, no ticket, no profile. The row stays, for it stands under history.

    :raises AccountError: for the robot and for oneself.
    """
    change_user(user, Changes(is_active=False, profiles={}), actor=actor)
    second_factor.disable(user)


def _check_account(user: User, changes: Changes, actor: User) -> None:
    if user.is_robot:
        raise AccountError(f"name: {user.username!r} is the robot, which nobody changes")
    if user.pk == actor.pk and changes.is_active is False:
        raise AccountError("isActive: false; nobody can take himself out")
    rights = {"isSuperuser": (changes.is_superuser, user.is_superuser)}
    for name, (wanted, present) in rights.items():
        if wanted is not None and wanted != present and not actor.is_superuser:
            raise AccountError(f"{name}: {wanted}; only a superuser makes and unmakes superusers")
    if user.is_superuser and not actor.is_superuser:
        raise AccountError(f"name: {user.username!r} is a superuser, whom only superusers change")


def _leave_tickets(user: User, profiles: Mapping[str, str] | None, *, actor: User, reason: str) -> None:
    """Open tickets of a user on which he cannot work with some profiles become nobody's, with history; None: all."""
    lost = Ticket.filter(treated_by=user).exclude(status=TicketStatus.CLOSED)
    if profiles is not None:
        works = [category for category, profile in profiles.items() if profile != Profile.Name.READ_ONLY]
        expert = [category for category, profile in profiles.items() if profile == Profile.Name.EXPERT]
        lost = lost.exclude(Q(category__in=expert) | Q(category__in=works, confidential=False))
    rows = list(lost.select_for_update(no_key=True).order_by("pk").values_list("pk", "status"))
    Ticket.filter(pk__in=[pk for pk, _ in rows]).update(treated_by=None, version=F("version") + 1)
    now = timezone.now()
    History.objects.bulk_create(
        [
            History(
                ticket_id=pk,
                user=actor,
                action_type=History.Type.CHANGE_TREATED_BY,
                field="treated_by",
                old=user.username,
                new=None,
                refs={"reason": reason},
                ticket_status=status,
                date=now,
            )
            for pk, status in rows
        ]
    )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
