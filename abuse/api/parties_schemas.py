"""Customers, services, reporters, tags and comments, as they stand within tickets and reports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.utils import timezone
from pydantic import Field

from abuse.models import BusinessRulesHistory, Comment, Defendant, Provider, Service, Tag
from abuse.models.moments import EpochSecondsOf

from .answers import Answer, EpochSeconds


class TagAnswer(Answer):
    id: int
    codename: str
    name: str
    tag_type: str
    level: int

    @classmethod
    def of(cls, tag: Tag) -> Self:
        return cls(id=tag.pk, codename=tag.codename, name=tag.name, tag_type=tag.tag_type, level=tag.level)


class CommentAnswer(Answer):
    id: int
    user: str
    comment: str
    date: EpochSeconds

    @classmethod
    def of(cls, comment: Comment) -> Self:
        return cls(id=comment.pk, user=comment.user.username, comment=comment.comment, date=comment.date)


class DefendantAnswer(Answer):
    """The customer complained about. All but the ids is null when the CRM has told nothing of him."""

    id: int
    customer_id: str
    email: str | None
    spare_email: str | None
    firstname: str | None
    name: str | None
    organisation: str | None
    legal_form: str | None
    address: str | None
    zip: str | None
    city: str | None
    state: str | None
    country: str | None
    billing_country: str | None
    lang: str | None
    phone: str | None
    creation_date: str | None = Field(description="The day the customer's account was made, as DD/MM/YY.")
    is_vip: bool = Field(alias="isVIP")
    is_gs: bool = Field(alias="isGS")
    is_internal: bool = Field(alias="isInternal")

    @classmethod
    def of(cls, defendant: Defendant) -> Self:
        return cls(**_defendant_fields(defendant))


class DefendantDetail(DefendantAnswer):
    tags: list[TagAnswer]
    comments: list[CommentAnswer]

    @classmethod
    def of(cls, defendant: Defendant) -> Self:
        comments = defendant.comments.select_related("comment__user").order_by("-comment__date", "-pk")
        return cls(
            **_defendant_fields(defendant),
            tags=[TagAnswer.of(tag) for tag in defendant.tags.all()],
            comments=[CommentAnswer.of(one.comment) for one in comments],
        )


_DETAILS = (
    "email", "spare_email", "firstname", "name", "organisation", "legal_form", "address", "zip", "city", "state",
    "country", "billing_country", "lang", "phone",
)  # fmt: skip


def _defendant_fields(defendant: Defendant) -> dict[str, object]:
    details = defendant.details
    created = None if details is None else _day(details.creation_date)
    return {
        "id": defendant.pk,
        "customer_id": defendant.customer_id,
        **{name: getattr(details, name, None) for name in _DETAILS},
        "creation_date": created,
        "is_vip": details is not None and details.is_vip,
        "is_gs": details is not None and details.is_gs,
        "is_internal": details is not None and details.is_internal,
    }


DEFENDANT_COLUMNS: Sequence[str | EpochSecondsOf] = (
    "defendant_id", "defendant__customer_id", EpochSecondsOf("defendant__details__creation_date"),
    "defendant__details__is_vip", "defendant__details__is_gs", "defendant__details__is_internal",
    *(f"defendant__details__{name}" for name in _DETAILS),
)  # fmt: skip
"""What `defendant_of` is given, as columns of a ticket or a report."""


def defendant_of(values: Sequence[Any], zone: tzinfo) -> dict[str, Any] | None:
    """The fields of a `DefendantAnswer`, with the day as it was in a time zone."""
    if values[0] is None:
        return None
    pk, customer_id, created, is_vip, is_gs, is_internal, *details = values
    return {
        "id": pk,
        "customer_id": customer_id,
        **dict(zip(_DETAILS, details, strict=True)),
        "creation_date": None if created is None else _day_at(created, zone),
        "is_vip": bool(is_vip),
        "is_gs": bool(is_gs),
        "is_internal": bool(is_internal),
    }


def _day(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%d/%m/%y}"


@lru_cache(maxsize=10_000)
def _day_at(seconds: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(seconds, zone):%d/%m/%y}"


class ServiceAnswer(Answer):
    """What the customer rents."""

    id: int
    name: str
    domain: str | None
    component_type: str | None
    component_sub_type: str | None
    reference: str | None
    service_id: str | None

    @classmethod
    def of(cls, service: Service) -> Self:
        return cls(
            id=service.pk,
            name=service.name,
            domain=service.domain,
            component_type=service.component_type,
            component_sub_type=service.component_sub_type,
            reference=service.reference,
            service_id=service.service_id,
        )


_SERVICE = ("id", "name", "domain", "component_type", "component_sub_type", "reference", "service_id")
SERVICE_COLUMNS = tuple(f"service__{name}" for name in _SERVICE)
"""What `service_of` is given, as columns of a ticket or a report."""


def service_of(values: Sequence[Any]) -> dict[str, Any] | None:
    """The fields of a `ServiceAnswer`."""
    return None if values[0] is None else dict(zip(_SERVICE, values, strict=True))


class ProviderAnswer(Answer):
    """Who complained."""

    email: str
    name: str | None
    trusted: bool
    priority: str

    @classmethod
    def of(cls, provider: Provider) -> Self:
        return cls(email=provider.email, name=provider.name, trusted=provider.trusted, priority=provider.priority)


class DecisionAnswer(Answer):
    """One decision of the rules. `rule` is null when none of them fired."""

    rule: str | None
    rule_version: int | None
    rules_type: str
    report: int | None
    date: EpochSeconds

    @classmethod
    def of(cls, decision: BusinessRulesHistory) -> Self:
        return cls(
            rule=decision.business_rules.name if decision.business_rules else None,
            rule_version=decision.rule_version,
            rules_type=decision.rules_type,
            report=decision.report_id,
            date=decision.date,
        )


_TAG = ("id", "codename", "name", "tag_type", "level")


def tags_column(through: Any, owner: str) -> ArraySubquery:
    """A column for `tags_from`: the tags of a row, by the table between it and them."""
    tags = through.objects.filter(**{owner: OuterRef("pk")}).order_by("tag__tag_type", "tag__name")
    return ArraySubquery(tags.values(one=JSONObject(**{name: f"tag__{name}" for name in _TAG})))


def tags_from(column: Sequence[str | Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The fields of some `TagAnswer`."""
    return [json.loads(one) if isinstance(one, str) else one for one in column]


def tags_of(tags: Iterable[Tag]) -> list[TagAnswer]:
    return [TagAnswer.of(tag) for tag in tags]
