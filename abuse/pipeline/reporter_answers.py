"""What reporters answer who were asked for missing data: known again, read, and put into the report that lacked it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime

from django.utils import timezone

from abuse.config import current
from abuse.controllers import belonging, questions
from abuse.controllers.belonging import MissingData
from abuse.controllers.history import record
from abuse.controllers.late import unknown_reports
from abuse.controllers.searching import note_reports
from abuse.models import EmailState, History, OutgoingMessage, Report, ReportItem, User
from abuse.parsers import data_answers
from abuse.parsers.data_answers import DataAnswer, Observation
from abuse.parsers.robots import written_by_machine
from abuse.services.email import TicketAnswer
from abuse.services.email.addresses import read_report_address
from abuse.services.email.naming import named_in

from .answers import Answered, is_forged
from .context import parser_context
from .fates import Fate
from .kinds import AUTOMATIC
from .reading import Accusation, ReadMail, parsed_item
from .reporting import complete

_EVER = datetime(2000, 1, 1, tzinfo=UTC)
ReportAnswers = list[tuple[ReadMail, Report]]


def tell_reporters_answers(mails: Sequence[ReadMail]) -> tuple[list[ReadMail], ReportAnswers, Answered]:
    """The mails that answer no question to a reporter; those that do; those whose report is in a ticket meanwhile.

    It is an answer by the address that the question came from, or by naming the question, from whom it was sent to.
    """
    named = _named(mails)
    known = questions.asked_about([pk for found in named.values() for pk in found]) if any(named.values()) else {}
    others: list[ReadMail] = []
    answers: ReportAnswers = []
    joined: Answered = []
    for mail in mails:
        report = next((known[pk] for pk in named[mail.claim.email_id] if pk in known), None)
        if report is None:
            others.append(mail)
        elif report.ticket is not None:
            joined.append((mail, (TicketAnswer(report.ticket, "Plaintiff", _recipient(mail), proven=True),)))
        else:
            answers.append((mail, report))
    return others, answers, joined


def _recipient(mail: ReadMail) -> str:
    return mail.parsed.recipients[0] if mail.parsed.recipients else ""


def _named(mails: Sequence[ReadMail]) -> dict[int, list[int]]:
    """The numbers of the reports that each mail may be an answer about, the surest first. One query, or none."""
    settings = current().MAIL
    found: dict[int, list[int]] = {}
    answered: dict[int, tuple[str, ...]] = {}
    for mail in mails:
        numbers = (read_report_address(address, settings.ticket_domain) for address in mail.parsed.recipients)
        found[mail.claim.email_id] = [number for number in numbers if number is not None]
        if not is_forged(mail):
            answered[mail.claim.email_id] = named_in(mail.parsed, settings).message_ids
    wanted = {identifier for one in answered.values() for identifier in one}
    if not wanted:
        return found
    rows = OutgoingMessage.filter(message_id__in=wanted, template_codename=questions.MISSING_DATA, ticket=None)
    asked = {
        (message_id, recipient.lower()): report_id
        for message_id, recipient, report_id in rows.values_list("message_id", "recipient", "report_id")
    }
    for mail in mails:
        for identifier in answered.get(mail.claim.email_id, ()):
            number = asked.get((identifier, mail.parsed.provider.lower()))
            found[mail.claim.email_id] += [number] if number is not None else []
    return found


def settle_reporters_answers(answered: ReportAnswers, fates: list[Fate], *, actor: User) -> None:
    """Take the answers, in one order of reports for all workers."""
    context = parser_context(current()) if answered else None
    for mail, report in sorted(answered, key=lambda pair: pair[1].pk):
        machine = mail.parsed.kind in AUTOMATIC or written_by_machine(mail.parsed.headers, mail.claim.envelope_sender)
        if machine or context is None:
            fates.append(Fate(mail, EmailState.IGNORED, f"a machine's answer to the question about {report}"))
            continue
        answer = data_answers.read(mail.parsed.body, context)
        locked = (
            Report.objects.select_for_update(of=("self",))
            .select_related("provider", "category", "question")
            .prefetch_related("items")
            .get(pk=report.pk)
        )
        waits = unknown_reports(since=_EVER).filter(pk=locked.pk).exists()
        helps = waits and _complete(locked, locked.question.missing, answer, actor=actor)
        questions.answered(
            locked, answer.text, email_id=mail.claim.email_id, sender=mail.parsed.provider, helps=helps, actor=actor
        )
        what = "it has what was asked" if helps else "a person has to read it"
        fates.append(Fate(mail, EmailState.ANSWER, f"an answer to the question about {report}: {what}"))


def _complete(report: Report, missing: Sequence[str], answer: DataAnswer, *, actor: User) -> bool:
    """Put into a report what its reporter answered; whether it has now what it lacked."""
    if MissingData.ITEM in missing:
        named = [item for item in answer.items if item.host is not None]
        if len(answer.observations) == 1:
            only = answer.observations[0]
            named = [
                dataclasses.replace(item, port=item.port or only.port, seen_at=item.seen_at or only.seen_at)
                for item in named
            ]
        return bool(named) and complete(report, Accusation(None, tuple(named)), actor=actor) > 0
    zone_known = MissingData.ZONE not in missing
    rows = [row for row in report.items.all() if _lacks(row, zone_known=zone_known)]
    shared = belonging.shared_by_ports(map(parsed_item, rows))
    rows = [
        row
        for row in rows
        if belonging.is_on_shared_network(parsed_item(row)) or belonging.network_of(parsed_item(row)) in shared
    ]
    done = [_observed(row, answer.observations, zone_known=zone_known, actor=actor) for row in rows]
    if any(done):
        note_reports([report.pk])
    return any(done)


def _lacks(row: ReportItem, *, zone_known: bool) -> bool:
    item = dataclasses.replace(parsed_item(row), zone_known=zone_known)
    return row.item_type in {ReportItem.Type.IP, ReportItem.Type.URL} and bool(belonging.lacks(item))


def _observed(row: ReportItem, observations: Sequence[Observation], *, zone_known: bool, actor: User) -> bool:
    """Give an item the port and time of the first observation, and let each other one be an item of its own."""
    host = parsed_item(row).host
    known = row.seen_at if zone_known else None
    events = {
        (one.port or row.port, one.seen_at or known): None for one in observations if one.host in {None, host}
    }  # fmt: skip
    whole = [(port, moment) for port, moment in events if port and moment is not None]
    if not whole:
        return False
    before = f"{row.raw_item} port {row.port or '-'} at {row.seen_at.isoformat() if row.seen_at else '-'}"
    for number, (port, seen_at) in enumerate(whole):
        row.port, row.seen_at = port, seen_at
        if number:
            row.pk, row.date = None, timezone.now()
            row._state.adding = True
        row.save()
    record(
        History.Type.UPDATE_ITEM, actor=actor, report=row.report, old=before,
        new=", ".join(f"{row.raw_item} port {port} at {seen_at.isoformat()}" for port, seen_at in whole[:20]),
        reason="its reporter answered",
    )  # fmt: skip
    return True
