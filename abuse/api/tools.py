"""Looking at a reported thing without harm."""

from __future__ import annotations

import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from abuse.config import current
from abuse.controllers.editing import Refused
from abuse.controllers.items import read_item
from abuse.models.fields import Network
from abuse.parsers import urls
from abuse.parsers.values import ItemKind
from abuse.policies import Right
from abuse.services.phishing import PhishingService
from abuse.services.phishing.resolving import DnsResolver, NameUnknown, NoSuchName

from .access import needs
from .answers import Answer
from .filters import Text
from .item_lists import CLOUDFLARE, ip_category

blueprint = APIBlueprint("tools", __name__, url_prefix="/api/tools", tag="Tools")

SCHEMES = ("http", "https", "ftp", "ftps", "rtsp", "rtmp")
RESOLVE_SECONDS = 5.0


class WhichUrl(BaseModel):
    url: Text


class WhichItem(BaseModel):
    item: Text


class Headers(Answer):
    url: str = Field(description="As it was asked for, disguises undone.")
    headers: dict[str, str]


class Owner(Answer):
    ip_category: str = Field(description="`managed`: in a network of ours; `cloudflare`: in theirs; else `other`.")


@blueprint.get("/curl")
@needs(Right.WORK)
@blueprint.input(WhichUrl, location="query")
@blueprint.output(Headers, example={"url": "http://bad.example/login", "headers": {"server": "nginx"}})
@blueprint.doc(responses={501: "No service is configured that looks at pages.", 503: "There was no answer."})
def curl(query_data: WhichUrl) -> Headers:
    """Ask a page for its header fields

    Only public addresses are asked; each is checked, also those that redirects lead to.
    """
    url = urls.normalise(query_data.url)
    if url is None or url.value.partition(":")[0] not in SCHEMES:
        raise Refused(f"url: {query_data.url[:100]!r}; expected a URL of {', '.join(SCHEMES)}")
    return Headers(url=url.value, headers=dict(PhishingService.get_http_headers(url.value)))


@blueprint.get("/whois")
@needs(Right.WORK)
@blueprint.input(WhichItem, location="query")
@blueprint.output(Owner, example={"ipCategory": "managed"})
def whois(query_data: WhichItem) -> Owner:
    """Ask whether an address, network, URL or name is in a network of ours, or behind Cloudflare"""
    item = read_item(query_data.item)
    host = item.value if item.kind == ItemKind.CIDR else item.host or ""
    managed = current().MANAGED_NETWORKS
    networks = _networks(host)
    owners = {ip_category(network, managed) for network in networks}
    return Owner(ip_category=next((one for one in ("managed", CLOUDFLARE) if one in owners), "other"))


def _networks(host: str) -> Sequence[Network]:
    try:
        return [ip_network(host)]
    except ValueError:
        pass
    try:
        resolver = DnsResolver(current().PARSER.dns_servers)
        addresses: Sequence[IPv4Address | IPv6Address] = resolver.addresses(
            host, until=time.monotonic() + RESOLVE_SECONDS
        )
    except (NoSuchName, NameUnknown, ValueError):
        return []
    return [ip_network(address) for address in addresses]
