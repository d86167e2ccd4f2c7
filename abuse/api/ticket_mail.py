"""A ticket's conversation, and mail texts filled in for it."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from pydantic import Field, RootModel

from abuse.controllers import filled_texts, preset_use, presets
from abuse.controllers.filled_texts import FilledText
from abuse.models import History, MailTemplate, Provider
from abuse.policies import Right
from abuse.services.email import EmailService

from .access import current_user, needs
from .answers import Answer, EpochSeconds
from .objects import FORBIDDEN, child, the_ticket

blueprint = APIBlueprint("ticket_mail", __name__, url_prefix="/api/tickets/<int:ticket_id>", tag="Tickets")

MAX_MAILS = 1000
_NEEDS_PROOF = {400: "The text needs proof, and the ticket has none; or it cannot be filled in.", **FORBIDDEN}


class MailAnswer(Answer):
    """One mail of a conversation. `category`: with whom, such as Defendant."""

    from_: str = Field(alias="from")
    to: str
    subject: str
    body: str
    created: EpochSeconds
    category: str
    attachments: list[str] = Field(description="The names of the files.")
    fate: str = Field(description="pending, sending, sent, uncertain, failed, cancelled, bounced; received.")
    fate_reason: str = Field(description="What a mail server said of it.")
    authentic: bool | None = Field(description="Of a received mail: it came from somebody whom the ticket knows.")


class MailAnswers(RootModel[list[MailAnswer]]):
    """A conversation, oldest mail first."""


class ContactAnswer(Answer):
    """A reporter of a ticket, and whether the desk has written to him about it."""

    email: str
    name: str | None
    trusted: bool
    contacted: bool


class ContactAnswers(RootModel[list[ContactAnswer]]):
    """The reporters of a ticket."""


class FilledAnswer(Answer):
    """A mail text filled in for a ticket."""

    id: int
    codename: str
    name: str
    lang: str
    recipient_type: str
    to: list[str]
    subject: str
    body: str

    @classmethod
    def of(cls, text: FilledText) -> FilledAnswer:
        return cls(
            id=text.template.pk,
            codename=text.template.codename,
            name=text.template.name,
            lang=text.template.lang,
            recipient_type=text.template.recipient_type,
            to=list(text.recipients),
            subject=text.subject,
            body=text.body,
        )


class PresetAction(Answer):
    codename: str
    params: dict[str, Any] = Field(description="Durations in seconds, and the id of a resolution.")


class FilledPreset(Answer):
    """A preset with its texts filled in for a ticket."""

    id: int
    codename: str
    name: str
    templates: list[FilledAnswer]
    action: PresetAction | None


_MAIL = {
    "from": "ticket+bcdfghjklm.defendant@example.net",
    "to": "customer@example.net",
    "subject": "Abuse from your service",
    "body": "Hello,\nplease look.",
    "created": 1767229200,
    "category": "Defendant",
    "attachments": [],
    "fate": "sent",
    "fateReason": "",
    "authentic": None,
}
_TEXT = {
    "id": 4,
    "codename": "customer_notification",
    "name": "Notification",
    "lang": "EN",
    "recipientType": "Defendant",
    "to": ["customer@example.net"],
    "subject": "Abuse from your service",
    "body": "Hello,\nplease look.",
}


@blueprint.get("/emails")
@needs(Right.SEE_EVIDENCE)
@blueprint.output(MailAnswers, example=[_MAIL])
@blueprint.doc(responses=FORBIDDEN)
def list_emails(ticket_id: int) -> MailAnswers:
    """Show the conversation of a ticket"""
    mails = EmailService.get_emails(the_ticket(ticket_id, Right.SEE_EVIDENCE))[-MAX_MAILS:]
    return MailAnswers(
        [
            MailAnswer(
                from_=mail.sender,
                to=mail.recipient,
                subject=mail.subject,
                body=mail.body,
                created=mail.created,
                category=mail.category,
                attachments=[attachment.filename for attachment in mail.attachments],
                fate=mail.fate,
                fate_reason=mail.fate_reason,
                authentic=mail.authentic,
            )
            for mail in mails
        ]
    )


@blueprint.get("/providers")
@needs(Right.SEE_TICKET)
@blueprint.output(
    ContactAnswers, example=[{"email": "reporter@example.com", "name": None, "trusted": True, "contacted": False}]
)
@blueprint.doc(responses=FORBIDDEN)
def list_providers(ticket_id: int) -> ContactAnswers:
    """List who complained"""
    ticket = the_ticket(ticket_id)
    written = History.filter(ticket=ticket, action_type=History.Type.SEND_EMAIL, new__isnull=False)
    contacted = {str(address).lower() for address in written.values_list("new", flat=True)}
    rows = Provider.filter(reports__ticket=ticket).distinct().order_by("email")
    return ContactAnswers(
        [
            ContactAnswer(email=row.email, name=row.name, trusted=row.trusted, contacted=row.email in contacted)
            for row in rows
        ]
    )


@blueprint.get("/templates/<int:template_id>")
@needs(Right.SEE_TICKET, recorded=True)
@blueprint.output(FilledAnswer, example=_TEXT)
@blueprint.doc(responses=_NEEDS_PROOF)
def fill_template(ticket_id: int, template_id: int) -> FilledAnswer:
    """Fill in a mail text for a ticket"""
    ticket = the_ticket(ticket_id)
    return FilledAnswer.of(filled_texts.fill(ticket, child(MailTemplate.all(), "template", template_id)))


@blueprint.get("/presets/<int:preset_id>")
@needs(Right.SEE_TICKET, recorded=True)
@blueprint.output(
    FilledPreset,
    example={
        "id": 1,
        "codename": "first_notice",
        "name": "First notice",
        "templates": [_TEXT],
        "action": {"codename": "waiting_answer", "params": {"snoozeDuration": 172800}},
    },
)
@blueprint.doc(responses=_NEEDS_PROOF)
def fill_preset(ticket_id: int, preset_id: int) -> FilledPreset:
    """Fill in the texts of a preset for a ticket

    As they will be true when it is used: with its deadline and resolution. Each in the customer's language, where there
    is one. `to` is empty where nobody is to be written to.
    """
    ticket = the_ticket(ticket_id)
    preset = child(presets.presets_for(current_user()), "preset", preset_id)
    action = (
        PresetAction(codename=preset.config.action.codename, params=presets.params_of(preset))
        if preset.config
        else None
    )
    return FilledPreset(
        id=preset.pk,
        codename=preset.codename,
        name=preset.name,
        templates=[FilledAnswer.of(one) for one in preset_use.filled(ticket, preset, actor=current_user())],
        action=action,
    )
