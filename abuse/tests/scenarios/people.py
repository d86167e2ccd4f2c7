"""Who takes part: a small hosting company's customers, and those who write to its abuse desk."""

from __future__ import annotations

from typing import Any

CERT = "cert@trusted.example"
RIGHTS = "notices@rights.example"
CLOUDFLARE = "abuseteam@cloudflare.com"

HOSTING = 5
"""Customers with a server and a domain, counted from 1."""
CAMPAIGN = range(100, 160)
"""Last parts of the addresses of those whom campaigns are about."""
SPARE = 2
"""The customer who has a spare address."""


def address(customer: int) -> str:
    """The address of a customer's server."""
    return f"203.0.113.{customer}"


def domain(customer: int) -> str:
    """A customer's domain."""
    return f"customer{customer}.example"


def mailbox(customer: int) -> str:
    """Where a customer reads his mail."""
    return f"customer{customer}@mail.example"


SPARE_MAILBOX = "spare@mail.example"


def customers_file() -> dict[str, Any]:
    """For `import-customers`. Every second customer of the campaign reads French."""
    return {"customers": [_customer(number) for number in (*range(1, HOSTING + 1), *CAMPAIGN)]}


def _customer(number: int) -> dict[str, Any]:
    spare = {"spareEmail": SPARE_MAILBOX} if number == SPARE else {}
    resources = [{"network": f"{address(number)}/32"}, {"domain": domain(number)}]
    return {
        "customerId": f"customer{number}",
        "email": mailbox(number),
        "creationDate": "2015-01-01T00:00:00Z",
        "lang": "FR" if number in CAMPAIGN and number % 2 else "EN",
        "services": [{"serviceId": f"service{number}", "name": f"vps{number}", "resources": resources}],
        **spare,
    }
