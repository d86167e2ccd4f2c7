"""Who plays in the benchmark: invented customers and reporters, in address ranges kept for documentation."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CUSTOMERS = 300
_HOSTING, _ACCESS, _MORE_HOSTING = "203.0.113", "198.51.100", "192.0.2"  # RFC 5737
_GIVEN = ("Alice", "Bruno", "Carla", "David", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Karin", "Luca")
_FAMILY = ("Moreau", "Brenner", "Iglesias", "Novak", "Rossi", "Lindqvist", "Okafor", "Tanaka", "Silva", "Kowalski")


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer with one service: an IPv4 address, an IPv6 network and a domain."""

    customer_id: str
    address: str
    network6: str
    domain: str
    name: str

    def to_json(self) -> dict[str, Any]:
        """The record as `import-customers` reads it."""
        since = {"validFrom": "2024-01-01T00:00:00Z", "validTo": None}
        return {
            "customerId": self.customer_id,
            "email": f"{self.customer_id}@mail.example",
            "firstname": self.name.partition(" ")[0],
            "name": self.name.partition(" ")[2],
            "country": "FR",
            "creationDate": "2022-05-01T08:00:00Z",
            "services": [
                {
                    "serviceId": f"svc-{self.customer_id}",
                    "name": f"{self.customer_id}.example.net",
                    "domain": self.domain,
                    "componentType": "VPS",
                    "resources": [
                        {"network": f"{self.address}/32", **since},
                        {"network": self.network6, **since},
                        {"domain": self.domain, **since},
                    ],
                }
            ],
        }


@dataclass(frozen=True, slots=True)
class Reporter:
    """A sender of complaints that the desk knows."""

    email: str
    trusted: bool
    category: str | None = None
    tags: tuple[str, ...] = ()


FEEDBACK_LOOPS = (
    Reporter("feedback@fbl.bigmail.example", trusted=True, category="Spam", tags=("never_auto_ack",)),
    Reporter("staff@loop.postbox.example", trusted=True, category="Spam", tags=("never_auto_ack",)),
    Reporter("arf@fbl.smallmail.example", trusted=False, category="Spam"),
)
SENSORS = (
    Reporter("sensor@honeypots.example", trusted=True, tags=("never_auto_ack",)),
    Reporter("reports@blocklist.example", trusted=True),
    Reporter("fail2ban@vps-farm.example", trusted=False, tags=("distrust:1:attach_if_exists",)),
)
PHISHING_WATCHERS = (
    Reporter("reports@phishwatch.example", trusted=True, category="Phishing"),
    Reporter("takedown@brandguard.example", trusted=False, category="Phishing", tags=("distrust:2:no_phishtocheck",)),
)
RIGHTS_HOLDERS = (Reporter("notices@rightsguard.example", trusted=True, category="Copyright"),)
NOISY = (Reporter("robot@complains-a-lot.example", trusted=False, tags=("distrust:0:autoarchive",)),)
KNOWN_REPORTERS: Sequence[Reporter] = (*FEEDBACK_LOOPS, *SENSORS, *PHISHING_WATCHERS, *RIGHTS_HOLDERS, *NOISY)


def make_customers() -> list[Customer]:
    """The customers, always the same."""
    chance = random.Random("customers")
    addresses = [f"{block}.{host}" for host in range(1, 101) for block in (_HOSTING, _ACCESS, _MORE_HOSTING)]
    return [
        Customer(
            customer_id=f"b{number:04}",
            address=address,
            network6=f"2001:db8:{number:x}::/48",
            domain=f"shop-{number:04}.example",
            name=f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)}",
        )
        for number, address in enumerate(addresses[:CUSTOMERS], start=1)
    ]


def people(count: int) -> list[Reporter]:
    """Private senders, of whom the desk knows nothing before they write."""
    return [Reporter(f"user{number:04}@provider{number % 37:02}.example", trusted=False) for number in range(count)]
