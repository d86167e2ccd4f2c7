"""People's accounts: made, given passwords and permissions, logged in and out."""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from threading import BoundedSemaphore

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from abuse.models import ROBOT_NAME, AbusePermission, ApiToken, Category, LoginAttempt, Operator, Profile, Role, User

WINDOW = timedelta(minutes=15)
"""How long a refused login counts."""
FAILURES_PER_USER = 5
FAILURES_PER_ADDRESS = 20
NAME_LIMIT = 255
"""Characters of a name that are looked at: normalising can make it longer than what was sent."""
TOKEN_BYTES = 32
TOKEN_LIMIT = 128
"""Characters; anything longer is no token of ours and is not looked up."""


_hashing = BoundedSemaphore(2)
"""Checking a password takes 100 MiB and a core for a while: a flood of logins must not take all there are."""


class AccountError(Exception):
    """An account cannot be made or changed as asked. The text says which value is wrong and what was expected."""


class LoginRefused(Exception):
    """The name or the password is wrong, or the account may not log in; which of these is not told."""

    def __init__(self) -> None:
        super().__init__("Wrong name or password")


class TooManyAttempts(Exception):
    """Too many refused logins lately. `retry_after` is the number of seconds until the next may be tried."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"Too many failed logins; try again in {retry_after} seconds")


@dataclass(frozen=True, slots=True)
class Login:
    """A fresh login. `token` exists here only: the database keeps its digest."""

    token: str
    expires_at: datetime
    user: User


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
    user.password = _checked_password(password, user)
    user.save(force_insert=True)
    Operator.create(user=user, role=operator_role)
    AbusePermission.objects.bulk_create(
        [AbusePermission(user=user, category=category, profile=granted) for category in wanted]
    )
    return user


@transaction.atomic
def set_password(user: User, password: str) -> None:
    """Give a user a new password, and end every login made with the old one.

    :raises AccountError: when it is too weak, or the user is the robot.
    """
    if user.is_robot:
        raise AccountError(f"name: {user.username!r} is the robot, which never logs in")
    user.password = _checked_password(password, user)
    user.save(update_fields=["password"])
    ApiToken.filter(user=user).delete()
    LoginAttempt.filter(username=user.username).delete()


def log_in(name: str, password: str, *, address: str | None, lifetime: timedelta) -> Login:
    """Check a name and password and hand out a token that is valid for `lifetime`.

    A wrong name takes as long as a wrong password. `address` is where the attempt comes from, where that is known.

    :raises LoginRefused: for a wrong name or password and for accounts that may not log in.
    :raises TooManyAttempts: after too many refused logins for the name or from the address; the right password, too.
    """
    now = timezone.now()
    username = User.normalize_username(name)[:NAME_LIMIT]
    LoginAttempt.filter(date__lt=now - WINDOW).delete()
    # The attempt is on record before the password is looked at: of many that run at once, each sees the others.
    attempt = LoginAttempt.create(username=username, address=_counted(address), date=now)
    wait = _seconds_to_wait(attempt)
    if wait:
        attempt.delete()
        raise TooManyAttempts(wait)
    user = User.objects.filter(username=username).first()
    with _hashing:
        if user is None:
            make_password(password)
            raise LoginRefused
        is_right = check_password(password, user.password)
    if not is_right or not user.is_active or user.is_robot:
        raise LoginRefused
    token = secrets.token_urlsafe(TOKEN_BYTES)
    login = Login(token, now + lifetime, user)
    with transaction.atomic():
        LoginAttempt.filter(username=username).delete()
        ApiToken.filter(expires_at__lte=now).delete()
        ApiToken.create(user=user, digest=_digest(token), created_at=now, expires_at=login.expires_at)
        user.last_login = now
        user.save(update_fields=["last_login"])
    return login


def log_out(token: str) -> None:
    """End the login that a token stands for, and no other one."""
    ApiToken.filter(digest=_digest(token)).delete()


def user_of_token(token: str) -> User | None:
    """The user who logged in and got this token; None when it is unknown, ended or expired, or he is inactive now."""
    if not token or len(token) > TOKEN_LIMIT:
        return None
    row = (
        ApiToken.filter(digest=_digest(token), expires_at__gt=timezone.now(), user__is_active=True)
        .exclude(user__username=ROBOT_NAME)
        .select_related("user__operator__role")
        .first()
    )
    return row.user if row else None


def _digest(token: str) -> str:
    # A plain hash will do: unlike a password, the token is 256 random bits.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


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


def _counted(address: str | None) -> str | None:
    """What is counted as one address: for IPv6 the /64, which is what one customer has."""
    if address is None:
        return None
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed.packed[:8] + bytes(8), 64)).network_address)
    return str(parsed)


def _seconds_to_wait(attempt: LoginAttempt) -> int:
    """How long until an attempt may be made; 0 when it may be now."""
    others = LoginAttempt.filter(date__gte=attempt.date - WINDOW).exclude(pk=attempt.pk).order_by("-date")
    counted = [(others.filter(username=attempt.username), FAILURES_PER_USER)]
    if attempt.address:
        counted.append((others.filter(address=attempt.address), FAILURES_PER_ADDRESS))
    wait = 0
    for attempts, limit in counted:
        dates = list(attempts.values_list("date", flat=True)[:limit])
        if len(dates) == limit:
            # Free again once the oldest of these has left the window.
            wait = max(wait, math.ceil((dates[-1] + WINDOW - attempt.date).total_seconds()), 1)
    return wait
