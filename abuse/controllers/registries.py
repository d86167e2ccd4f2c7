"""Keeping what the registries said, so that nobody is asked the same twice a week."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from abuse.models import RegistryContact
from abuse.models.fields import clipped
from abuse.models.registry import Address

VALIDITY = timedelta(days=7)
KEPT = timedelta(days=30)


@transaction.atomic
def remember(
    first: Address, last: Address, *, network_name: str, organisation: str, email: str, source: str
) -> RegistryContact:
    """Keep what a registry said of a block, in the place of what it said before."""
    now = timezone.now()
    RegistryContact.filter(asked_at__lt=now - KEPT).delete()
    row, _ = RegistryContact.objects.update_or_create(
        first_address=str(first),
        last_address=str(last),
        defaults={
            "network_name": clipped(network_name, 255), "organisation": clipped(organisation, 255),
            "email": clipped(email, 320), "source": clipped(source, 255), "asked_at": now,
        },
    )  # fmt: skip
    return row


def is_fresh(row: RegistryContact, now: datetime) -> bool:
    """Whether the registry need not be asked again."""
    return row.asked_at > now - VALIDITY
