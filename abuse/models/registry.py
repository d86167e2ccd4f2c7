"""What the registries said of addresses that are not ours."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address

from django.db import models
from django.db.models import Q

from .base import Model

Address = IPv4Address | IPv6Address


class RegistryContact(Model):
    """Whose a block of addresses is and where to complain, as its registry said (RFC 9083); kept for a while.

    Where the registry knew nothing, the block is the one address that was asked about, and the rest is empty.
    """

    first_address = models.GenericIPAddressField()
    last_address = models.GenericIPAddressField()
    network_name = models.CharField(max_length=255, blank=True, default="")
    organisation = models.CharField(max_length=255, blank=True, default="")
    email = models.CharField(max_length=320, blank=True, default="", help_text="where to complain; empty: unknown")
    source = models.CharField(max_length=255, blank=True, default="", help_text="the server that said so")
    asked_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["first_address", "last_address"], name="registry_block")]

    def __str__(self) -> str:
        return f"{self.first_address} - {self.last_address}: {self.email or 'unknown'}"

    def holds(self, address: Address) -> bool:
        """Whether an address lies in the block."""
        first, last = ip_address(self.first_address), ip_address(self.last_address)
        return address.version == first.version and int(first) <= int(address) <= int(last)

    def _size(self) -> int:
        return int(ip_address(self.last_address)) - int(ip_address(self.first_address))

    @classmethod
    def around(cls, addresses: Collection[Address]) -> dict[Address, RegistryContact]:
        """What is known of each address, in one query; the smallest block where there are several."""
        wanted = Q(pk__in=())
        for address in addresses:
            wanted |= Q(first_address__lte=str(address), last_address__gte=str(address))
        rows = sorted(cls.filter(wanted), key=RegistryContact._size)
        found = {address: next((row for row in rows if row.holds(address)), None) for address in addresses}
        return {address: row for address, row in found.items() if row is not None}
