"""One decision of an operator: a status, maybe a measure on the service, and mails. All of it, or nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from abuse.models import (
    AbusePermission,
    History,
    Operator,
    Resolution,
    ServiceAction,
    Ticket,
    TicketAction,
    TicketStatus,
    User,
)
from abuse.services.email import EmailService, KeptFile
from abuse.services.email.addresses import is_address
from abuse.services.email.base import CATEGORIES

from . import actions, clocks, moves
from .editing import NotAllowed, Refused, edit
from .history import record

SOON = timedelta(seconds=5)
"""An action "now" leaves a moment to take it back."""
DEFAULT_SNOOZE = 5
"""Seconds."""
MAX_MAILS = 20
MAX_RECIPIENTS = 50

_NEEDED: Mapping[str, frozenset[str]] = {
    "waiting_answer": frozenset(),
    "pause_ticket": frozenset({"pauseDuration"}),
    "close_with_resolution": frozenset({"resolution"}),
    "action_then_close": frozenset({"action", "resolution"}),
    "action_then_waiting_answer": frozenset({"action"}),
    "waiting_answer_then_action": frozenset({"action"}),
    "waiting_answer_then_action_and_close": frozenset({"action", "resolution"}),
}
CODENAMES = frozenset(_NEEDED)
_ALL_PARAMS = frozenset({"snoozeDuration", "pauseDuration", "resolution", "action", "ip"})


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that goes with a decision. `category`: with whom the conversation is, such as Defendant.

    `attachments` were stored before (`EmailService.keep`). `template`: the codename of the text that it was made of.
    """

    recipients: tuple[str, ...]
    subject: str
    body: str
    category: str
    attachments: tuple[KeptFile, ...] = ()
    template: str = ""
    body_html: str = ""


@dataclass(frozen=True, slots=True)
class _Checked:
    resolution: Resolution | None
    action: ServiceAction | None
    ip: str | None
    snooze: int
    pause: int


@transaction.atomic
def interact(
    ticket: Ticket,
    codename: str,
    params: Mapping[str, Any],
    mails: Sequence[Mail] = (),
    *,
    actor: User,
    expected_version: int | None = None,
) -> None:
    """Do one of the seven things with a ticket, and write the mails that go with it.

    `params`: `snoozeDuration` and `pauseDuration` in seconds, `resolution` (codename or id), `action` (id of a
    ServiceAction) and `ip`, as the codename needs them.

    :raises NotAllowed: when the actor's role lacks the codename, or his profile the action.
    :raises Refused: for an unknown codename, parameter, address, category, resolution or action.
    :raises MoveRefused: when the ticket's status does not allow it.
    :raises StaleEdit: when the ticket has changed meanwhile.
    """
    _check_role(codename, actor)
    edit(ticket, actor=actor, expected_version=expected_version)
    _check_mails(mails)
    told = {recipient for mail in mails if mail.category == "Plaintiff" for recipient in mail.recipients}
    carry_out(ticket, codename, params, actor=actor, told=told)
    for mail in mails:
        _send(ticket, mail, actor=actor)


@transaction.atomic
def write_mails(ticket: Ticket, mails: Sequence[Mail], *, actor: User, expected_version: int | None = None) -> None:
    """Write mails about a ticket and leave it as it is otherwise.

    :raises Refused: for no mail, or an address or category that is none.
    :raises StaleEdit: when the ticket has changed meanwhile.
    """
    edit(ticket, actor=actor, expected_version=expected_version)
    if not mails:
        raise Refused("emails: expected at least one mail")
    _check_mails(mails)
    for mail in mails:
        _send(ticket, mail, actor=actor)


def carry_out(
    ticket: Ticket, codename: str, params: Mapping[str, Any], *, actor: User, told: Collection[str] = ()
) -> None:
    """Do one of the seven things with a locked ticket, whatever the actor's role says; see `interact`.

    `told`: the reporters who are written to by the caller.
    """
    checked = _check(codename, params, ticket, actor)
    _change_status(ticket, codename, checked, told, actor=actor)
    _order_action(ticket, codename, checked, actor=actor)


def _change_status(ticket: Ticket, codename: str, checked: _Checked, told: Collection[str], *, actor: User) -> None:
    if codename.startswith("waiting_answer"):
        clocks.begin_snooze(ticket, checked.snooze, actor=actor)
    elif codename == "pause_ticket":
        clocks.pause(ticket, checked.pause, actor=actor)
    elif codename == "close_with_resolution" and checked.resolution is not None:
        moves.close(ticket, checked.resolution, actor=actor, told=told)


