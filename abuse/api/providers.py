"""Those who report."""

from __future__ import annotations

from typing import Self

from apiflask import APIBlueprint
from pydantic import Field

from abuse.controllers import catalogue_rows, tagging, ticket_edits
from abuse.controllers.providers import SWITCHES
from abuse.models import Category, Priority, Provider, Tag
from abuse.models.tickets import PRIORITY_RANK
from abuse.policies import Right

from . import examples
from .access import needs
from .answers import Answer, Message, Paged
from .bodies import MESSAGE, Body
from .conditions import Condition, Kind
from .filters import FiltersParameter, Text, read_filters
from .listing import ONLY_ROWS_AND_PAGES, Listing
from .objects import child
from .parties_schemas import TagAnswer, tags_of
from .tags_in import TAG_EXAMPLE, TagReference, tag_meant

blueprint = APIBlueprint("providers", __name__, url_prefix="/api/providers", tag="Reporters")

_EXAMPLE = {
    "email": "cert@reporter.example",
    "name": "CERT",
    "trusted": True,
    "priority": "High",
    "defaultCategory": None,
    "mailAcknowledge": None,
    "mailAlreadyKnown": None,
    "mailQuestion": None,
    "mailOutcome": True,
    "tags": [{**examples.TAG, "tagType": "Provider"}],
}


class FullProvider(Answer):
    email: str
    name: str | None
    trusted: bool
    priority: str
    default_category: str | None
    mail_acknowledge: bool | None = Field(description="Whether he is sent acknowledgements; null: as the settings say.")
    mail_already_known: bool | None = Field(description="Whether he is told that a case exists; null: as set.")
    mail_question: bool | None = Field(description="Whether he is asked for data that is missing; null: as set.")
    mail_outcome: bool | None = Field(description="Whether he is told how a case ended; null: as set.")
    mail_misrouted: bool | None = Field(description="Whether he is told whom to write to instead; null: as set.")
    tags: list[TagAnswer]

    @classmethod
    def of(cls, row: Provider) -> Self:
        return cls(
            email=row.email,
            name=row.name,
            trusted=row.trusted,
            priority=row.priority,
            default_category=row.default_category_id,
            mail_acknowledge=row.mail_acknowledge,
            mail_already_known=row.mail_already_known,
            mail_question=row.mail_question,
            mail_outcome=row.mail_outcome,
            mail_misrouted=row.mail_misrouted,
            tags=tags_of(row.tags.all()),
        )


class ProviderPage(Paged):
    providers: list[FullProvider]
    providers_count: int = Field(description="How many there are on all pages.")


class ProviderText(Body):
    """A reporter as he is to be: the fields that are sent."""

    email: Text | None = Field(default=None, max_length=255)
    name: Text | None = Field(default=None, max_length=255)
    trusted: bool | None = None
    priority: Text | None = None
    default_category: Text | None = None
    mail_acknowledge: bool | None = None
    mail_already_known: bool | None = None
    mail_question: bool | None = None
    mail_outcome: bool | None = None
    mail_misrouted: bool | None = None
    tags: list[TagReference] | None = Field(default=None, max_length=100)


PROVIDERS: Listing[Provider] = Listing(
    fields=frozenset(FullProvider.json_names()),
    always=frozenset(FullProvider.json_names()),
    sorts={"email": "email", "name": "name", "trusted": "trusted", "priority": PRIORITY_RANK},
    default_sort=("email",),
    conditions={
        "email": [Condition("email")],
        "name": [Condition("name", nullable=True)],
        "trusted": [Condition("trusted", Kind.FLAG)],
        "priority": [Condition("priority")],
        "defaultCategory": [Condition("default_category__name", nullable=True)],
        "tag": [Condition("tags__name", to_many=True)],
    },
)


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(ProviderPage, example={"providers": [_EXAMPLE], "providersCount": 1})
@blueprint.doc(description=PROVIDERS.description("Rows are always whole.", passes_over=ONLY_ROWS_AND_PAGES))
def list_providers(query_data: FiltersParameter) -> ProviderPage:
    """List the reporters"""
    filters = PROVIDERS.with_known_sorts(read_filters(query_data.filters))
    rows = PROVIDERS.chosen(Provider.all(), filters)
    page = PROVIDERS.page(rows.prefetch_related("tags"), filters)
    return ProviderPage(providers=[FullProvider.of(row) for row in page], providers_count=rows.count(), next=page.next)


@blueprint.get("/<email>")
@needs(Right.LOOK)
@blueprint.output(FullProvider, example=_EXAMPLE)
def show_provider(email: str) -> FullProvider:
    """Show a reporter"""
    return FullProvider.of(_provider(email))


@blueprint.post("")
@needs(Right.ADMINISTER)
@blueprint.input(ProviderText, example={"email": "cert@reporter.example", "trusted": True, "priority": "High"})
@blueprint.output(FullProvider, example=_EXAMPLE)
def create_provider(json_data: ProviderText) -> FullProvider:
    """Make a reporter before he reports anything"""
    return FullProvider.of(_save(json_data, None))


@blueprint.put("/<email>")
@needs(Right.ADMINISTER)
@blueprint.input(ProviderText, example={"trusted": True, "priority": "High", "defaultCategory": None})
@blueprint.output(FullProvider, example=_EXAMPLE)
def update_provider(email: str, json_data: ProviderText) -> FullProvider:
    """Change what is thought of a reporter; his address stays"""
    return FullProvider.of(_save(json_data, _provider(email)))


@blueprint.delete("/<email>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses={409: "He has reported something."})
def delete_provider(email: str) -> Message:
    """Take a reporter away who has reported nothing"""
    catalogue_rows.delete_provider(_provider(email))
    return Message(message="Provider deleted")


@blueprint.post("/<email>/tags")
@needs(Right.ADMINISTER)
@blueprint.input(TagReference, example={**TAG_EXAMPLE, "tagType": "Provider"})
@blueprint.output(Message, example=MESSAGE)
def add_provider_tag(email: str, json_data: TagReference) -> Message:
    """Put a tag on a reporter"""
    tagging.tag_provider(_provider(email), tag_meant(json_data, Tag.Type.PROVIDER))
    return Message(message="Tag added")


@blueprint.delete("/<email>/tags/<int:tag_id>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example=MESSAGE)
def remove_provider_tag(email: str, tag_id: int) -> Message:
    """Take a tag off a reporter"""
    provider = _provider(email)
    tagging.untag_provider(provider, child(Tag.filter(providers=provider), "tag on the provider", tag_id))
    return Message(message="Tag removed")


def _provider(email: str) -> Provider:
    return child(Provider.all().prefetch_related("tags"), "provider", email.lower())


def _save(wanted: ProviderText, provider: Provider | None) -> Provider:
    given = wanted.given()
    tags = None if wanted.tags is None else [tag_meant(one, Tag.Type.PROVIDER) for one in wanted.tags]
    default: Category | None = provider.default_category if provider else None
    if "default_category" in given:
        default = ticket_edits.known_category(wanted.default_category) if wanted.default_category else None
    trusted = wanted.trusted if wanted.trusted is not None else (provider.trusted if provider else False)
    saved = catalogue_rows.save_provider(
        provider.email if provider else wanted.email or "",
        name=wanted.name if "name" in given else (provider.name if provider else None),
        trusted=trusted,
        priority=wanted.priority or (provider.priority if provider else Priority.NORMAL),
        default_category=default,
        tags=tags,
        mail={switch: getattr(wanted, switch) for switch in SWITCHES if switch in given},
        provider=provider,
    )
    return _provider(saved.email)
