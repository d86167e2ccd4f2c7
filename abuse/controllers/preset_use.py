"""A preset used on a ticket: its texts say what will be true once the decision is made, and go to whom they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction

from abuse.models import History, MailTemplate, MoveRefused, Ticket, TicketWorkflowPreset, User

from .editing import NotAllowed, Refused, edit
from .filled_texts import FilledText, fill, translated
from .interact import MAX_RECIPIENTS, Mail, carry_out, interact
from .presets import params_of
from .reporters import why_unreachable

_CLOSING = frozenset({"close_with_resolution"})
_REPORTERS = MailTemplate.RecipientType.PLAINTIFF
_CUSTOMER = MailTemplate.RecipientType.DEFENDANT


def filled(
    ticket: Ticket, preset: TicketWorkflowPreset, params: Mapping[str, Any] | None = None, *, actor: User
) -> list[FilledText]:
    """The texts of a preset for a ticket, as they will be true when it is used: with its deadline or resolution.

    `params` are put over those of the preset. Recipients may be none: see `use`. Nothing is changed.

    :raises Refused: when a text shows proof and the ticket has none.
    :raises EmailServiceException: when one cannot be filled in.
    """
    about = Ticket.filter(pk=ticket.pk).select_related("defendant__details", "service", "category", "resolution").get()
    with transaction.atomic():
        if preset.config is not None:
            _rehearse(about, preset.config.action.codename, {**params_of(preset), **(params or {})}, actor=actor)
        texts = [fill(about, translated(about, one)) for one in preset.templates.all()]
        transaction.set_rollback(True)
    closing = preset.config is not None and preset.config.action.codename in _CLOSING
    return [replace(text, recipients=_recipients(ticket, text, closing=closing)) for text in texts]


@transaction.atomic
def use(
    ticket: Ticket,
    preset: TicketWorkflowPreset,
    params: Mapping[str, Any],
    *,
    actor: User,
    expected_version: int | None = None,
) -> int:
    """Do what a preset says, in one go; how many mails were written.

    `params` are put over those of the preset. When it closes the ticket, its texts go to those only who were written to
    about it before: nobody else waits for the end. Otherwise each text must have a recipient.

    :raises Refused: when it has no action, a text has nobody to go to, and see `interact`.
    :raises NotAllowed, MoveRefused, StaleEdit: see `interact`.
    :raises EmailServiceException: when a text cannot be filled in.
    """
    if preset.config is None:
        raise Refused(f"preset {preset.codename}: it has no action; expected one, or use interact")
    codename = preset.config.action.codename
    texts = filled(ticket, preset, params, actor=actor)
    nobody = [text for text in texts if not text.recipients]
    if nobody and codename not in _CLOSING:
        missing = "a customer with an address" if nobody[0].template.recipient_type == _CUSTOMER else "an address"
        raise Refused(f"preset {preset.codename}: text {nobody[0].template.codename} has nobody to go to;"
                      f" expected {missing}")  # fmt: skip
    mails = [
        Mail(text.recipients, text.subject, text.body, text.category, (), text.template.codename, text.body_html)
        for text in texts
        if text.recipients
    ]
    interact(
        ticket, codename, {**params_of(preset), **params}, mails, actor=actor, expected_version=expected_version
    )  # fmt: skip
    return sum(len(mail.recipients) for mail in mails)


def _rehearse(ticket: Ticket, codename: str, params: Mapping[str, Any], *, actor: User) -> None:
    """Make the decision, for a transaction that is rolled back; what cannot be decided like that is left as it is."""
    try:
        with transaction.atomic():
            edit(ticket, actor=actor)
            carry_out(ticket, codename, params, actor=actor)
    except (Refused, NotAllowed, MoveRefused):
        ticket.refresh_from_db()


def _recipients(ticket: Ticket, text: FilledText, *, closing: bool) -> tuple[str, ...]:
    wanted: Sequence[str] = text.recipients
    if text.template.recipient_type == _REPORTERS:
        wanted = _reachable_reporters(ticket)
    if closing:
        heard = _written_to(ticket)
        wanted = [address for address in wanted if address.lower() in heard]
    return tuple(wanted[:MAX_RECIPIENTS])


def _reachable_reporters(ticket: Ticket) -> list[str]:
    """Who reported, the latest first, without machines and those whose name was forged."""
    rows = ticket.reports.order_by("provider_id", "-received_date", "-pk").distinct("provider_id")
    reports = sorted(rows.select_related("provider"), key=lambda row: row.received_date, reverse=True)
    return [report.provider_id for report in reports if not why_unreachable(report)]


def _written_to(ticket: Ticket) -> set[str]:
    rows = History.filter(ticket=ticket, action_type=History.Type.SEND_EMAIL, new__isnull=False)
    return {str(address).lower() for address in rows.values_list("new", flat=True)}