def _order_action(ticket: Ticket, codename: str, checked: _Checked, *, actor: User) -> None:
    if checked.action is None:
        return
    waits_first = codename.startswith("waiting_answer")
    then = actions.Then(resolution=checked.resolution.codename if checked.resolution else None)
    if codename == "action_then_waiting_answer":
        then = actions.Then(status=TicketStatus.WAITING_ANSWER, snooze_seconds=checked.snooze)
    actions.schedule_action(
        ticket,
        checked.action,
        due_at=timezone.now() + (timedelta(seconds=checked.snooze) if waits_first else SOON),
        ip=checked.ip,
        actor=actor,
        then=then,
        force=True,
    )


def _send(ticket: Ticket, mail: Mail, *, actor: User) -> None:
    for recipient in dict.fromkeys(mail.recipients):
        message_id = EmailService.send_email(
            ticket, recipient, mail.subject, mail.body, mail.category, attachments=mail.attachments,
            auto_submitted="no", template_codename=mail.template, body_html=mail.body_html,
        )  # fmt: skip
        text: dict[str, Any] = {"template": mail.template} if mail.template else {}
        record(
            History.Type.SEND_EMAIL, actor=actor, ticket=ticket, new=recipient, message_id=message_id,
            category=mail.category, **text,
        )  # fmt: skip


def _check_role(codename: str, actor: User) -> None:
    if codename not in CODENAMES or not TicketAction.filter(codename=codename).exists():
        raise Refused(f"action: {codename!r}; expected one of {', '.join(sorted(CODENAMES))}")
    if actor.is_superuser:
        return
    operator = Operator.filter(user=actor).select_related("role").first()
    allowed = operator.role.models_authorizations.get("ticket", {}).get("interact", []) if operator else []
    if codename not in allowed:
        raise NotAllowed(f"action: the role of {actor} does not allow {codename}")


def _check_mails(mails: Sequence[Mail]) -> None:
    if len(mails) > MAX_MAILS:
        raise Refused(f"emails: {len(mails)}; expected {MAX_MAILS} at most")
    for mail in mails:
        if not 1 <= len(mail.recipients) <= MAX_RECIPIENTS:
            raise Refused(f"emails.recipients: {len(mail.recipients)}; expected 1 to {MAX_RECIPIENTS}")
        for recipient in mail.recipients:
            if not is_address(recipient):
                raise Refused(f"emails.recipients: {recipient!r}; expected an e-mail address")
        if mail.category not in CATEGORIES:
            raise Refused(f"emails.category: {mail.category!r}; expected one of {', '.join(CATEGORIES)}")


def _check(codename: str, params: Mapping[str, Any], ticket: Ticket, actor: User) -> _Checked:
    given = {name for name, value in params.items() if value is not None}
    unknown, missing = given - _ALL_PARAMS, _NEEDED[codename] - given
    if unknown:
        raise Refused(f"params: {', '.join(sorted(unknown))}; expected {', '.join(sorted(_ALL_PARAMS))}")
    if missing:
        raise Refused(f"params: {codename} needs {', '.join(sorted(missing))}")
    uses_resolution = "resolution" in _NEEDED[codename]
    uses_action = "action" in _NEEDED[codename]
    snooze = params.get("snoozeDuration", DEFAULT_SNOOZE)
    return _Checked(
        resolution=_resolution(params["resolution"]) if uses_resolution else None,
        action=_action(params["action"], ticket, actor) if uses_action else None,
        ip=params.get("ip"),
        snooze=clocks.checked_seconds("snoozeDuration", snooze, clocks.MAX_SNOOZE),
        pause=clocks.checked_seconds("pauseDuration", params.get("pauseDuration", 1), clocks.MAX_PAUSE),
    )


def _resolution(wanted: object) -> Resolution:
    by_id = isinstance(wanted, int) and not isinstance(wanted, bool)
    found = Resolution.filter(**({"pk": wanted} if by_id else {"codename": str(wanted)})).first()
    if found is None:
        known = ", ".join(Resolution.all().order_by("codename").values_list("codename", flat=True)[:20])
        raise Refused(f"resolution: {wanted!r}; expected one of {known}")
    return found


def _action(wanted: object, ticket: Ticket, actor: User) -> ServiceAction:
    is_id = isinstance(wanted, int) and not isinstance(wanted, bool)
    found = ServiceAction.filter(pk=wanted).first() if is_id else None
    if found is None:
        raise Refused(f"action: {wanted!r}; expected the id of a service action")
    may = AbusePermission.filter(user=actor, category_id=ticket.category_id, profile__actions=found)
    if not actor.is_superuser and not may.exists():
        raise NotAllowed(f"action: the profile of {actor} in {ticket.category_id} does not allow {found}")
    return found
