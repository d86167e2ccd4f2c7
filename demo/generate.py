"""Make `customers.json` and `customers-sample.csv`: 300 invented customers of the imaginary ISP Example Hosting.

    python demo/generate.py

Thirty of them are written by hand in `cast.yml`, because the mails are about them; the others are drawn from the names
in `people.yml`. Each choice is the hash of the customer's id and of what is chosen: the same files come out with every
Python, and adding a customer changes no other. Addresses, prefixes and domains are those kept for documentation
(RFC 5737, RFC 3849, RFC 2606):

    203.0.113.0/24          hosting: VPS and dedicated servers (.160 to .167 are shared web servers, nobody's own)
    198.51.100.0/24         access: fibre and ADSL lines; .200 to .207 are shared by carrier-grade NAT
    2001:db8:a000::/36      hosting: a /64 a VPS, a /48 a dedicated server
    2001:db8:b000::/36      access: a /48 a line
    192.0.2.0/24 and the rest of 2001:db8::/32 stand for the rest of the world and are never a customer's.
"""

from __future__ import annotations

import csv
import hashlib
import ipaddress
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import yaml

Option = TypeVar("Option")

HERE = Path(__file__).resolve().parent
FIRST_ID, CUSTOMERS = 1001, 300
# Countries of the cast that no drawn customer comes from.
OTHER_PLACES = {
    "IN": ("400001", "Mumbai"),
    "NO": ("0150", "Oslo"),
    "RS": ("11000", "Beograd"),
    "TW": ("100", "Taipei"),
}
CGNAT_SLOTS, CGNAT_FIRST_PORT, CGNAT_PORTS = 16, 1024, 4032  # 16 neighbours share one address, 4032 ports each
SUB_TYPES = {
    "VPS": ("vps-2022", "vps-2024", "vps-2025-nvme"),
    "DEDICATED": ("srv-ryzen", "srv-storage", "srv-game"),
    "HOSTING": ("web-start", "web-pro"),
    "FIBRE": ("fibre-500", "fibre-1000"),
    "ADSL": ("adsl-20",),
    "CGNAT": ("mobile-4g", "fibre-lite"),
}
# What the drawn customers have: kind and how many, in the order of their ids.
MIX = (("VPS", 70), ("DEDICATED", 40), ("HOSTING", 50), ("FIBRE", 45), ("ADSL", 25), ("CGNAT", 40))
TRADES = ("atelier", "studio", "verein", "cafe", "taller", "garage", "radio", "conseil", "games", "bio", "foto", "edv")
# Addresses that went from one drawn customer to another in 2026, both on the given day, two hours apart.
HAND_OVERS = (
    ("203.0.113.221/32", 40, 41, "2026-01-19T09:00:00Z"),
    ("203.0.113.222/32", 42, 43, "2026-04-02T16:30:00Z"),
    ("203.0.113.223/32", 44, 45, "2026-08-27T00:00:00Z"),
    ("203.0.113.224/32", 46, 47, "2026-11-17T11:15:00Z"),
    ("198.51.100.191/32", 206, 207, "2026-11-03T03:00:00Z"),
    ("198.51.100.192/32", 208, 209, "2026-11-12T03:00:00Z"),
    ("198.51.100.193/32", 210, 211, "2026-11-21T03:00:00Z"),
)


@dataclass
class Pools:
    """The addresses not yet given away; each customer takes the next one."""

    hosting: Iterator[str]
    blocks: Iterator[str]
    access: Iterator[str]
    office_blocks: Iterator[str]
    cgnat: Iterator[tuple[str, int]]
    domains: set[str] = field(default_factory=set)


def draw(*key: object) -> int:
    """A number that depends on the key alone."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, key)).encode()).digest()[:6], "big")


def pick(options: Sequence[Option], *key: object) -> Option:
    return options[draw(*key) % len(options)]


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def created(customer_id: str) -> str:
    """When the account was opened: between 2011 and October 2024, so that it is older than what it rents."""
    return stamp(datetime(2011, 1, 1, tzinfo=UTC) + timedelta(minutes=draw(customer_id, "created") % (5035 * 24 * 60)))


def ascii_label(text: str) -> str:
    """Letters and digits of a DNS label or a local part; empty when the name has none of ASCII."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ł", "l").replace("ı", "i")).lower()
    return "".join(letter for letter in plain if letter.isascii() and (letter.isalnum() or letter == "-")).strip("-")


def address_of(customer_id: str, place: dict[str, Any]) -> dict[str, str | None]:
    zip_code, city = pick(place["places"], customer_id, "city")
    street = place["street"].format(
        n=1 + draw(customer_id, "house") % 180, s=pick(place["streets"], customer_id, "street")
    )
    numbers = {name: draw(customer_id, "phone", name) % 100 for name in "ab"}
    phone = place["phone"] and place["phone"].format(**numbers, c=draw(customer_id, "phone", "c") % 1000)
    return {"address": street, "zip": zip_code, "city": city, "phone": phone}


