"""Reports and their items as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field, RootModel

from abuse.models import BusinessRulesHistory, Report, ReporterQuestion, ReportItem
from abuse.models.questions import BODY_START

from .answers import Answer, EpochSeconds, Paged, single_address
from .parties_schemas import (
    DecisionAnswer,
    DefendantAnswer,
    DefendantDetail,
    ProviderAnswer,
    ServiceAnswer,
    TagAnswer,
    tags_of,
)


class _ReportFields(Answer):
    id: int
    received_date: EpochSeconds = Field(description="The date of the mail, in seconds since 1970-01-01 00:00 UTC.")
    creation_date: EpochSeconds
    status: str
    category: str
    subject: str | None
    provider: ProviderAnswer
    service: ServiceAnswer | None
    ticket: int | None
    reporter_reference: str | None
    missing_data: list[str] = Field(description="What it lacks to find its customer: port, time, zone, item.")
    treated_mode: str
    tags: list[TagAnswer]
    body: str


class ReportRow(_ReportFields):
    """A report in a list."""

    body: str = Field(description=f"The first {BODY_START} characters.")
    body_is_cut: bool = Field(description="Whether there is more of the body in /api/reports/{id}.")
    defendant: DefendantAnswer | None


class ReportRows(RootModel[list[ReportRow]]):
    """A list of reports."""


class QuestionAnswer(Answer):
    """What the reporter was asked for, and what he answered. The report waits while `isWaiting`."""

    state: str = Field(description="asked, answered, unclear, unanswered or needless.")
    is_waiting: bool
    missing: list[str]
    asked_at: EpochSeconds
    waits_until: EpochSeconds
    answered_at: EpochSeconds | None
    answer: str = Field(description="His own words, without what he quotes.")

    @classmethod
    def of(cls, row: ReporterQuestion) -> Self:
        return cls(
            state=row.state,
            is_waiting=row.settled_at is None and row.state == ReporterQuestion.State.ASKED,
            missing=list(row.missing),
            asked_at=row.asked_at,
            waits_until=row.waits_until,
            answered_at=row.answered_at,
            answer=row.answer,
        )


class ReportDetail(_ReportFields):
    """A report with all that belongs to it, but for its items."""

    defendant: DefendantDetail | None
    question: QuestionAnswer | None = Field(description="The question to its reporter, when there was one.")
    decisions: list[DecisionAnswer] = Field(description="What the rules decided on it. Newest first; the latest 200.")

    @classmethod
    def of(cls, report: Report, *, decisions: Sequence[BusinessRulesHistory], ticket: int | None) -> Self:
        """`ticket`: as far as the reader may know of it."""
        question = getattr(report, "question", None)  # read with the report; there is none of most
        return cls(
            **_report_fields(report),
            ticket=ticket,
            body=report.body,
            defendant=DefendantDetail.of(report.defendant) if report.defendant else None,
            question=QuestionAnswer.of(question) if question is not None else None,
            decisions=[DecisionAnswer.of(decision) for decision in decisions],
        )


def _report_fields(report: Report) -> dict[str, Any]:
    return {
        "id": report.pk,
        "received_date": report.received_date,
        "creation_date": report.created_at,
        "status": report.status,
        "category": report.category_id,
        "subject": report.subject,
        "provider": ProviderAnswer.of(report.provider),
        "service": ServiceAnswer.of(report.service) if report.service else None,
        "reporter_reference": report.reporter_reference,
        "missing_data": list(report.missing_data),
        "treated_mode": report.treated_mode,
        "tags": tags_of(report.tags.all()),
    }


class ItemState(Answer):
    """What was known of an item at a moment.

    `ipCategory`: `managed` when it, or the address of its name, is in a network of ours, `cloudflare` in one of theirs,
    else `other`; null when no address is known.
    """

    date: EpochSeconds
    raw_item: str
    item_type: str
    ip: str | None
    ip_reverse: str | None
    ip_reverse_resolved: str | None
    ip_category: str | None
    fqdn: str | None
    fqdn_resolved: str | None
    fqdn_resolved_reverse: str | None
    url: str | None


class ItemAnswer(Answer):
    """An address, network, URL, name or hash in a report: `rawItem` normalised, `original` as it stood in the mail."""

    id: int
    report: int
    item_type: str
    raw_item: str
    original: str
    place: str = Field(description="Where in the mail it stood.")
    port: int | None
    protocol: str | None
    seen_at: EpochSeconds | None = Field(description="When it happened, as reported.")
    viewed: bool = Field(description="Whether the defendant has looked at a screenshot of it.")
    history: list[ItemState]

    @classmethod
    def of(cls, item: ReportItem, *, ip_category: str | None) -> Self:
        address = single_address(item.network)
        state = ItemState(
            date=item.date,
            raw_item=item.raw_item,
            item_type=item.item_type,
            ip=str(address) if address else None,
            ip_reverse=item.ip_reverse,
            ip_reverse_resolved=item.ip_reverse_resolved,
            ip_category=ip_category,
            fqdn=item.fqdn,
            fqdn_resolved=item.fqdn_resolved,
            fqdn_resolved_reverse=item.fqdn_resolved_reverse,
            url=item.raw_item if item.item_type == ReportItem.Type.URL else None,
        )
        return cls(
            id=item.pk,
            report=item.report_id,
            item_type=item.item_type,
            raw_item=item.raw_item,
            original=item.original,
            place=item.place,
            port=item.port,
            protocol=item.protocol,
            seen_at=item.seen_at,
            viewed=item.viewed,  # type: ignore[attr-defined]
            history=[state],
        )


class ItemsAnswer(Paged):
    items: list[ItemAnswer]
    items_count: int = Field(description="How many there are on all pages.")
