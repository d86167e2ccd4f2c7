"""Customers and services as the CRM tells of them, kept as rows."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, models, transaction
from django.utils import timezone

from abuse.models import Defendant, DefendantHistory, DefendantRevision, Service, Tag
from abuse.models.fields import clipped
from abuse.models.inserting import insert_all
from abuse.models.prepared import Statement
from abuse.services.crm import DefendantInfo, ServiceInfo

MAX_TAGS = 50
"""Tags of one customer that are taken from the CRM."""


_SWITCH = Statement("""
UPDATE abuse_defendant AS defendant SET details_id = new.details, refreshed_at = %s
FROM unnest(%s::bigint[], %s::bigint[]) AS new (id, details) WHERE defendant.id = new.id
""")
_OF_TODAY = frozenset({"creation_date", "expiration_date", "autorenew", "state"})


def revision_digest(info: DefendantInfo) -> str:
    """The SHA-256 of all that is said of a customer, but for his tags."""
    values = _revision_values(info)
    values["creation_date"] = info.creation_date.isoformat()
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _revision_values(info: DefendantInfo) -> dict[str, object]:
    return {name: value for name, value in dataclasses.asdict(info).items() if name != "tags"}


def service_key(info: ServiceInfo) -> str:
    """What identifies a service: the CRM's id when there is one, else all that is said of it."""
    said = info.service_id or json.dumps(_kept(info), sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


@transaction.atomic(savepoint=False)
def ensure_defendants(infos: Iterable[DefendantInfo]) -> Mapping[str, Defendant]:
    """A row for each customer, with the present data as its details; by customer id.

    A customer whose data changed gets a revision, or goes back to the one he had before (and the history says so).
    """
    wanted = {info.customer_id: info for info in sorted(infos, key=lambda info: info.customer_id)}
    if not wanted:
        return {}
    found = _defendants(wanted)
    missing = [customer_id for customer_id in wanted if customer_id not in found]
    if missing:
        # Sorted, so that two processes that add the same customers wait for each other instead of dead-locking.
        insert_all([Defendant(customer_id=one) for one in missing], ignore_conflicts=True)
        found |= _defendants(missing)
    digests = {customer_id: revision_digest(info) for customer_id, info in wanted.items()}
    changed = [
        one for one, digest in digests.items() if (details := found[one].details) is None or details.digest != digest
    ]
    if changed:
        _switch_revisions([_Change(found[one], wanted[one], digests[one]) for one in changed])
    _add_tags([(found[one], info.tags) for one, info in wanted.items() if info.tags])
    return found


def _add_tags(said: Sequence[tuple[Defendant, Sequence[str]]]) -> None:
    """Put the CRM's tags on customers. Tags are only added: those that an operator put there are his."""
    names = {name: clipped(name, 255) for _, tags in said for name in tags[:MAX_TAGS] if name.strip()}
    if not names:
        return
    wanted = list(names.values())
    known = Tag.filter(models.Q(codename__in=wanted) | models.Q(name__in=wanted), tag_type=Tag.Type.DEFENDANT)
    rows = _by_word(known)
    missing = sorted(set(names.values()) - set(rows))
    if missing:
        Tag.objects.bulk_create(
            [Tag(codename=name, name=name, tag_type=Tag.Type.DEFENDANT) for name in missing], ignore_conflicts=True
        )
        rows = _by_word(known.all())
    through: type[models.Model] = Defendant.tags.through
    links = [
        through(defendant_id=defendant.pk, tag_id=rows[names[name]].pk)
        for defendant, tags in said
        for name in dict.fromkeys(tags[:MAX_TAGS])
        if name in names
    ]
    through._default_manager.bulk_create(links, ignore_conflicts=True)


def _defendants(customer_ids: Iterable[str]) -> dict[str, Defendant]:
    rows = Defendant.filter(customer_id__in=list(customer_ids)).select_related("details")
    return {defendant.customer_id: defendant for defendant in rows}


def _by_word(tags: Iterable[Tag]) -> dict[str, Tag]:
    """Tags by their codenames and names: an operator may have given one of the CRM's words another codename."""
    rows = list(tags)
    return {tag.name: tag for tag in rows} | {tag.codename: tag for tag in rows}


@dataclass(frozen=True, slots=True)
class _Change:
    """A customer of whom the CRM says something new, and the digest of that."""

    defendant: Defendant
    info: DefendantInfo
    digest: str

    def revision(self) -> DefendantRevision:
        values = {name: value for name, value in _revision_values(self.info).items() if name != "customer_id"}
        values = {name: _fitting(name, value) for name, value in values.items()}
        return DefendantRevision(defendant=self.defendant, digest=self.digest, **values)


def _switch_revisions(changes: Sequence[_Change]) -> None:
    now = timezone.now()
    insert_all([change.revision() for change in changes], ignore_conflicts=True)
    rows = DefendantRevision.filter(
        defendant__in=[change.defendant for change in changes], digest__in=[change.digest for change in changes]
    )
    revisions = {(row.defendant_id, row.digest): row for row in rows}
    for change in changes:
        change.defendant.details = revisions[change.defendant.pk, change.digest]
        change.defendant.refreshed_at = now
    defendants = [change.defendant for change in changes]
    with connection.cursor() as cursor:
        _SWITCH.execute(cursor, [now, [one.pk for one in defendants], [one.details_id for one in defendants]])
    insert_all([DefendantHistory(defendant=one, revision=one.details, date=now) for one in defendants])


@transaction.atomic(savepoint=False)
def ensure_services(infos: Iterable[ServiceInfo]) -> Mapping[str, Service]:
    """A row for each service, by `service_key`. What the CRM says today replaces what it said before."""
    wanted = {service_key(info): info for info in infos}
    if not wanted:
        return {}
    found = {service.key: service for service in Service.filter(key__in=list(wanted))}
    missing = sorted(set(wanted) - set(found))
    if missing:
        insert_all([Service(key=key, **_columns(wanted[key])) for key in missing], ignore_conflicts=True)
        found |= {service.key: service for service in Service.filter(key__in=missing)}
    for key, info in wanted.items():
        service, said = found[key], _columns(info)
        if any(getattr(service, name) != value for name, value in said.items()):
            Service.filter(pk=service.pk).update(**said)
            for name, value in said.items():
                setattr(service, name, value)
    return found


def _columns(info: ServiceInfo) -> dict[str, str | None]:
    limits = {"name": 2048, "domain": 2048}
    return {
        name: None if value is None else clipped(str(value), limits.get(name, 256))
        for name, value in _kept(info).items()
    }


def _kept(info: ServiceInfo) -> dict[str, str | None]:
    """What is kept of a service: what it is, and not how it stands today."""
    return {name: value for name, value in dataclasses.asdict(info).items() if name not in _OF_TODAY}


def _fitting(name: str, value: object) -> object:
    """Text cut to its column; the CRM's words may be longer than any address we print."""
    if not isinstance(value, str):
        return value
    limits = {"address": 1024, "country": 32, "billing_country": 32, "lang": 32}
    return clipped(value, limits.get(name, 255))
