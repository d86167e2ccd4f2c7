"""The texts that the desk sends."""

from __future__ import annotations

import re
from typing import Self

from apiflask import APIBlueprint
from pydantic import Field, RootModel

from abuse.controllers import texts
from abuse.controllers.editing import Refused
from abuse.controllers.texts import TextContent
from abuse.models import MailTemplate
from abuse.policies import Right
from abuse.services.email.texts import LANGUAGES

from .access import current_user, needs
from .answers import Answer, Message
from .bodies import MESSAGE, Body
from .conditions import Condition, Kind
from .filters import FiltersParameter, LongText, Text, read_filters
from .listing import ONLY_ROWS_AND_PAGES, Listing
from .objects import child

blueprint = APIBlueprint("email_templates", __name__, url_prefix="/api/emailTemplates", tag="Mail texts")

MAX_TEMPLATES = 5000
_EXAMPLE = {
    "id": 4,
    "codename": "customer_notification",
    "name": "Notification",
    "lang": "EN",
    "recipientType": "Defendant",
    "subject": "Abuse from your service [{{ publicId }}]",
    "body": "Hello,\nplease look.",
    "bodyHtml": "",
    "version": 1,
}


class TemplateAnswer(Answer):
    id: int
    codename: str
    name: str
    lang: str
    recipient_type: str
    subject: str
    body: str
    body_html: str
    version: int

    @classmethod
    def of(cls, row: MailTemplate) -> Self:
        names = ("codename", "name", "lang", "recipient_type", "subject", "body", "body_html", "version")
        return cls(id=row.pk, **{name: getattr(row, name) for name in names})


class TemplateAnswers(RootModel[list[TemplateAnswer]]):
    """Mail texts, by name."""


class Words(RootModel[list[str]]):
    """The words that there are."""


class TemplateText(Body):
    """A text as it is to be: the fields that are sent."""

    codename: Text | None = Field(default=None, max_length=255, description="Without: made from the name.")
    name: Text | None = Field(default=None, max_length=255)
    lang: Text | None = Field(default=None, max_length=8)
    recipient_type: Text | None = Field(default=None, max_length=32)
    subject: LongText | None = Field(default=None, max_length=1023)
    body: LongText | None = Field(default=None, max_length=200_000)
    body_html: LongText | None = Field(default=None, max_length=500_000)
    version: int | None = Field(default=None, description="Of the text as it was read: a stale one is refused.")


TEMPLATES: Listing[MailTemplate] = Listing(
    fields=frozenset(TemplateAnswer.json_names()),
    always=frozenset(TemplateAnswer.json_names()),
    sorts={"id": "pk", "name": "name", "codename": "codename", "lang": "lang", "recipientType": "recipient_type"},
    default_sort=("name", "lang"),
    conditions={
        "id": [Condition("pk", Kind.ID)],
        "codename": [Condition("codename")],
        "name": [Condition("name")],
        "lang": [Condition("lang")],
        "recipientType": [Condition("recipient_type")],
    },
)


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(TemplateAnswers, example=[_EXAMPLE])
@blueprint.doc(
    description=TEMPLATES.description("All of them, by name: there are no pages.", passes_over=ONLY_ROWS_AND_PAGES)
)
def list_templates(query_data: FiltersParameter) -> TemplateAnswers:
    """List the mail texts"""
    rows = TEMPLATES.chosen(MailTemplate.all(), read_filters(query_data.filters))
    return TemplateAnswers([TemplateAnswer.of(row) for row in rows.order_by("name", "lang", "pk")[:MAX_TEMPLATES]])


@blueprint.get("/languages")
@needs(Right.LOOK)
@blueprint.output(Words, example=["EN", "FR"])
def list_languages() -> Words:
    """List the languages of mail texts"""
    own = MailTemplate.all().order_by("lang").values_list("lang", flat=True).distinct()
    return Words(sorted({*LANGUAGES, *own}))


@blueprint.get("/recipientsType")
@needs(Right.LOOK)
@blueprint.output(Words, example=["Defendant", "Plaintiff"])
def list_recipient_types() -> Words:
    """List whom mail texts are for"""
    return Words(MailTemplate.RecipientType.values)


@blueprint.get("/<int:template_id>")
@needs(Right.LOOK)
@blueprint.output(TemplateAnswer, example=_EXAMPLE)
def show_template(template_id: int) -> TemplateAnswer:
    """Show a mail text"""
    return TemplateAnswer.of(child(MailTemplate.all(), "template", template_id))


@blueprint.post("")
@needs(Right.ADMINISTER)
@blueprint.input(TemplateText, example={key: value for key, value in _EXAMPLE.items() if key not in {"id", "version"}})
@blueprint.output(TemplateAnswer, example=_EXAMPLE)
@blueprint.doc(responses={409: "Every fault of the text, with its line."})
def create_template(json_data: TemplateText) -> TemplateAnswer:
    """Write a mail text"""
    content = TextContent(
        codename=json_data.codename or _codename(json_data.name or ""),
        recipient_type=json_data.recipient_type or MailTemplate.RecipientType.DEFENDANT,
        lang=(json_data.lang or "EN").upper(),
        name=json_data.name or "",
        subject=json_data.subject or "",
        body=json_data.body or "",
        body_html=json_data.body_html or "",
    )
    # Version 0: there is none of that codename, recipient type and language yet.
    return TemplateAnswer.of(texts.save_text(content, actor=current_user(), expected_version=0))


@blueprint.put("/<int:template_id>")
@needs(Right.ADMINISTER)
@blueprint.input(TemplateText, example={"subject": "Abuse [{{ publicId }}]", "body": "Hello,\nplease look."})
@blueprint.output(TemplateAnswer, example=_EXAMPLE)
@blueprint.doc(responses={409: "Every fault of the text, with its line."})
def update_template(template_id: int, json_data: TemplateText) -> TemplateAnswer:
    """Write a mail text anew; its codename, recipient type and language stay"""
    row = child(MailTemplate.all(), "template", template_id)
    given = json_data.given()
    for name in ("codename", "recipient_type", "lang"):
        wanted, present = given.get(name), getattr(row, name)
        if wanted is not None and wanted.casefold() != present.casefold():
            raise Refused(f"{name}: {wanted!r}; expected {present!r}, which stays: write another text for it")
    content = TextContent(
        codename=row.codename,
        recipient_type=row.recipient_type,
        lang=row.lang,
        name=row.name if json_data.name is None else json_data.name,
        subject=row.subject if json_data.subject is None else json_data.subject,
        body=row.body if json_data.body is None else json_data.body,
        body_html=row.body_html if json_data.body_html is None else json_data.body_html,
    )
    return TemplateAnswer.of(texts.save_text(content, actor=current_user(), expected_version=json_data.version))


@blueprint.delete("/<int:template_id>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses={409: "A preset, a rule or the desk itself needs it."})
def delete_template(template_id: int) -> Message:
    """Take a mail text away that nothing needs"""
    texts.delete_text(child(MailTemplate.all(), "template", template_id), actor=current_user())
    return Message(message="Template deleted")


def _codename(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:255]
