"""Campaigns: writing to the customers behind many addresses at once."""

from __future__ import annotations

from typing import Self

from apiflask import APIBlueprint
from pydantic import Field, RootModel

from abuse.controllers import campaigns, ticket_edits
from abuse.models import MassContact
from abuse.policies import Right

from .access import current_sight, current_user, needs, require
from .answers import Answer, EpochSeconds, Message
from .bodies import Body, allow_large_body
from .conditions import Condition, Kind
from .filters import FiltersParameter, LongText, Text, read_filters
from .listing import ONLY_ROWS_AND_PAGES, Listing

blueprint = APIBlueprint("mass_contact", __name__, url_prefix="/api/mass-contact", tag="Campaigns")
blueprint.before_request(allow_large_body)


class CampaignResult(Answer):
    state: str
    matching_count: int
    not_matching_count: int
    failed_count: int


class CampaignAnswer(Answer):
    id: int
    campaign_name: str
    category: str
    user: str
    ips_count: int
    date: EpochSeconds
    result: CampaignResult

    @classmethod
    def of(cls, row: MassContact) -> Self:
        result = row.result
        return cls(
            id=row.pk,
            campaign_name=row.campaign_name,
            category=row.category_id,
            user=row.user.username,
            ips_count=row.ips_count,
            date=row.date,
            result=CampaignResult(
                state=result.state,
                matching_count=result.matching_count,
                not_matching_count=result.not_matching_count,
                failed_count=result.failed_count,
            ),
        )


class CampaignAnswers(RootModel[list[CampaignAnswer]]):
    """Campaigns."""


class CampaignMail(Body):
    subject: Text = Field(max_length=1023)
    body: LongText = Field(max_length=campaigns.MAX_TEXT)


class CampaignOrder(Body):
    campaign_name: Text
    category: Text
    ips: list[Text] = Field(min_length=1, max_length=campaigns.MAX_TARGETS)
    email: CampaignMail


CAMPAIGNS: Listing[MassContact] = Listing(
    fields=frozenset(CampaignAnswer.json_names()),
    always=frozenset(CampaignAnswer.json_names()),
    sorts={
        "id": "pk",
        "campaignName": "campaign_name",
        "category": "category",
        "date": "date",
        "ipsCount": "ips_count",
    },
    default_sort=(),
    conditions={
        "id": [Condition("pk", Kind.ID)],
        "campaignName": [Condition("campaign_name")],
        "category": [Condition("category__name")],
        "user": [Condition("user__username")],
    },
)


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(
    CampaignAnswers,
    example=[
        {
            "id": 1,
            "campaignName": "mass_contact_march_of_bots_11/24/26",
            "category": "Malware",
            "user": "alice",
            "ipsCount": 120,
            "date": 1767229200,
            "result": {"state": "Done", "matchingCount": 118, "notMatchingCount": 2, "failedCount": 0},
        }
    ],
)
@blueprint.doc(
    description=CAMPAIGNS.description(
        "Of the categories in which the caller has a profile.", passes_over=ONLY_ROWS_AND_PAGES
    )
)
def list_campaigns(query_data: FiltersParameter) -> CampaignAnswers:
    """List the campaigns"""
    filters = CAMPAIGNS.with_known_sorts(read_filters(query_data.filters))
    sight = current_sight()
    seen = MassContact.all() if sight.sees_all else MassContact.filter(category__in=list(sight.profiles))
    rows = CAMPAIGNS.chosen(seen.select_related("user", "result"), filters)
    return CampaignAnswers([CampaignAnswer.of(row) for row in CAMPAIGNS.page(rows, filters)])


@blueprint.post("")
@needs(Right.CONTACT_MANY)
@blueprint.input(
    CampaignOrder,
    example={
        "campaignName": "March of bots",
        "category": "Malware",
        "ips": ["192.0.2.1", "192.0.2.2"],
        "email": {
            "subject": "{% if lang == 'FR' %}Votre{% else %}Your{% endif %} {{ service }} [{{ publicId }}]",
            "body": "{% if lang == 'FR' %}Bonjour{% else %}Hello{% endif %}, {{ service }} {{ publicId }}",
        },
    },
)
@blueprint.output(Message, example={"message": "Campaign mass_contact_march_of_bots_11/24/26 begins"})
def launch_campaign(json_data: CampaignOrder) -> Message:
    """Write to the customers behind many addresses"""
    require(Right.CONTACT_MANY, ticket_edits.known_category(json_data.category))
    mail = json_data.email
    campaign = campaigns.launch(
        json_data.campaign_name, json_data.category, json_data.ips, mail.subject, mail.body, actor=current_user()
    )
    return Message(message=f"Campaign {campaign.campaign_name} begins")
