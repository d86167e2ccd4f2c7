"""Putting the seed into the database, once or again: what is there already stays as the operators made it."""

from __future__ import annotations

from importlib import resources
from typing import Any

import yaml
from django.contrib.auth.hashers import make_password
from django.db import transaction

from abuse.models import (
    ROBOT_NAME,
    AbusePermission,
    Category,
    Profile,
    ReportThreshold,
    Resolution,
    Role,
    ServiceAction,
    Tag,
    TicketAction,
    User,
)
from abuse.rules.definitions import shipped_documents
from abuse.rules.store import add_missing

from .mail_texts import put_texts
from .presets import put_presets


@transaction.atomic
def load_seed() -> int:
    """Add the rows that are missing, and bring mail texts that nobody edited up to date; how many were added."""
    text = resources.files(__package__).joinpath("data.yml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    added = 0
    for entry in data["categories"]:
        added += Category.get_or_create(name=entry["name"], defaults=entry)[1]
    for codename in data["resolutions"]:
        added += Resolution.get_or_create(codename=codename)[1]
    for name in data["profiles"]:
        added += Profile.get_or_create(name=name)[1]
    for entry in data["service_actions"]:
        action, is_new = ServiceAction.get_or_create(**entry)
        if is_new:  # later the desk decides which profiles may order it
            action.profiles.add(Profile.get(name=Profile.Name.EXPERT))
        added += is_new
    for codename in data["ticket_actions"]:
        added += TicketAction.get_or_create(codename=codename)[1]
    for entry in data["roles"]:
        added += Role.get_or_create(codename=entry["codename"], defaults=entry)[1]
    for entry in data["thresholds"]:
        values = {"threshold": entry["threshold"], "interval": entry["interval"]}
        added += ReportThreshold.get_or_create(category_id=entry["category"], defaults=values)[1]
    for entry in data["tags"]:
        key = {"codename": entry["codename"], "tag_type": entry["tag_type"]}
        added += Tag.get_or_create(**key, defaults=entry)[1]
    added += _robot()
    added += put_texts()
    added += put_presets(data["presets"])
    return added + add_missing([document.text for document in shipped_documents()])


def _robot() -> int:
    """The author of all that the rules do: it can never log in, and is no superuser."""
    robot, is_new = User.objects.get_or_create(
        username=ROBOT_NAME, defaults={"password": make_password(None), "is_active": False}
    )
    expert = Profile.get(name=Profile.Name.EXPERT)
    for category in Category.all():
        is_new |= AbusePermission.get_or_create(user=robot, category=category, defaults={"profile": expert})[1]
    return int(is_new)
