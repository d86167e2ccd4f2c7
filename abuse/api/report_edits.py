"""Changing a report, and vouching for one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from apiflask import APIBlueprint, HTTPError
from django.db import transaction
from pydantic import Field

from abuse.config import current
from abuse.controllers import report_edits, ticket_edits, validation
from abuse.controllers.editing import Refused
from abuse.controllers.report_edits import ReportEdit
from abuse.models import Report, ReportStatus, Ticket
from abuse.models.questions import with_report_relations
from abuse.parsers import hosts
from abuse.pipeline import review
from abuse.policies import Right, kept_fields
from abuse.services.phishing.resolving import DnsResolver, NameUnknown, NoSuchName

from . import examples
from .access import current_actor, current_user, needs
from .answers import Message
from .bodies import MESSAGE, Body, Id, allow_large_body
from .filters import Text
from .objects import FORBIDDEN, refuse_hidden_ticket, report_to_write, the_ticket
from .reports import report_answer
from .reports_schemas import ReportDetail
from .ticket_edits import CustomerReference

blueprint = APIBlueprint("report_edits", __name__, url_prefix="/api/reports", tag="Reports")
blueprint.before_request(allow_large_body)

RESOLVE_SECONDS = 5.0


class ReportChange(Body):
    """A report as it is to be: the fields that are sent. Those that say what is so already change nothing."""

    category: Text | None = Field(default=None, max_length=32)
    status: Text | None = Field(default=None, description="New, Attached or Archived; the others are not set by hand.")
    ticket: Id | None = Field(default=None, description="Null: none, the report is new again.")
    defendant: CustomerReference | Text | None = Field(default=None, description="Null: none; the service goes too.")


class Validation(Body):
    domain_to_request: Text | None = Field(
        default=None, max_length=253, description="Whose customer is behind it is asked of the network that serves it."
    )


@blueprint.put("/<int:report_id>")
@needs(Right.WRITE_REPORT)
@blueprint.input(ReportChange, example={"status": "New"})
@blueprint.output(ReportDetail, example=examples.REPORT_DETAIL)
@blueprint.doc(responses={**FORBIDDEN, 409: "The report's present status does not allow it."})
def update_report(report_id: int, json_data: ReportChange) -> ReportDetail:
    """Change a report

    The whole report may be sent back: fields that cannot be changed here are passed over. New takes it out of its
    ticket, Attached puts it into one.
    """
    report = report_to_write(report_id)
    edit = ReportEdit(_values(report, json_data))
    kept, decision = kept_fields(current_actor(), report, edit.differences(report))
    if not decision:
        raise HTTPError(decision.status, decision.reason)
    with transaction.atomic():
        report_edits.change(report, ReportEdit({name: edit.values[name] for name in kept}), actor=current_user())
        refuse_hidden_ticket(report.ticket)
    # Also when the change took it out of the caller's sight.
    return report_answer(with_report_relations(Report.filter(pk=report.pk)).get())


@blueprint.delete("/<int:report_id>")
@needs(Right.WRITE_REPORT)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses={**FORBIDDEN, 409: "The report's present status does not allow it."})
def archive_report(report_id: int) -> Message:
    """Put a report away; nothing is deleted"""
    validation.set_report_status(report_to_write(report_id), ReportStatus.ARCHIVED, actor=current_user())
    return Message(message="Report archived")


@blueprint.post("/<int:report_id>/validate")
@needs(Right.WRITE_REPORT)
@blueprint.input(Validation, example={})
@blueprint.output(Message, example={"message": "trusted_create_ticket"})
@blueprint.doc(responses=FORBIDDEN)
def validate_report(report_id: int, json_data: Validation) -> Message:
    """Vouch for a report, or have a content network asked whose the domain is

    For one that waits for it, and a new one about a customer: it is treated as if its reporter were trusted.
    """
    report = report_to_write(report_id)
    if json_data.domain_to_request is None:
        return Message(message=review.validate(report.pk, actor=current_user()))
    domain = hosts.name(json_data.domain_to_request)
    if domain is None:
        raise Refused(f"domainToRequest: {json_data.domain_to_request!r}; expected a domain name")
    if report.status != ReportStatus.TO_VALIDATE:
        raise Refused(f"{report} is {report.status}; expected {ReportStatus.TO_VALIDATE}")
    return Message(message=review.ask_content_network(report.pk, domain, _addresses(domain), actor=current_user()))


def _addresses(domain: str) -> Sequence[IPv4Address | IPv6Address]:
    try:
        resolver = DnsResolver(current().PARSER.dns_servers)
        return resolver.addresses(domain, until=time.monotonic() + RESOLVE_SECONDS)
    except NoSuchName as error:
        raise Refused(f"domainToRequest: {error}") from None
    except NameUnknown as error:
        raise HTTPError(503, f"domainToRequest: {error}") from None


def _values(report: Report, wanted: ReportChange) -> dict[str, Any]:
    """What is to be written, by column: rows instead of names."""
    values: dict[str, Any] = {}
    for name, value in wanted.given().items():
        match name, value:
            case "defendant", None:
                values[name] = None
            case "ticket", None:
                # With another status the whole report still names no ticket: that is what it had.
                values[name] = None
            case _, None:
                continue
            case "status", _:
                values[name] = _status(report, value)
            case "ticket", _:
                values[name] = report.ticket if value == report.ticket_id else _ticket(value)
            case "defendant", CustomerReference():
                values[name] = ticket_edits.known_defendant(value.customer_id)
            case "defendant", _:
                values[name] = ticket_edits.known_defendant(value)
            case _:
                values[name] = ticket_edits.known_category(value)
    return values


def _ticket(ticket_id: int) -> Ticket:
    return the_ticket(ticket_id, Right.WRITE_TICKET)


def _status(report: Report, value: str) -> ReportStatus:
    settable = {ReportStatus.NEW, ReportStatus.ATTACHED, ReportStatus.ARCHIVED}
    if value != report.status and value not in settable:
        raise Refused(f"status: {value[:80]!r}; expected one of {', '.join(sorted(settable))}")
    return ReportStatus(value)
