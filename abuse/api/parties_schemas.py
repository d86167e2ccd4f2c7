"""Customers, services, reporters, tags and comments, as they stand within tickets and reports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from django.utils import timezone
from pydantic import Field

from abuse.models import BusinessRulesHistory, Comment, Defendant, Provider, Service, Tag

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
    created = None if details is None else f"{timezone.localtime(details.creation_date):%d/%m/%y}"
    return {
        "id": defendant.pk,
        "customer_id": defendant.customer_id,
        **{name: getattr(details, name, None) for name in _DETAILS},
        "creation_date": created,
        "is_vip": details is not None and details.is_vip,
        "is_gs": details is not None and details.is_gs,
        "is_internal": details is not None and details.is_internal,
    }


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


def tags_of(tags: Iterable[Tag]) -> list[TagAnswer]:
    return [TagAnswer.of(tag) for tag in tags]
