"""Operators named in remarks on tickets, as `@name`: they are told."""

from __future__ import annotations

import re

from abuse.models import Notification, Ticket, User

from . import notifications

MAX_NAMED = 20
"""In one remark; the first ones count."""
_NAME = re.compile(r"(?<![\w@.+-])@([\w@.+-]{1,150})")
_ENDS_A_SENTENCE = ".+-"


def names_in(text: str) -> frozenset[str]:
    """What stands behind an `@` in a text, as Django has names of users; an address of mail names nobody."""
    found: dict[str, None] = {}
    for word in _NAME.findall(text):
        found |= dict.fromkeys((word, word.rstrip(_ENDS_A_SENTENCE)))
    return frozenset([name for name in found if name][: 2 * MAX_NAMED])


def tell_named(ticket: Ticket, text: str, *, actor: User, before: str = "") -> None:
    """Tell those who are named in a remark that may see its ticket, and were not named in it before."""
    names = names_in(text) - names_in(before)
    if names:
        for user in User.objects.filter(username__in=names, is_active=True).order_by("pk")[:MAX_NAMED]:
            notifications.notify(user, Notification.Kind.MENTIONED, ticket, actor=actor)
