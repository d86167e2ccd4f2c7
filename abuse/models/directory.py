"""The built-in customer directory: who has had which network, address or domain, and when.

It is what the default CRM service answers from; `import-customers` fills it.
"""

from __future__ import annotations

import re
from ipaddress import ip_network

from django.contrib.postgres.indexes import SpGistIndex
from django.db import connection, models
from django.db.models import F, Q

from .base import Model
from .fields import NetworkField

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")  # RFC 1123, and the underscores that names really have


def directory_domain(name: str) -> str | None:
    """A domain or host name as the directory spells it: lower case, no dot at the end, IDNs as A-labels (RFC 5890).

    None when it is no name of two labels or more, such as an address, `localhost` or something a sender made up.
    """
    if len(name) > 1024:  # four times what a name can have, before any work is spent on it
        return None
    host = name.strip().removesuffix(".").lower()
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    labels = host.split(".")
    if len(host) > 253 or len(labels) < 2 or labels[-1].isdecimal() or not all(map(_LABEL.fullmatch, labels)):
        return None
    return host


class DirectoryCustomer(Model):
    """A customer as the import file describes him; `data` holds the fields of a defendant's revision."""

    customer_id = models.CharField(max_length=255, unique=True)
    data = models.JSONField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.customer_id


class DirectoryService(Model):
    """A product of a customer."""

    customer = models.ForeignKey(DirectoryCustomer, on_delete=models.CASCADE, related_name="services")
    service_id = models.CharField(max_length=256, unique=True)
    data = models.JSONField()

    def __str__(self) -> str:
        return self.service_id


class DirectoryResource(Model):
    """One network or one domain of a service, from when to when (half open: `valid_to` is the first moment without).

    `port_from` to `port_to` (both inclusive) narrow a shared address down to one customer (CGNAT).
    A domain stands for itself and all names below it.
    """

    service = models.ForeignKey(DirectoryService, on_delete=models.CASCADE, related_name="resources")
    network = NetworkField(null=True, blank=True)
    domain = models.CharField(max_length=255, null=True, blank=True)
    port_from = models.PositiveIntegerField(null=True, blank=True)
    port_to = models.PositiveIntegerField(null=True, blank=True)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            SpGistIndex(fields=["network"], name="directory_network", opclasses=["inet_ops"]),
            models.Index(fields=["domain"], name="directory_domain"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(network__isnull=True, domain__isnull=False) | Q(network__isnull=False, domain__isnull=True),
                name="resource_network_or_domain",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_to__isnull=True) | Q(valid_from__lt=F("valid_to")),
                name="resource_window",
            ),
            models.CheckConstraint(
                condition=Q(port_from__isnull=True, port_to__isnull=True)
                | Q(port_from__gte=0, port_to__gte=F("port_from"), port_to__lte=65535),
                name="resource_ports",
            ),
        ]

    def __str__(self) -> str:
        return str(self.network or self.domain)


_HOLDERS = """
SELECT DISTINCT service.customer_id
FROM abuse_directoryresource AS resource JOIN abuse_directoryservice AS service ON service.id = resource.service_id
WHERE resource.network >>= %s::inet OR resource.domain = ANY(%s)
LIMIT 1000
"""


def holders_of(thing: str) -> list[int]:
    """The keys of the customers who have, had or will have an address, a network or a domain."""
    network: str | None = None
    names: list[str] = []
    try:
        network = str(ip_network(thing.strip()))
    except ValueError:
        labels = (directory_domain(thing) or "").split(".")
        names = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, [network, names])
        return [row[0] for row in cursor.fetchall()]
