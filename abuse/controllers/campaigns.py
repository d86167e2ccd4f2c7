"""Writing to the customers behind many addresses at once: launched here, worked off by `campaign_work.py`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address

from django.db import transaction
from django.utils import timezone

from abuse import queues
from abuse.models import (
    AbusePermission,
    Category,
    MassContact,
    MassContactResult,
    MassContactTarget,
    Profile,
    User,
)
from abuse.services.email.texts import LANGUAGES, TextError, render
from abuse.services.email.texts.engine import Variables

from .editing import Refused

WORK_OFF = "abuse.tasks.masscontact.work_off"
MAX_TARGETS = 65_536
MAX_TEXT = 100_000
_NEEDED = {
    "{{ service }}": re.compile(r"\{\{ *service *\}\}"),
    "{{ publicId }}": re.compile(r"\{\{ *publicId *\}\}"),
    "{% if lang == … %}": re.compile(r"\{% *if +lang *=="),
}


@transaction.atomic
def launch(name: str, category: str, ips: Sequence[str], subject: str, body: str, *, actor: User) -> MassContact:
    """Start a campaign about some addresses. The workers begin after the commit.

    The texts may use `service`, `publicId`, `lang` and `ips`, the addresses of the service that the campaign names.

    :raises Refused: naming what is wrong: the name (a campaign of it was launched today), the category, an address,
        the texts, or an actor who may only read in the category.
    """
    known = Category.filter(name__iexact=category).first()
    if known is None:
        raise Refused(f"category: {category!r}; expected the name of one that exists")
    if not _may_launch(actor, known):
        raise Refused(f"category: {actor} has no profile in {known.name} that writes to customers")
    _check_text("subject", subject.strip())
    _check_text("body", body)
    addresses = _addresses(ips)
    campaign_name = normalised_name(name)
    if MassContact.filter(campaign_name=campaign_name).exists():
        raise Refused(f"campaignName: {campaign_name!r} was launched already; expected another name")
    campaign = MassContact.create(
        campaign_name=campaign_name, category=known, user=actor, ips_count=len(addresses), subject=subject.strip(),
        body=body, date=timezone.now(),
    )  # fmt: skip
    MassContactTarget.objects.bulk_create(
        [MassContactTarget(campaign=campaign, ip=address) for address in addresses], batch_size=1000
    )
    MassContactResult.create(campaign=campaign)
    queues.enqueue_on_commit(WORK_OFF)
    return campaign


def normalised_name(name: str) -> str:
    """`March of bots` becomes `mass_contact_march_of_bots_11/24/26`.

    :raises Refused: when nothing is left of it.
    """
    words = re.sub(r"[^a-z0-9_]", "", re.sub(r"\s+", "_", name.strip()).lower())
    if not words.strip("_") or len(words) > 200:
        raise Refused(f"campaignName: {name[:80]!r}; expected letters or digits, 200 at most")
    return f"mass_contact_{words}_{timezone.now():%m/%d/%y}"


def _may_launch(actor: User, category: Category) -> bool:
    writes = [Profile.Name.BEGINNER, Profile.Name.ADVANCED, Profile.Name.EXPERT]
    return (
        actor.is_superuser or AbusePermission.filter(user=actor, category=category, profile__name__in=writes).exists()
    )


def _check_text(name: str, text: str) -> None:
    limit = 1023 if name == "subject" else MAX_TEXT
    if len(text) > limit:
        raise Refused(f"email.{name}: {len(text)} characters; expected {limit} at most")
    for shown, pattern in _NEEDED.items():
        if pattern.search(text) is None:
            raise Refused(f"email.{name}: expected {shown} in it")
    try:
        for lang in LANGUAGES:
            sample: Variables = {"service": "vps.example", "publicId": "BCDFGHJKLM", "lang": lang, "ips": ["192.0.2.1"]}
            render(text, sample, name=f"email.{name}")
    except TextError as error:
        raise Refused(str(error)) from None


def _addresses(ips: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for ip in ips:
        try:
            found[str(ip_address(ip.strip()))] = None
        except ValueError:
            raise Refused(f"ips: {ip[:60]!r}; expected an address") from None
    if not 1 <= len(found) <= MAX_TARGETS:
        raise Refused(f"ips: {len(found)} addresses; expected 1 to {MAX_TARGETS}")
    return list(found)
