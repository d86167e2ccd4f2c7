"""The presets that a desk starts with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abuse.controllers.presets import PresetContent, save_preset
from abuse.models import MailTemplate, Resolution, Role, TicketWorkflowPreset


def put_presets(entries: Sequence[Mapping[str, Any]]) -> int:
    """Put the shipped presets there, unless there is any preset at all; how many were.

    Operators change them and take them away as they like: what they left must not come back with the next `initdb`.
    """
    if TicketWorkflowPreset.all().exists():
        return 0
    texts = {
        (row.codename, row.recipient_type): row.pk
        for row in MailTemplate.filter(lang="EN").only("codename", "recipient_type")
    }
    resolutions = dict(Resolution.all().values_list("codename", "pk"))
    roles = set(Role.all().values_list("codename", flat=True))
    for entry in entries:
        params = dict(entry.get("params", {}))
        if "resolution" in entry:
            params["resolution"] = resolutions[entry["resolution"]]
        content = PresetContent(
            name=entry["name"],
            action=entry["action"],
            params=params,
            templates=[texts[text["codename"], text["recipient_type"]] for text in entry.get("texts", ())],
            roles=[role for role in entry["roles"] if role in roles],
            group_id=entry["group"],
        )
        save_preset(entry["codename"], content)
    return len(entries)