def resource(what: str, since: str, until: str | None = None, ports: Sequence[int] | None = None) -> dict[str, Any]:
    """One line of "who had what when": half-open, from `since` up to but not including `until`."""
    if "/" not in what:
        return {"domain": what, "validFrom": since, "validTo": until}
    network = str(ipaddress.ip_network(what))  # refuses host bits and nonsense in cast.yml
    first, last = ports or (None, None)
    return {"network": network, "validFrom": since, "validTo": until, "portFrom": first, "portTo": last}


def service(
    customer_id: str, kind: str, domain: str | None, resources: Sequence[dict[str, Any]], since: str
) -> dict[str, Any]:
    reference = f"{kind.lower()}-{customer_id[1:]}"
    name = f"{reference}.example.net"
    names = [resource(each, since) for each in (domain, name if kind != "CGNAT" else None) if each]
    return {
        "serviceId": f"svc-{customer_id[1:]}-{kind.lower()}",
        "name": name,
        "domain": domain,
        "componentType": kind,
        "componentSubType": pick(SUB_TYPES[kind], customer_id, kind, "sub"),
        "reference": reference,
        "resources": [*resources, *names],
    }


def customer(identity: dict[str, Any], home: dict[str, str | None], services: list[dict[str, Any]]) -> dict[str, Any]:
    """One record of the import file, its keys in the documented order."""
    customer_id = identity["id"]
    organisation = identity.get("organisation")
    return {
        "customerId": customer_id,
        "email": identity["email"],
        "spareEmail": identity.get("spare"),
        "firstname": identity["first"],
        "name": identity["last"],
        "organisation": organisation,
        "address": home["address"],
        "zip": home["zip"],
        "city": home["city"],
        "country": identity["country"],
        "billingCountry": identity["country"],
        "lang": identity["lang"],
        "phone": home["phone"],
        "legalForm": identity.get("legal") or ("corporation" if organisation else "individual"),
        "creationDate": created(customer_id),
        "isVIP": bool(identity.get("vip")),
        "isGS": bool(identity.get("gs")),
        "isInternal": bool(identity.get("internal")),
        "services": services,
    }


def from_cast(entry: dict[str, Any], people: Sequence[dict[str, Any]]) -> dict[str, Any]:
    customer_id, country = entry["id"], entry["country"]
    known = [place for place in people if place["country"] == country]
    if known:
        home = address_of(customer_id, known[0])
    else:
        zip_code, city = OTHER_PLACES.get(country, (None, None))
        home = {"address": None, "zip": zip_code, "city": city, "phone": None}
    since = stamp(datetime(2024, 11, 1, tzinfo=UTC) + timedelta(hours=draw(customer_id, "rented") % 4000))
    services = []
    for wanted in entry["services"]:
        lines = []
        for what, *rest in wanted.get("resources", ()):
            begin, end, ports = (*rest, None, None, None)[:3]
            lines.append(resource(what, begin or since, end, ports))
        services.append(service(customer_id, wanted["kind"], wanted.get("domain"), lines, since))
    return customer(entry, home, services)


def new_domain(customer_id: str, last: str, pools: Pools) -> str:
    """A domain of the customer's own under a reserved name."""
    base = f"{pick(TRADES, customer_id, 'trade')}-{ascii_label(last) or 'kk'}"
    ending = pick(("example", "example", "test", "example.org", "example.com"), customer_id, "tld")
    domain = f"{base}.{ending}"
    if domain in pools.domains:
        domain = f"{base}-{customer_id[1:]}.{ending}"
    pools.domains.add(domain)
    return domain


def networks_of(number: int, kind: str, pools: Pools, since: str) -> list[dict[str, Any]]:
    """What the drawn customer `number` (0 is the first one) has of `kind`, IPv6 for most."""
    if kind == "HOSTING":
        return []
    if kind == "CGNAT":
        shared, slot = next(pools.cgnat)
        first = CGNAT_FIRST_PORT + slot * CGNAT_PORTS
        return [resource(shared, since, None, (first, first + CGNAT_PORTS - 1))]
    hand_over = next((each for each in HAND_OVERS if number in each[1:3]), None)
    if hand_over:
        network, before, _, day = hand_over
        later = stamp(datetime.fromisoformat(day) + timedelta(hours=2))
        lines = [resource(network, since, day) if number == before else resource(network, later)]
    elif kind == "DEDICATED":
        lines = [resource(next(pools.blocks if number % 5 == 0 else pools.hosting), since)]
    elif kind == "FIBRE":
        lines = [resource(next(pools.office_blocks if number % 10 == 0 else pools.access), since)]
    else:
        lines = [resource(next(pools.hosting if kind == "VPS" else pools.access), since)]
    if number % 7:  # one in seven has no IPv6 yet
        prefix = {"VPS": f"2001:db8:a000:{0x2000 + number:x}::/64", "DEDICATED": f"2001:db8:{0xA200 + number:x}::/48"}
        lines.append(resource(prefix.get(kind, f"2001:db8:{0xB200 + number:x}::/48"), since))
    return lines


