"""Lists of items, of a report or of a ticket."""

from __future__ import annotations

from ipaddress import ip_address

from django.db.models import QuerySet

from abuse.config import current
from abuse.models import ReportItem
from abuse.models.fields import Network, as_network
from abuse.rules.networks import owner_of

from .bodies import Body
from .conditions import Condition, Kind
from .filters import Text, read_filters
from .listing import Listing
from .reports_schemas import ItemAnswer, ItemsAnswer

ITEMS: Listing[ReportItem] = Listing(
    fields=frozenset(ItemAnswer.json_names()),
    always=frozenset({"id"}),
    sorts={"id": "pk", "rawItem": "raw_item", "itemType": "item_type", "date": "date"},
    default_sort=(),
    conditions={
        "id": [Condition("pk", Kind.ID)],
        "rawItem": [Condition("raw_item")],
        "itemType": [Condition("item_type")],
    },
)
CLOUDFLARE = "cloudflare"
"""The one content network for which the older client has a badge."""
ITEM_BODY = {"rawItem": "hxxp://vps-1042[.]example[.]net/login"}


class ItemText(Body):
    """An item as a person writes it, disguised or not; its type follows from it."""

    raw_item: Text


def items_answer(rows: QuerySet[ReportItem], filters: str | None) -> ItemsAnswer:
    """The page asked for, with the count of all; a page of size 0 is the count alone."""
    wanted = read_filters(filters)
    ITEMS.selected(wanted)
    chosen = ITEMS.chosen(rows, wanted)
    page = ITEMS.page(chosen, wanted)
    return ItemsAnswer(items=[item_answer(item) for item in page], items_count=chosen.count(), next=page.next)


def item_answer(item: ReportItem) -> ItemAnswer:
    """An item as `items_with_views` reads it."""
    where = item.network or (as_network(ip_address(item.fqdn_resolved)) if item.fqdn_resolved else None)
    return ItemAnswer.of(item, ip_category=ip_category(where, current().MANAGED_NETWORKS))


def ip_category(network: Network | None, managed: tuple[Network, ...]) -> str | None:
    """Whose an address is: `managed` when it lies in a network of ours, `cloudflare` in one of theirs, else `other`."""
    if network is None:
        return None
    inside = any(ours.version == network.version and network.subnet_of(ours) for ours in managed)  # type: ignore[arg-type]
    if inside:
        return "managed"
    return CLOUDFLARE if owner_of(network.network_address) == CLOUDFLARE else "other"
