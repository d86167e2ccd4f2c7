"""Customers: what is known of them, remarks, tags, and the services that the CRM knows."""

from __future__ import annotations

from collections.abc import Sequence

from apiflask import APIBlueprint
from pydantic import RootModel

from abuse.controllers import customer_remarks, tagging
from abuse.models import Defendant, DefendantComment, Tag
from abuse.models.figures import Busiest, busiest_customers
from abuse.models.questions import live_reports, live_tickets
from abuse.policies import Right
from abuse.services.crm import CRMService, ServiceInfo

from . import examples
from .access import current_sight, current_user, needs, require
from .answers import Answer, EpochSeconds, Message
from .bodies import MESSAGE, not_found
from .etags import stop_if_known
from .objects import child
from .parties_schemas import CommentAnswer, DefendantDetail
from .tags_in import TAG_EXAMPLE, TagReference, tag_meant
from .ticket_comments import CommentText

blueprint = APIBlueprint("defendants", __name__, url_prefix="/api/defendants", tag="Customers")

_BUSY = {"id": 12, "customerId": "C-1042", "email": "customer@example.net", "count": 9}


class BusyCustomer(Answer):
    id: int
    customer_id: str
    email: str | None
    count: int

    @classmethod
    def of(cls, row: Busiest) -> BusyCustomer:
        return cls(id=row.pk, customer_id=row.customer_id, email=row.email, count=row.count)


class BusyCustomers(Answer):
    """The customers with the most open tickets, and with the most reports that are not put away."""

    ticket: list[BusyCustomer]
    report: list[BusyCustomer]


class CustomerService(Answer):
    """A service of a customer. What the CRM does not tell is null."""

    component_type: str | None
    component_sub_type: str | None
    reference: str | None
    service_id: str | None
    name: str
    domain: str | None
    creation_date: EpochSeconds | None
    expiration_date: EpochSeconds | None
    autorenew: bool | None
    state: str | None

    @classmethod
    def of(cls, info: ServiceInfo) -> CustomerService:
        return cls(
            component_type=info.component_type,
            component_sub_type=info.component_sub_type,
            reference=info.reference,
            service_id=info.service_id,
            name=info.name,
            domain=info.domain,
            creation_date=info.creation_date,
            expiration_date=info.expiration_date,
            autorenew=info.autorenew,
            state=info.state,
        )


class Zone(Answer):
    """Services that belong together; `zone` is the type of product where the CRM knows no zones."""

    zone: str
    services: list[CustomerService]


class Zones(RootModel[list[Zone]]):
    """The services of a customer."""


@blueprint.get("/top20")
@needs(Right.LOOK)
@blueprint.output(BusyCustomers, example={"ticket": [_BUSY], "report": [_BUSY]})
def list_busiest() -> BusyCustomers:
    """List the customers about whom there is most, among what the caller may see"""
    sight = current_sight()
    return BusyCustomers(
        ticket=_rows(busiest_customers(live_tickets(sight.tickets()))),
        report=_rows(busiest_customers(live_reports(sight.reports()))),
    )


@blueprint.get("/<int:defendant_id>")
@needs(Right.SEE_CUSTOMER)
@blueprint.output(DefendantDetail, example={**examples.DEFENDANT, "tags": [], "comments": []})
def show_defendant(defendant_id: int) -> DefendantDetail:
    """Show a customer as he is known here"""
    defendant = _defendant(defendant_id, Right.SEE_CUSTOMER)
    stop_if_known()
    return DefendantDetail.of(defendant)


@blueprint.get("/<customer_id>/services")
@needs(Right.SEE_CUSTOMER)
@blueprint.output(
    Zones,
    example=[
        {
            "zone": "VPS",
            "services": [
                {
                    "componentType": "VPS",
                    "componentSubType": None,
                    "reference": "vps-1042",
                    "serviceId": "4711",
                    "name": "vps-1042.example.net",
                    "domain": "vps-1042.example.net",
                    "creationDate": None,
                    "expirationDate": None,
                    "autorenew": None,
                    "state": None,
                }
            ],
        }
    ],
)
@blueprint.doc(responses={404: "No report has named such a customer.", 503: "The CRM cannot answer."})
def list_services(customer_id: str) -> Zones:
    """Ask the CRM for the services of a customer

    `customer_id`: the CRM's id of him.
    """
    defendant = Defendant.filter(customer_id=customer_id).first()
    if defendant is None:
        raise not_found("customer", customer_id)
    require(Right.SEE_CUSTOMER, defendant)
    zones: dict[str, list[CustomerService]] = {}
    for info in CRMService.get_customer_services(customer_id):
        zones.setdefault(info.component_type or "other", []).append(CustomerService.of(info))
    return Zones([Zone(zone=name, services=services) for name, services in sorted(zones.items())])


