"""Setting up the desk of Example Hosting and handing it its mail, through the doors that a real desk has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from abuse.controllers.customers_file import read_customers
from abuse.controllers.directory import ImportResult, import_customers
from abuse.controllers.inbox import Receipt, receive
from abuse.models import Category, Priority, Provider, ReportThreshold, Tag, Ticket

from .outcome import Expected, opener_of_tickets

HERE = Path(__file__).resolve().parent
PLACEHOLDER = b"BCDFGHJKLM"
"""Stands in an answer for the public id of the ticket it answers, which is known only once the ticket is open."""
THRESHOLD_CATEGORY, THRESHOLD_REPORTS, THRESHOLD_DAYS = "Spam", 3, 30


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Mailing:
    """A mail file to hand in. `ticket_of`: the mail whose ticket it answers."""

    name: str
    ticket_of: str | None


def mailings(expected: Mapping[str, Expected]) -> list[Mailing]:
    """The mails of the mailbox in the order of their names, which is that of their dates.

    :raises DemoError: when the mailbox and the list of what is expected do not name the same mails.
    """
    found = sorted(file.name for file in (HERE / "mailbox").glob("*.eml"))
    odd = sorted(set(found) ^ set(expected))
    if odd:
        raise DemoError(f"in only one of demo/mailbox and demo/expected.json: {', '.join(odd)}")
    return [Mailing(name, expected[name].ticket_of) for name in found]


def load_customers() -> ImportResult:
    """Import demo/customers.json as `import-customers` does.

    :raises DemoError: with the first faults of the file.
    """
    result = import_customers(read_customers(HERE / "customers.json"))
    if result.faults:
        raise DemoError("demo/customers.json: " + "; ".join(str(fault) for fault in result.faults[:5]))
    return result


@transaction.atomic
def load_providers() -> list[Provider]:
    """Make the reporters of demo/providers.json known: trust, priority, category and tags."""
    entries: list[dict[str, Any]] = json.loads((HERE / "providers.json").read_text(encoding="utf-8"))
    return [_load_provider(entry) for entry in entries]


def _load_provider(entry: Mapping[str, Any]) -> Provider:
    category = entry["defaultCategory"]
    provider, _ = Provider.objects.update_or_create(
        email=entry["email"].lower(),
        defaults={
            "name": entry["name"],
            "trusted": entry["trusted"],
            "priority": Priority(entry["priority"]),
            "default_category": None if category is None else Category.get(name=category),
        },
    )
    provider.tags.set(Tag.get(codename=codename, tag_type=Tag.Type.PROVIDER) for codename in entry["tags"])
    return provider


def set_threshold() -> None:
    """Let three reports of spam within thirty days open a ticket even when nobody trusted speaks."""
    ReportThreshold.objects.update_or_create(
        category_id=THRESHOLD_CATEGORY, defaults={"threshold": THRESHOLD_REPORTS, "interval": THRESHOLD_DAYS}
    )


def hand_in(mails: Iterable[Mailing], receipts: dict[str, Receipt]) -> None:
    """Give mails to the intake one by one, in their order, and add the receipts to `receipts`, by name.

    One by one, because the desk works on mails in the order in which they came. No bell is rung.

    :raises DemoError: when a mail answers a ticket that was not opened.
    """
    opened = _public_ids(receipts)
    for mail in mails:
        raw = (HERE / "mailbox" / mail.name).read_bytes()
        if mail.ticket_of is not None:
            public_id = opened.get(mail.ticket_of)
            if public_id is None:
                raise DemoError(f"{mail.name} answers the ticket of {mail.ticket_of}, which opened none")
            raw = raw.replace(PLACEHOLDER, public_id.encode("ascii"))
        receipts[mail.name] = receive(raw, source=f"demo/mailbox/{mail.name}", ring=False)


def _public_ids(receipts: Mapping[str, Receipt]) -> dict[str, str]:
    """The public id of the ticket that each mail opened; of several, the first."""
    names = {receipt.email_id: name for name, receipt in reversed(list(receipts.items()))}
    tickets = dict(Ticket.all().order_by("pk").values_list("pk", "public_id"))
    found: dict[str, str] = {}
    for ticket_id, email_id in sorted(opener_of_tickets().items()):
        if email_id in names:
            found.setdefault(names[email_id], tickets[ticket_id])
    return found