def drawn(number: int, kind: str, people: Sequence[dict[str, Any]], pools: Pools) -> dict[str, Any]:
    customer_id = f"c{FIRST_ID + number + (CUSTOMERS - sum(count for _, count in MIX))}"
    place = pick([each for each in people for _ in range(each["weight"])], customer_id, "country")
    first, last = pick(place["first"], customer_id, "first"), pick(place["last"], customer_id, "last")
    since = stamp(datetime(2024, 11, 1, tzinfo=UTC) + timedelta(hours=draw(customer_id, "rented") % 4000))
    has_domain = kind == "HOSTING" or (kind in ("VPS", "DEDICATED") and draw(customer_id, "domain") % 3 > 0)
    domain = new_domain(customer_id, last, pools) if has_domain else None
    organised = has_domain and draw(customer_id, "organised") % 3 == 0
    local = f"{ascii_label(first)}.{ascii_label(last)}".strip(".") or customer_id
    identity = {
        "id": customer_id,
        "first": first,
        "last": last,
        "organisation": f"{last} & Co." if organised else None,
        "legal": "association" if draw(customer_id, "legal") % 17 == 0 else None,
        "email": f"contact@{domain}" if domain else f"{local}.{customer_id[1:]}@mail.example",
        "spare": f"{local}.{customer_id[1:]}@mail.example" if domain and draw(customer_id, "spare") % 2 else None,
        "country": place["country"],
        "lang": place["lang"],
        "vip": draw(customer_id, "vip") % 40 == 0,
        "gs": draw(customer_id, "gs") % 25 == 0,
    }
    services = [service(customer_id, kind, domain, networks_of(number, kind, pools, since), since)]
    if kind in ("FIBRE", "ADSL") and number % 9 == 0:  # some lines come with a small web site
        services.append(service(customer_id, "HOSTING", new_domain(customer_id, last, pools), [], since))
    return customer(identity, address_of(customer_id, place), services)


def fresh_pools() -> Pools:
    """Everything the cast does not use (its addresses end below .32, or are blocks of their own)."""
    return Pools(
        hosting=(f"203.0.113.{last}/32" for last in (*range(32, 80), *range(168, 220))),
        blocks=(f"203.0.113.{last}/29" for last in range(96, 160, 8)),
        access=(f"198.51.100.{last}/32" for last in range(20, 190)),
        office_blocks=(f"198.51.100.{last}/29" for last in range(208, 248, 8)),
        cgnat=((f"198.51.100.{200 + n // CGNAT_SLOTS}/32", n % CGNAT_SLOTS) for n in range(2, 8 * CGNAT_SLOTS)),
    )


def snake_case(key: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", key).lower()


def flat_rows(customers: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same facts as a table: one row per customer, service and resource.

    The columns are the keys in snake_case; a service's `name` and `domain` become `service_name` and `service_domain`.
    """
    for each in customers:
        person = {snake_case(key): value for key, value in each.items() if key != "services"}
        for rented in each["services"]:
            columns = {
                ("service_" if key in ("name", "domain") else "") + snake_case(key): rented[key] for key in rented
            }
            del columns["resources"]
            for line in rented["resources"]:
                held = {
                    key: line.get(key) for key in ("network", "domain", "validFrom", "validTo", "portFrom", "portTo")
                }
                row = person | columns | {snake_case(key): value for key, value in held.items()}
                yield {key: str(value).lower() if isinstance(value, bool) else value for key, value in row.items()}


def main() -> None:
    people = yaml.safe_load((HERE / "people.yml").read_text(encoding="utf-8"))
    cast = yaml.safe_load((HERE / "cast.yml").read_text(encoding="utf-8"))
    pools = fresh_pools()
    customers = [from_cast(entry, people) for entry in cast]
    pools.domains.update(
        line["domain"]
        for each in customers
        for one in each["services"]
        for line in one["resources"]
        if "domain" in line
    )
    kinds = [kind for kind, count in MIX for _ in range(count)]
    customers += [drawn(number, kind, people, pools) for number, kind in enumerate(kinds)]
    # One customer a line: a change to one of them is one line of a diff.
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in customers)
    (HERE / "customers.json").write_text(f'{{"customers": [\n{lines}\n]}}\n', encoding="utf-8")
    rows = list(flat_rows(customers))
    # Plain cases, a domain alone, a small block, shared addresses with ports, and an address that changed hands.
    shown = {"c1001", "c1002", "c1005", "c1007", "c1008", "c1009", "c1011", "c1012"}
    sample = [row for row in rows if row["customer_id"] in shown][:20]
    with (HERE / "customers-sample.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sample)


if __name__ == "__main__":
    main()
