"""Tokens: given out, shown at the door, listed and taken back. The database keeps digests only."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from abuse.models import ROBOT_NAME, ApiToken, Category, TokenScope, User

from . import token_rows

TOKEN_BYTES = 32
TOKEN_LIMIT = 128
"""Characters; anything longer is no token of ours and is not looked up."""
PERSONAL_PREFIX = "cerberus_"
"""By which programs that look for leaked secrets know one."""
MAX_PERSONAL = 50
"""Personal tokens of one user."""
USE_PRECISION = timedelta(minutes=1)
"""The last use is written this often at most."""


class TokenRefused(Exception):
    """A personal token cannot be made as asked. The text says which value is wrong and what was expected."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh token. `token` exists here only: the database keeps its digest."""

    token: str
    row: ApiToken


@dataclass(frozen=True, slots=True)
class Presented:
    """A valid token that came with a call. `route_allowed`: whether the role of its owner lists the call."""

    row: ApiToken
    route_allowed: bool


def issue(
    user: User,
    *,
    kind: ApiToken.Kind,
    lifetime: timedelta,
    proof: ApiToken.Proof = ApiToken.Proof.PASSWORD,
    address: str | None = None,
) -> Issued:
    """A token for somebody who has just proved who he is. Expired ones are thrown away by the way."""
    now = timezone.now()
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with transaction.atomic():
        ApiToken.filter(expires_at__lte=now).delete()
        row = ApiToken.create(
            user=user, digest=digest_of(token), kind=kind, proof=proof, created_at=now, expires_at=now + lifetime,
            last_address=address,
        )  # fmt: skip
    return Issued(token, row)


@transaction.atomic
def make_personal(
    user: User, name: str, *, scopes: Collection[str], categories: Sequence[str] | None, lifetime: timedelta
) -> Issued:
    """A token that a user makes for a program: named, limited to scopes and, if he likes, to categories.

    :raises TokenRefused: naming the value that is wrong.
    """
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise TokenRefused(f"name: {name[:20]!r}; expected 1 to 100 characters")
    unknown = sorted(set(scopes) - set(TokenScope.values))
    if unknown or not scopes:
        raise TokenRefused(f"scopes: {unknown or 'none'}; expected some of {', '.join(TokenScope.values)}")
    if categories is not None:
        known = set(Category.all().values_list("name", flat=True))
        if not categories or set(categories) - known:
            wrong = sorted(set(categories) - known) or "none"
            raise TokenRefused(f"categories: {wrong}; expected some of {', '.join(sorted(known))}")
    User.objects.select_for_update().get(pk=user.pk)  # two at once must not pass the limit together
    own = ApiToken.filter(user=user, kind=ApiToken.Kind.PERSONAL, expires_at__gt=timezone.now())
    if own.filter(name=name).exists():
        raise TokenRefused(f"name: {name!r} is the name of another token of yours; expected a new one")
    if own.count() >= MAX_PERSONAL:
        raise TokenRefused(f"tokens: {MAX_PERSONAL} are there; expected that some are revoked first")
    now = timezone.now()
    token = PERSONAL_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    row = ApiToken.create(
        user=user, digest=digest_of(token), kind=ApiToken.Kind.PERSONAL, name=name, created_at=now,
        expires_at=now + lifetime, scopes=sorted(set(scopes)),
        categories=None if categories is None else sorted(set(categories)),
    )  # fmt: skip
    return Issued(token, row)


def presented(
    token: str, *, kinds: Collection[ApiToken.Kind], method: str, endpoint: str, idle: timedelta
) -> Presented | None:
    """The valid token that somebody shows, with its owner and his role, in one query; None when it is none.

    It is none when unknown, revoked, expired, of another kind, a session unused for longer than `idle`, or when its
    owner is inactive now. The routes of the role are read with it: a change of a role counts from the next call on.
    """
    if not token or len(token) > TOKEN_LIMIT:
        return None
    found = token_rows.of_digest(digest_of(token), method="GET" if method == "HEAD" else method, endpoint=endpoint)
    if found is None:
        return None
    row, route_allowed = found
    is_valid = row.kind in kinds and timezone.now() < expiry_of(row, idle=idle)
    if not is_valid or not row.user.is_active or row.user.username == ROBOT_NAME:
        return None
    return Presented(row, route_allowed)


def note_use(row: ApiToken, *, address: str | None) -> None:
    """Have the last use of a token on record, to the minute: most calls write nothing.

    A login is a use by itself; of a personal token the first one counts, however soon it comes.
    """
    now = timezone.now()
    known = row.created_at if row.last_used_at is None and row.kind != ApiToken.Kind.PERSONAL else row.last_used_at
    if known is not None and now - known < USE_PRECISION:
        return
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - USE_PRECISION)
    ApiToken.filter(stale, pk=row.pk).update(last_used_at=now, last_address=address)


def listed(user: User) -> QuerySet[ApiToken]:
    """The valid tokens of a user, newest first: logins, sessions and those he made."""
    return ApiToken.filter(user=user, expires_at__gt=timezone.now()).order_by("-created_at", "-pk")


def revoke(user: User, token_id: int) -> bool:
    """Take a token of a user back; False when he has none of that id."""
    return bool(ApiToken.filter(user=user, pk=token_id).delete()[0])


def revoke_logins(user: User, *, but: int | None = None) -> int:
    """End the logins and sessions of a user, perhaps but one; how many. Personal tokens go on."""
    logins = ApiToken.filter(user=user).exclude(kind=ApiToken.Kind.PERSONAL)
    return (logins if but is None else logins.exclude(pk=but)).delete()[0]


def revoke_all(user: User) -> None:
    """Take back every token of a user."""
    ApiToken.filter(user=user).delete()


def digest_of(token: str) -> str:
    """What is stored of a token. A plain hash will do: unlike a password, it is 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def expiry_of(row: ApiToken, *, idle: timedelta) -> datetime:
    """When a token ends if it is not used again."""
    if row.kind != ApiToken.Kind.SESSION:
        return row.expires_at
    return min(row.expires_at, (row.last_used_at or row.created_at) + idle)
