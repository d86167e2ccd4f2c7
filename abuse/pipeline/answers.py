"""Mails that belong to a ticket: answers, and what machines say about mails of ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from abuse.config import current
from abuse.controllers.bounces import note_bounce, note_bounces_without_ticket
from abuse.models import AttachedDocument, EmailState, Ticket, User
from abuse.models.fields import clipped
from abuse.models.questions import where_merged
from abuse.parsers.robots import written_by_machine
from abuse.parsers.values import MailKind, Returned
from abuse.rules.apply import RulesRun
from abuse.rules.beforehand import Received
from abuse.services.email import EmailService, KeptFile, TicketAnswer
from abuse.services.email.naming import named_in

from .fates import Fate
from .kinds import AUTOMATIC, NO_COMPLAINT
from .reading import ReadMail

Answered = list[tuple[ReadMail, Sequence[TicketAnswer]]]
ASKED_OF_MACHINES = frozenset({"Other"})
"""Parts of a conversation that are led with systems, such as those of a content network: there a machine may answer."""


def tell_answers(mails: Sequence[ReadMail]) -> tuple[list[ReadMail], Answered]:
    """The mails that belong to no ticket, and those that do. A merged ticket's are those of the one it is in now."""
    found = _where_they_are_now(EmailService.find_answers([mail.parsed for mail in mails]))
    pairs = list(zip(mails, found, strict=True))
    return [mail for mail, answers in pairs if not answers], [(mail, answers) for mail, answers in pairs if answers]


def _where_they_are_now(found: Sequence[Sequence[TicketAnswer]]) -> list[Sequence[TicketAnswer]]:
    merged = where_merged(answer.ticket for answers in found for answer in answers)
    if not merged:
        return list(found)
    routed: list[Sequence[TicketAnswer]] = []
    for answers in found:
        parts: dict[tuple[int, str], TicketAnswer] = {}
        for answer in answers:
            now = dataclasses.replace(answer, ticket=merged.get(answer.ticket.pk, answer.ticket))
            key = (now.ticket.pk, now.category)
            if key not in parts or (now.proven and not parts[key].proven):
                parts[key] = now
        routed.append(tuple(parts.values()))
    return routed


def settle_answers(answered: Answered, fates: list[Fate], run: RulesRun, *, actor: User) -> None:
    """Mails that belong to a ticket, by ticket, so that all workers lock tickets in one order."""
    for mail, answers in sorted(answered, key=lambda pair: min(answer.ticket.pk for answer in pair[1])):
        for answer in sorted(answers, key=lambda one: one.ticket.pk):
            _take(mail, answer, run, actor=actor)
        names = ", ".join(sorted({answer.ticket.public_id for answer in answers}))
        what = _of_machine(mail)
        reason = f"{what}, kept with {names}" if what else f"an answer to {names}"
        fates.append(Fate(mail, EmailState.ANSWER, reason, ticket_id=answers[0].ticket.pk))


def _of_machine(mail: ReadMail) -> str:
    """What a mail is that no person wrote; empty for all others."""
    if mail.parsed.kind in AUTOMATIC:
        return NO_COMPLAINT[mail.parsed.kind]
    machine = written_by_machine(mail.parsed.headers, mail.claim.envelope_sender)
    return f"{NO_COMPLAINT[MailKind.AUTO_REPLY]} ({machine})" if machine else ""


def _take(mail: ReadMail, answer: TicketAnswer, run: RulesRun, *, actor: User) -> None:
    ticket = (
        Ticket.objects.select_for_update(of=("self",)).select_related("defendant__details").get(pk=answer.ticket.pk)
    )
    if mail.parsed.kind == MailKind.BOUNCE:
        note_bounce(
            ticket, mail.parsed, category=answer.category, message_id=answer.message_id, email_id=mail.claim.email_id,
            actor=actor,
        )  # fmt: skip
        if mail.parsed.returned is not None and not mail.parsed.returned.is_final:  # late is not lost
            _keep(mail, ticket, answer)
            return
    elif _of_machine(mail) and (mail.parsed.kind in AUTOMATIC or answer.category not in ASKED_OF_MACHINES):
        _keep(mail, ticket, answer)
        return
    _attach_files(mail, ticket)
    known = answer.proven or (EmailService.knows(ticket, mail.parsed.provider) and not is_forged(mail))
    fired = run.decide_answer(
        ticket, mail.parsed, answer.recipient, answer.category, email_id=mail.claim.email_id, known_sender=known
    )
    if fired is None:  # no rule wanted it: it is kept all the same
        _keep(mail, ticket, answer)


def _attach_files(mail: ReadMail, ticket: Ticket) -> None:
    """The files of an answer are the ticket's, too: there a person finds them. A mail that is read again adds none."""
    if not mail.attachments:
        return
    there = set(ticket.attachments.values_list("filename", "name"))
    files = {(one.key, clipped(one.name, 255)): one for one in mail.attachments}
    new = [
        AttachedDocument(name=name, filename=key, filetype=clipped(one.content_type, 255), size=one.size)
        for (key, name), one in files.items()
        if (key, name) not in there
    ]
    ticket.attachments.add(*AttachedDocument.objects.bulk_create(new))


def _keep(mail: ReadMail, ticket: Ticket, answer: TicketAnswer) -> None:
    parsed, received = mail.parsed, received_of(mail)
    EmailService.attach_external_answer(
        ticket, parsed.provider, answer.recipient, parsed.subject, parsed.body, answer.category, received.files,
        email_id=mail.claim.email_id, date=parsed.date, message_id=parsed.message_id, kind=str(parsed.kind),
        forged=received.is_forged,
    )  # fmt: skip


def note_bounces_of_no_ticket(bounces: Sequence[ReadMail]) -> None:
    """Bounces of mails of ours that were about no ticket: only the mail itself knows of it."""
    settings = current().MAIL
    named = [(mail, named_in(mail.parsed, settings)) for mail in bounces]
    note_bounces_without_ticket(
        [(mail.claim.email_id, one.numbers, one.message_ids, mail.parsed.returned or Returned()) for mail, one in named]
    )


def is_forged(mail: ReadMail) -> bool:
    """Whether it was shown that the mail is not from whom it says."""
    return mail.authentication.verdict(mail.parsed.provider) == "fail"


def received_of(mail: ReadMail) -> Received:
    """What is known of a mail beside its parsed form, as the actions of rules need it."""
    files = tuple(KeptFile(one.name, one.content_type, one.key, one.size) for one in mail.attachments)
    return Received(files, is_forged(mail))
