"""Writing the texts that the desk sends: checked before they are kept, every version kept, with who wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from abuse.models import BusinessRules, MailTemplate, MailTemplateVersion, Report, Ticket, User
from abuse.services.email.texts import TextError, write_row
from abuse.services.email.texts.checking import Fault, check, sample_of, warnings
from abuse.services.email.texts.finding import find_partials
from abuse.services.email.texts.language import PARTIAL_NAME
from abuse.services.email.texts.writing import Parts

from .editing import Refused

Type = MailTemplate.RecipientType

MAX_TEXTS = 5_000
_CODENAME = re.compile(r"[A-Za-z0-9_.:-]{1,255}")
_LANG = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class TextContent:
    """What a text is to be. `lang`: two letters."""

    codename: str
    recipient_type: str
    lang: str
    name: str
    subject: str
    body: str
    body_html: str = ""

    @property
    def parts(self) -> Parts:
        return Parts(self.subject, self.body, self.body_html)


@dataclass(frozen=True, slots=True)
class Preview:
    """A text as it comes out."""

    subject: str
    body: str
    body_html: str
    warnings: tuple[str, ...]


class TextRefused(Refused):
    """The text is not kept; `faults` names each field, line and variable that is wrong."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(str(fault) for fault in faults))


@transaction.atomic
def save_text(content: TextContent, *, actor: User, expected_version: int | None = None) -> MailTemplate:
    """Make a text, or make the one of that codename, recipient type and language what `content` says.

    Saving what it says already changes nothing. A partial is tried in every text of its language that includes it.

    :raises TextRefused: naming every fault of the text, or of a text that includes it.
    :raises Refused: for a codename, recipient type, language or name that is none, or a version that has changed.
    """
    _check_key(content)
    row = _locked(content)
    if expected_version is not None and (row.version if row else 0) != expected_version:
        raise Refused(
            f"version: {expected_version} was edited, but the text is at version {row.version if row else 0} now"
        )
    faults = check(content.parts, content.recipient_type, content.lang, _partials(content), codename=content.codename)
    faults = faults or _faults_where_included(content)
    if faults:
        raise TextRefused(tuple(faults))
    if row is None:
        if MailTemplate.count() >= MAX_TEXTS:
            raise Refused(f"there are {MAX_TEXTS} texts; expected that one is deleted first")
        row = MailTemplate(
            codename=content.codename, recipient_type=content.recipient_type, lang=content.lang, version=0
        )
    elif (row.name, Parts.of(row)) == (content.name, content.parts):
        return row
    else:
        _keep(row, user=None)  # how it was shipped, or was written by other hands
    row.name, row.subject = content.name, content.subject
    row.body, row.body_html = content.body, content.body_html
    row.version += 1
    row.save()
    _keep(row, user=actor)
    return row


@transaction.atomic
def delete_text(row: MailTemplate, *, actor: User) -> None:
    """Take a text away; its versions stay. One that came with Cerberus comes back with the next `initdb`.

    :raises Refused: when a preset uses it; for the last one of its codename also when a rule or the desk itself sends
        it, or a text includes it.
    """
    locked = MailTemplate.filter(pk=row.pk).select_for_update().first()
    if locked is None:
        return
    preset = locked.presets.order_by("pk").first()
    if preset is not None:
        raise Refused(f"{locked}: the preset {preset.codename!r} uses it")
    others = MailTemplate.filter(codename=locked.codename, recipient_type=locked.recipient_type).exclude(pk=locked.pk)
    if not others.exists():
        _refuse_if_needed(locked)
    _keep(locked, user=None)
    MailTemplateVersion.objects.bulk_create(
        [MailTemplateVersion.of(locked, user=actor, date=timezone.now(), is_deletion=True)], ignore_conflicts=True
    )
    locked.delete()


@transaction.atomic
def restore_text(version: MailTemplateVersion, *, actor: User) -> MailTemplate:
    """Make a text what it was in one of its versions; as a new version.

    :raises TextRefused: when it would be refused today.
    """
    return save_text(
        TextContent(
            version.codename, version.recipient_type, version.lang, version.name, version.subject, version.body,
            version.body_html,
        ),
        actor=actor,
    )  # fmt: skip


