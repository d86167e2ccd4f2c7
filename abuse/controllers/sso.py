"""Who logs in by single sign-on: which account he has here, and what his groups there give him."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from abuse.config.web import Oidc
from abuse.models import ApiToken, ExternalIdentity, Profile, User

from . import tokens
from .accounts import AccountError, new_user
from .history import robot
from .people import give_role, replace_profiles

_ORDER = [
    name.value for name in (Profile.Name.READ_ONLY, Profile.Name.BEGINNER, Profile.Name.ADVANCED, Profile.Name.EXPERT)
]


class NotWelcome(Exception):
    """Somebody proved who he is, but has no account here, or not one that may log in; the text says which."""


@transaction.atomic
def log_in(claims: Mapping[str, Any], settings: Oidc, *, lifetime: timedelta, address: str | None) -> tokens.Issued:
    """A session for whom the claims of a checked ID token name.

    Who was here before is known by issuer and subject, whatever he is called now. Groups give a role and profiles anew
    with each login, where the settings map any.

    :raises NotWelcome: when he has no account here and gets none.
    """
    groups = _groups(claims.get(settings.role_claim))
    role = next((here for there, here in settings.role_mapping.items() if there in groups), None)
    if settings.role_mapping and role is None:
        raise NotWelcome(f"Your {settings.role_claim} give you no role at this desk")
    user = _user(claims, settings, role)
    if not user.is_active or user.is_robot:
        raise NotWelcome("Your account at this desk is not active")
    try:
        if role is not None:
            give_role(user, role)
        if settings.category_mapping:
            replace_profiles(user, _profiles(groups, settings), actor=robot())
    except AccountError as error:
        raise NotWelcome(f"API.oidc: {error}") from None
    issued = tokens.issue(
        user, kind=ApiToken.Kind.SESSION, proof=ApiToken.Proof.SSO, lifetime=lifetime, address=address
    )
    user.last_login = issued.row.created_at
    user.save(update_fields=["last_login"])
    return issued


def _user(claims: Mapping[str, Any], settings: Oidc, role: str | None) -> User:
    subject = claims["sub"]
    known = ExternalIdentity.filter(issuer=settings.issuer, subject=subject).select_related("user").first()
    if known is not None:
        return known.user
    name = claims.get(settings.username_claim)
    if not isinstance(name, str) or not name:
        raise NotWelcome(f"{settings.username_claim}: the provider does not say what you are called")
    user = User.objects.filter(username=User.normalize_username(name)).first()
    if user is not None:
        if not settings.link_by_username or user.is_robot or user.identities.filter(issuer=settings.issuer).exists():
            raise NotWelcome(f"There is an account {name!r} at this desk that is not known to be yours")
    elif settings.allow_new_users and role is not None:
        email = claims.get("email")
        try:
            user = new_user(name, None, email=email if isinstance(email, str) else "")
        except AccountError as error:
            raise NotWelcome(str(error)) from None
    else:
        raise NotWelcome("You have no account at this desk")
    ExternalIdentity.create(user=user, issuer=settings.issuer, subject=subject)
    return user


def _groups(claim: object) -> frozenset[str]:
    values = claim if isinstance(claim, list) else [claim]
    return frozenset(value for value in values if isinstance(value, str))


def _profiles(groups: frozenset[str], settings: Oidc) -> dict[str, str]:
    """For each category the most that any of the groups gives."""
    best: dict[str, str] = {}
    for group, profiles in settings.category_mapping.items():
        if group in groups:
            for category, profile in profiles.items():
                best[category] = max(best.get(category, profile), profile, key=_ORDER.index)
    return best
