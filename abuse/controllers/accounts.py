"""People's accounts: made, and given passwords."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from abuse.models import AbusePermission, Category, LoginAttempt, Operator, Profile, Role, User

from . import tokens


class AccountError(Exception):
    """An account cannot be made or changed as asked. The text says which value is wrong and what was expected."""


@transaction.atomic
def create_user(
    name: str,
    password: str,
    *,
    email: str = "",
    superuser: bool = False,
    role: str = "admin",
    profile: str = Profile.Name.EXPERT,
    categories: Sequence[str] | None = None,
) -> User:
    """Make an operator with one profile in the categories; `None` means in all of them.

    :raises AccountError: naming the value that is wrong.
    """
    user = new_user(name, password, email=email, superuser=superuser)
    operator_role = Role.filter(codename=role).first()
    if operator_role is None:
        raise AccountError(
            f"role: {role!r} is unknown; expected {_listed(Role.all().values_list('codename', flat=True))}"
        )
    granted = Profile.filter(name=profile).first()
    if granted is None:
        known = _listed(Profile.all().values_list("name", flat=True))
        raise AccountError(f"profile: {profile!r} is unknown; expected {known}")
    wanted = _categories(categories)
    Operator.create(user=user, role=operator_role)
    AbusePermission.objects.bulk_create(
        [AbusePermission(user=user, category=category, profile=granted) for category in wanted]
    )
    return user


@transaction.atomic
def new_user(name: str, password: str | None, *, email: str = "", superuser: bool = False) -> User:
    """A row for a person; without a password he cannot log in with one.

    :raises AccountError: naming the value that is wrong.
    """
    user = User(username=User.normalize_username(name), email=email, is_superuser=superuser)
    if user.is_robot:
        raise AccountError(f"name: {name!r} is the name of the robot; expected another")
    if User.objects.filter(username=user.username).exists():
        raise AccountError(f"name: {name!r} exists already")
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        faults = (f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())
        raise AccountError("; ".join(faults)) from None
    user.password = make_password(None) if password is None else _checked_password(password, user)
    user.save(force_insert=True)
    return user


@transaction.atomic
def set_password(user: User, password: str) -> None:
    """Give a user a new password, and take back every token that he had.

    :raises AccountError: when it is too weak, or the user is the robot.
    """
    if user.is_robot:
        raise AccountError(f"name: {user.username!r} is the robot, which never logs in")
    _store_password(user, password)
    tokens.revoke_all(user)


@transaction.atomic
def change_own_password(user: User, password: str, *, token_id: int) -> None:
    """Give oneself a new password: every other login and session is ended; personal tokens go on.

    :raises AccountError: when it is too weak.
    """
    _store_password(user, password)
    tokens.revoke_logins(user, but=token_id)


def _store_password(user: User, password: str) -> None:
    user.password = _checked_password(password, user)
    user.save(update_fields=["password"])
    LoginAttempt.filter(username=user.username).delete()


def _checked_password(password: str, user: User) -> str:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise AccountError(f"password: {' '.join(error.messages)}") from None
    return make_password(password)


def _categories(names: Sequence[str] | None) -> list[Category]:
    known = {category.name: category for category in Category.all()}
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise AccountError(f"category: {unknown[0]!r} is unknown; expected {_listed(known)}")
    return list(known.values()) if names is None else [known[name] for name in sorted(set(names))]


def _listed(names: QuerySet[Role, str] | QuerySet[Profile, str] | dict[str, Category]) -> str:
    return ", ".join(sorted(names)) or "nothing: the database is empty, run initdb first"
