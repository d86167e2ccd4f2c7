"""The reasons for closing a ticket: found, made, renamed, taken away."""

from __future__ import annotations

from django.db import transaction

from abuse.models import Resolution, Ticket

from .editing import Refused

MAX_CODENAME = 255


def known_resolution(wanted: int | str) -> Resolution:
    """A reason, by its id or its codename.

    :raises Refused: when there is none.
    """
    by_id = isinstance(wanted, int) or (wanted.isascii() and wanted.isdecimal() and len(wanted) < 19)
    found = Resolution.filter(**({"pk": int(wanted)} if by_id else {"codename": wanted})).first()
    if found is None:
        known = ", ".join(Resolution.all().order_by("codename").values_list("codename", flat=True)[:20])
        raise Refused(f"resolution: {str(wanted)[:80]!r}; expected one of {known}")
    return found


@transaction.atomic
def save_resolution(codename: str, resolution: Resolution | None = None) -> Resolution:
    """Make a reason, or give one another codename.

    :raises Refused: for an empty or too long codename, or one that another has.
    """
    name = codename.strip()
    if not 1 <= len(name) <= MAX_CODENAME:
        raise Refused(f"codename: {len(name)} characters; expected 1 to {MAX_CODENAME}")
    others = Resolution.filter(codename=name)
    if resolution is not None:
        others = others.exclude(pk=resolution.pk)
    if others.exists():
        raise Refused(f"codename: {name!r} exists already")
    row = resolution or Resolution()
    row.codename = name
    row.save()
    return row


@transaction.atomic
def delete_resolution(resolution: Resolution) -> None:
    """Take a reason away.

    :raises Refused: when a ticket was closed for it.
    """
    if Ticket.filter(resolution=resolution).exists():
        raise Refused(f"resolution: tickets were closed for {resolution}; expected one that is not used")
    resolution.delete()
