"""Logging in with a name, a password and, where there is one, a second factor; guessing is slowed down."""

from __future__ import annotations

import math
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from threading import BoundedSemaphore

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from abuse.models import ApiToken, LoginAttempt, User

from . import second_factor, tokens

WINDOW = timedelta(minutes=15)
"""How long a refused login counts."""
FAILURES_PER_USER = 5
FAILURES_PER_ADDRESS = 20
NAME_LIMIT = 255
"""Characters of a name that are looked at: normalising can make it longer than what was sent."""


_hashing = BoundedSemaphore(2)
"""Checking a password takes 100 MiB and a core for a while: a flood of logins must not take all there are."""


class LoginRefused(Exception):
    """The name, the password or the code is wrong, or the account may not log in; which of these is not told."""

    def __init__(self, message: str = "Wrong name or password") -> None:
        super().__init__(message)


class CodeNeeded(Exception):
    """Name and password are right; now the code of the second factor."""

    def __init__(self) -> None:
        super().__init__("Send the code of your authenticator, too")


class TooManyAttempts(Exception):
    """Too many refused logins lately. `retry_after` is the number of seconds until the next may be tried."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"Too many failed logins; try again in {retry_after} seconds")


def log_in(
    name: str,
    password: str,
    *,
    otp: str | None = None,
    address: str | None,
    lifetime: timedelta,
    kind: ApiToken.Kind = ApiToken.Kind.LOGIN,
) -> tokens.Issued:
    """Check a name, a password and a code, and hand out a token that is valid for `lifetime`.

    A wrong name takes as long as a wrong password. `address` is where the attempt comes from, where that is known.

    :raises LoginRefused: for a wrong name, password or code and for accounts that may not log in.
    :raises CodeNeeded: when only the code is missing.
    :raises TooManyAttempts: after too many refused logins for the name or from the address; the right password, too.
    """
    attempt = _begin(name, address)
    user = User.objects.filter(username=attempt.username).first()
    with _hashing:
        if user is None:
            make_password(password)
            raise LoginRefused
        is_right = check_password(password, user.password)
    if not is_right or not user.is_active or user.is_robot:
        raise LoginRefused
    proof = ApiToken.Proof.PASSWORD
    if second_factor.is_active(user):
        if not otp:
            attempt.delete()
            raise CodeNeeded
        if not second_factor.accept(user, otp):
            raise LoginRefused("Wrong code")
        proof = ApiToken.Proof.TOTP
    with transaction.atomic():
        LoginAttempt.filter(username=attempt.username).delete()
        issued = tokens.issue(user, kind=kind, lifetime=lifetime, proof=proof, address=address)
        user.last_login = issued.row.created_at
        user.save(update_fields=["last_login"])
    return issued


def prove_password(user: User, password: str, *, address: str | None) -> None:
    """Have somebody who is logged in prove that he knows his password; failures count like those of logins.

    :raises LoginRefused: when it is wrong.
    :raises TooManyAttempts: after too many failures.
    """
    attempt = _begin(user.username, address)
    with _hashing:
        is_right = check_password(password, user.password)
    if not is_right:
        raise LoginRefused("Wrong password")
    attempt.delete()


def prove_code(user: User, code: str, *, address: str | None) -> None:
    """Have somebody who is logged in prove that he has his second factor; failures count like those of logins.

    :raises LoginRefused: when the code is wrong.
    :raises TooManyAttempts: after too many failures.
    """
    attempt = _begin(user.username, address)
    if not second_factor.accept(user, code):
        raise LoginRefused("Wrong code")
    attempt.delete()


def _begin(name: str, address: str | None) -> LoginAttempt:
    now = timezone.now()
    username = User.normalize_username(name)[:NAME_LIMIT]
    LoginAttempt.filter(date__lt=now - WINDOW).delete()
    # The attempt is on record before the password is looked at: of many that run at once, each sees the others.
    attempt = LoginAttempt.create(username=username, address=_counted(address), date=now)
    wait = _seconds_to_wait(attempt)
    if wait:
        attempt.delete()
        raise TooManyAttempts(wait)
    return attempt


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
