"""Deciding on a ticket: a status, maybe a measure, and the mails that go with it, in one call."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from apiflask import APIBlueprint
from pydantic import BeforeValidator, Field, field_validator

from abuse.controllers import preset_use, presets
from abuse.controllers.editing import Refused
from abuse.controllers.interact import CODENAMES, Mail, interact, write_mails
from abuse.controllers.thread_export import thread_attachment
from abuse.models import Provider, Ticket
from abuse.policies import Right
from abuse.services.email import Attachment, EmailService

from .access import current_user, needs
from .answers import Message
from .bodies import MESSAGE, Body, Whole, allow_large_body
from .filters import LongText, Text
from .objects import FORBIDDEN, child, ticket_to_write

blueprint = APIBlueprint("ticket_interact", __name__, url_prefix="/api/tickets/<int:ticket_id>", tag="Tickets")
blueprint.before_request(allow_large_body)

MAX_BODY = 200_000
CUSTOMER = "Defendant"


class InteractParams(Body):
    """What the action needs. Durations in seconds; `action` and `resolution` by id, `resolution` also by codename."""

    snooze_duration: Whole | None = None
    pause_duration: Whole | None = None
    action: Whole | None = None
    resolution: int | Text | None = None
    ip: Text | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        """A field of a form that was left empty says nothing."""
        return None if value == "" else value

    @field_validator("resolution")
    @classmethod
    def _number(cls, value: int | str | None) -> int | str | None:
        return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


def _none_is_empty(value: object) -> object:
    return {} if value is None else value


class InteractAction(Body):
    codename: Text = Field(description=f"One of {', '.join(sorted(CODENAMES))}.")
    params: Annotated[InteractParams, BeforeValidator(_none_is_empty, json_schema_input_type=InteractParams | None)] = (
        InteractParams()
    )


class InteractFile(Body):
    """A file that goes with a mail."""

    filename: Text = Field(min_length=1, max_length=255)
    content_type: Text = Field(default="application/octet-stream", max_length=255)
    content: str = Field(description="Base64.")

    def as_attachment(self) -> Attachment:
        try:
            content = b64decode(self.content, validate=True)
        except ValueError:
            raise Refused(f"emails.attachments: {self.filename[:80]!r}; expected its content as base64") from None
        return Attachment(self.filename, self.content_type, content)


class InteractMail(Body):
    """A mail. Without `category` it is found out for each address: the customer's, a reporter's, or another."""

    to: list[Text] = Field(max_length=50)
    subject: Text = Field(max_length=1023)
    body: LongText = Field(max_length=MAX_BODY)
    category: Text | None = None
    attachments: list[InteractFile] = Field(default=[], max_length=20)
    attach_email_thread: bool = Field(
        default=False, description="The conversation with the customer so far goes with it, as PDF. To him only."
    )


class Interaction(Body):
    action: InteractAction
    emails: list[InteractMail] = Field(default=[], max_length=20)
    version: int | None = None


class MailsToWrite(Body):
    emails: list[InteractMail] = Field(min_length=1, max_length=20)
    version: int | None = None


class PresetUse(Body):
    """What is put over the parameters of the preset, such as the `action` that it leaves open."""

    params: InteractParams = InteractParams()
    version: int | None = None


@blueprint.post("/interact")
@needs(Right.WRITE_TICKET)
@blueprint.input(
    Interaction,
    example={
        "action": {"codename": "waiting_answer", "params": {"snoozeDuration": 172800}},
        "emails": [
            {"to": ["customer@example.net"], "subject": "Abuse", "body": "Please look.", "category": "Defendant"}
        ],
    },
)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses={**FORBIDDEN, 409: "The ticket's present status does not allow it."})
def interact_with(ticket_id: int, json_data: Interaction) -> Message:
    """Decide on a ticket, and write the mails that go with it"""
    ticket = ticket_to_write(ticket_id)
    mails = _mails(ticket, json_data.emails)
    interact(
        ticket,
        json_data.action.codename,
        json_data.action.params.model_dump(by_alias=True, exclude_none=True),
        mails,
        actor=current_user(),
        expected_version=json_data.version,
    )
    return _updated(len(mails))


@blueprint.post("/presets/<int:preset_id>")
@needs(Right.WRITE_TICKET)
@blueprint.input(PresetUse, example={"params": {}})
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses={**FORBIDDEN, 409: "The ticket's present status does not allow it."})
def use_preset(ticket_id: int, preset_id: int, json_data: PresetUse) -> Message:
    """Do what a preset says, in one call

    Its texts are filled in and sent, its action is carried out: all of it, or nothing. When it closes the ticket, its
    texts go to those only who were written to before.
    """
    ticket = ticket_to_write(ticket_id)
    preset = child(presets.presets_for(current_user()), "preset", preset_id)
    params = json_data.params.model_dump(by_alias=True, exclude_none=True)
    written = preset_use.use(ticket, preset, params, actor=current_user(), expected_version=json_data.version)
    return _updated(written)


@blueprint.post("/emails")
@needs(Right.WRITE_TICKET)
@blueprint.input(
    MailsToWrite,
    example={
        "emails": [{"to": ["customer@example.net"], "subject": "Your case", "body": "Thank you, we are looking at it."}]
    },
)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def write_emails(ticket_id: int, json_data: MailsToWrite) -> Message:
    """Write mails about a ticket

    And nothing else: its status, clocks and owner stay. `GET` shows the conversation.
    """
    ticket = ticket_to_write(ticket_id)
    mails = _mails(ticket, json_data.emails)
    write_mails(ticket, mails, actor=current_user(), expected_version=json_data.version)
    return _updated(len(mails))


def _updated(mails: int) -> Message:
    return Message(message="Ticket updated" if not mails else f"Ticket updated, {mails} mails written")


def _mails(ticket: Ticket, wanted: Sequence[InteractMail]) -> list[Mail]:
    known = _categories_of_addresses(ticket) if wanted else {}
    mails = []
    for mail in wanted:
        by_category: dict[str, list[str]] = {}
        # A list that ends with its separator has an empty last address.
        for plain in filter(None, (address.strip() for address in mail.to)):
            category = (mail.category or known.get(plain.lower(), "Other")).title()
            by_category.setdefault(category, []).append(plain)
        if not by_category:
            raise Refused("emails.to: expected at least one address")
        attachments = [one.as_attachment() for one in mail.attachments]
        if mail.attach_email_thread:
            attachments.append(_conversation(ticket, by_category))
        # Stored before the transaction that writes the mail.
        files = tuple(EmailService.keep(attachments)) if attachments else ()
        mails += [
            Mail(tuple(addresses), mail.subject, mail.body, category, files)
            for category, addresses in by_category.items()
        ]
    return mails


def _conversation(ticket: Ticket, categories: Iterable[str]) -> Attachment:
    """The conversation with the customer so far. To him alone: nobody else is to see what he wrote, or who he is."""
    others = sorted(set(categories) - {CUSTOMER})
    if others:
        raise Refused(
            f"emails.attachEmailThread: true in a mail to {', '.join(others)}; expected only in mails to {CUSTOMER}"
        )
    try:
        return thread_attachment(ticket, category=CUSTOMER)
    except Refused as error:
        raise Refused(f"emails.attachEmailThread: {error}") from None


def _categories_of_addresses(ticket: Ticket) -> Mapping[str, str]:
    reporters = Provider.filter(reports__ticket=ticket).distinct().values_list("email", flat=True)
    known = {email.lower(): "Plaintiff" for email in reporters}
    details = ticket.defendant.details if ticket.defendant else None
    if details is not None:
        known |= {email.lower(): "Defendant" for email in (details.email, details.spare_email) if email}
    return known
