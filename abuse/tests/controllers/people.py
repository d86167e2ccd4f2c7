"""Operators for the tests."""

from __future__ import annotations

from typing import Any

from abuse.models import AbusePermission, Operator, Profile, Role, User


def make_user(name: str, profile: str | None = "Expert", *, category: str = "Spam", **authorizations: Any) -> User:
    """A user with a profile in one category; with `authorizations` on tickets, an operator of a role that has them."""
    user = User.objects.create(username=name)
    if profile is not None:
        AbusePermission.create(user=user, category_id=category, profile=Profile.get(name=profile))
    if authorizations:
        role = Role.create(codename=f"role of {name}", name=name, models_authorizations={"ticket": authorizations})
        Operator.create(user=user, role=role)
    return user