def versions_of(row: MailTemplate) -> QuerySet[MailTemplateVersion]:
    """The versions of a text, the newest first, with who wrote them."""
    return (
        MailTemplateVersion.filter(codename=row.codename, recipient_type=row.recipient_type, lang=row.lang)
        .select_related("user")
        .order_by("-date", "-pk")
    )


def preview(content: TextContent, *, ticket: Ticket | None = None, report: Report | None = None) -> Preview:
    """A text as it would be sent about a ticket; with sample values when there is none. Nothing is kept or sent.

    :raises TextRefused: when it would not be kept.
    :raises Refused: for a partial and a ticket: a partial is no mail.
    """
    _check_key(content)
    partials = _partials(content)
    faults = check(content.parts, content.recipient_type, content.lang, partials, codename=content.codename)
    if faults:
        raise TextRefused(tuple(faults))
    try:
        if ticket is None:
            rendered = sample_of(content.parts, content.recipient_type, content.lang, partials)
        elif content.recipient_type == Type.PARTIAL:
            raise Refused("recipient_type: Partial is no mail; expected a preview without a ticket")
        else:
            row = MailTemplate(
                codename=content.codename, recipient_type=content.recipient_type, lang=content.lang,
                subject=content.subject, body=content.body, body_html=content.body_html,
            )  # fmt: skip
            written = write_row(row, ticket, report=report)
            rendered = (written.subject, written.body, written.body_html)
    except TextError as error:
        raise TextRefused((Fault("body", str(error)),)) from None
    return Preview(*rendered, warnings=tuple(warnings(content.parts, rendered)))


def _check_key(content: TextContent) -> None:
    if content.recipient_type not in Type.values:
        raise Refused(f"recipient_type: {content.recipient_type[:40]!r}; expected one of {', '.join(Type.values)}")
    pattern = PARTIAL_NAME if content.recipient_type == Type.PARTIAL else _CODENAME
    if pattern.fullmatch(content.codename) is None:
        raise Refused(f"codename: {content.codename[:60]!r}; expected letters, digits and _, such as first_alert")
    if _LANG.fullmatch(content.lang) is None:
        raise Refused(f"lang: {content.lang[:20]!r}; expected two capital letters, such as FR")
    if not 1 <= len(content.name.strip()) <= 255:
        raise Refused(f"name: {len(content.name)} characters; expected 1 to 255")


def _locked(content: TextContent) -> MailTemplate | None:
    key = {"codename": content.codename, "recipient_type": content.recipient_type, "lang": content.lang}
    return MailTemplate.filter(**key).select_for_update().first()


def _partials(content: TextContent) -> Mapping[str, Parts]:
    """All partials as they are for the text's language."""
    codenames = set(MailTemplate.filter(recipient_type=Type.PARTIAL).values_list("codename", flat=True))
    return {key: Parts.of(row) for key, row in find_partials(codenames, [content.lang]).items()}


def _refuse_if_needed(row: MailTemplate) -> None:
    """Whether the last text of a codename may go."""
    if row.shipped_digest:
        raise Refused(f"{row}: the desk itself sends it, and there is none in another language")
    if row.recipient_type == Type.PARTIAL:
        user: object = _including(row.codename).order_by("pk").first()
    else:
        sends = [{"params": {"template_codename": row.codename}}]
        user = BusinessRules.filter(config__actions__contains=sends).order_by("pk").first()
    if user is not None:
        raise Refused(f"{row}: {user} needs it, and there is none in another language")


def _including(codename: str) -> QuerySet[MailTemplate]:
    # A text that only speaks of the include is checked in vain, which does no harm.
    return MailTemplate.filter(body__contains="include", body__icontains=codename).exclude(recipient_type=Type.PARTIAL)


def _faults_where_included(content: TextContent) -> list[Fault]:
    if content.recipient_type != Type.PARTIAL:
        return []
    partials = {**_partials(content), content.codename: content.parts}
    faults = []
    for row in _including(content.codename).filter(lang=content.lang):
        for fault in check(Parts.of(row), row.recipient_type, row.lang, partials):
            faults.append(Fault(fault.field, f"in {row}: {fault.message}", fault.line, fault.variable))
    return faults


def _keep(row: MailTemplate, *, user: User | None) -> None:
    """Keep the present version of a text, unless it is kept already."""
    MailTemplateVersion.objects.bulk_create(
        [MailTemplateVersion.of(row, user=user, date=timezone.now())], ignore_conflicts=True
    )