@blueprint.post("/<int:defendant_id>/comments")
@needs(Right.WRITE_CUSTOMER)
@blueprint.input(CommentText, example={"comment": "Pays late, answers fast."})
@blueprint.output(CommentAnswer, example=examples.COMMENT)
def add_defendant_comment(defendant_id: int, json_data: CommentText) -> CommentAnswer:
    """Remark on a customer"""
    defendant = _defendant(defendant_id, Right.WRITE_CUSTOMER)
    row = customer_remarks.add_remark(defendant, json_data.comment, actor=current_user())
    return CommentAnswer.of(row.comment)


@blueprint.put("/<int:defendant_id>/comments/<int:comment_id>")
@needs(Right.EDIT_COMMENT)
@blueprint.input(CommentText, example={"comment": "Pays on time now."})
@blueprint.output(CommentAnswer, example=examples.COMMENT)
@blueprint.doc(responses={403: "Only its author may change a remark."})
def update_defendant_comment(defendant_id: int, comment_id: int, json_data: CommentText) -> CommentAnswer:
    """Change one's own remark on a customer"""
    row = _comment(defendant_id, comment_id)
    customer_remarks.change_remark(row, json_data.comment, actor=current_user())
    row.comment.refresh_from_db()
    return CommentAnswer.of(row.comment)


@blueprint.delete("/<int:defendant_id>/comments/<int:comment_id>")
@needs(Right.EDIT_COMMENT)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses={403: "Only its author may take back a remark."})
def delete_defendant_comment(defendant_id: int, comment_id: int) -> Message:
    """Take back one's own remark on a customer"""
    customer_remarks.delete_remark(_comment(defendant_id, comment_id), actor=current_user())
    return Message(message="Comment deleted")


@blueprint.post("/<int:defendant_id>/tags")
@needs(Right.WRITE_CUSTOMER)
@blueprint.input(TagReference, example={**TAG_EXAMPLE, "tagType": "Defendant"})
@blueprint.output(Message, example=MESSAGE)
def add_defendant_tag(defendant_id: int, json_data: TagReference) -> Message:
    """Put a tag on a customer"""
    defendant = _defendant(defendant_id, Right.WRITE_CUSTOMER)
    tagging.tag_defendant(defendant, tag_meant(json_data, Tag.Type.DEFENDANT), actor=current_user())
    return Message(message="Tag added")


@blueprint.delete("/<int:defendant_id>/tags/<int:tag_id>")
@needs(Right.WRITE_CUSTOMER)
@blueprint.output(Message, example=MESSAGE)
def remove_defendant_tag(defendant_id: int, tag_id: int) -> Message:
    """Take a tag off a customer"""
    defendant = _defendant(defendant_id, Right.WRITE_CUSTOMER)
    tag = child(Tag.filter(defendants=defendant), "tag on the customer", tag_id)
    tagging.untag_defendant(defendant, tag, actor=current_user())
    return Message(message="Tag removed")


def _rows(found: Sequence[Busiest]) -> list[BusyCustomer]:
    return [BusyCustomer.of(row) for row in found]


def _defendant(defendant_id: int, right: Right) -> Defendant:
    defendant = child(Defendant.all().select_related("details"), "customer", defendant_id)
    require(right, defendant)
    return defendant


def _comment(defendant_id: int, comment_id: int) -> DefendantComment:
    defendant = _defendant(defendant_id, Right.WRITE_CUSTOMER)
    row = DefendantComment.filter(defendant=defendant, comment=comment_id).select_related("comment__user").first()
    if row is None:
        raise not_found("comment", comment_id)
    require(Right.EDIT_COMMENT, row.comment)
    return row
