"""Rows for the senders of complaints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction

from abuse.models import Provider
from abuse.models.fields import clipped

SWITCHES = ("mail_acknowledge", "mail_already_known", "mail_question", "mail_outcome", "mail_misrouted")
"""The columns that say what a reporter is told by machine; null: as MAIL.reporters says."""
UNKNOWN = "unknown@provider.invalid"
"""The provider of mails that name no sender."""


def provider_key(address: str) -> str:
    """The key of a sender: the address in lower case, cut to its column."""
    return clipped(address.strip().lower(), 255) or UNKNOWN


def pattern_of(address: str) -> str:
    """The pattern that stands for all senders of the address's domain: exactly that domain, no look-alike."""
    return f"*@{address.rpartition('@')[2]}"


@transaction.atomic(savepoint=False)
def ensure_providers(addresses: Iterable[str]) -> Mapping[str, Provider]:
    """A row for each sender, by key, with its tags read.

    A sender seen for the first time takes over what is held of its domain's pattern: name, trust, priority, category,
    and what is written to it.
    """
    keys = sorted({provider_key(address) for address in addresses})
    patterns = sorted({pattern_of(key) for key in keys})
    found = _with_tags([*keys, *patterns])
    missing = [key for key in keys if key not in found]
    if missing:
        Provider.objects.bulk_create(
            [_first_seen(key, found.get(pattern_of(key))) for key in missing], ignore_conflicts=True
        )
        for key in missing:
            model = found.get(pattern_of(key))
            if model is not None:
                Provider.get(pk=key).tags.set(model.tags.all())
        found.update(_with_tags(missing))
    return {key: found[key] for key in keys}


def _with_tags(keys: list[str]) -> dict[str, Provider]:
    rows = Provider.filter(pk__in=keys).select_related("default_category").prefetch_related("tags")
    return {provider.email: provider for provider in rows}


def _first_seen(key: str, model: Provider | None) -> Provider:
    if model is None:
        return Provider(email=key)
    return Provider(
        email=key,
        name=model.name,
        trusted=model.trusted,
        priority=model.priority,
        default_category=model.default_category,
        **{switch: getattr(model, switch) for switch in SWITCHES},
    )
