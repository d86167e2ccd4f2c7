"""`status`: where everything stands, on one page."""

from __future__ import annotations

import click
import redis
import rq
from django.db.models import Count

from abuse.config import current
from abuse.models import (
    Deadline,
    DeadlineState,
    DriftAlarm,
    Email,
    EmailState,
    OutboxState,
    OutgoingMessage,
    Report,
    ReportStatus,
    Ticket,
    TicketStatus,
)
from abuse.pipeline.claims import postponed
from abuse.queues import connection, queue
from abuse.services.email import EmailService


def _counts(title: str, rows: dict[str, int], order: list[str]) -> None:
    click.echo(f"{title} ({sum(rows.values())})")
    for name in order:
        if rows.get(name):
            click.echo(f"  {name:16} {rows[name]:>8}")


def _tell_of_mails_in_trouble() -> None:
    """Mails of ours that did not arrive, or of which nobody knows it: a person decides what becomes of them."""
    states = [OutboxState.FAILED, OutboxState.UNCERTAIN]
    counts = dict(OutgoingMessage.filter(state__in=states).values_list("state").annotate(n=Count("pk")).order_by())
    if counts.get(OutboxState.FAILED):
        click.echo(f"Mails given up: {counts[OutboxState.FAILED]}")
    if counts.get(OutboxState.UNCERTAIN):
        click.echo(f"Mails that may have been sent or not: {counts[OutboxState.UNCERTAIN]}")
    bounced = OutgoingMessage.filter(bounced_at__isnull=False).count()
    if bounced:
        click.echo(f"Mails that came back: {bounced}")


@click.command("status")
def command() -> None:
    """Show mails by state, reports, tickets, obligations and queues. Exit code 1 when mails have failed. Example:

    python main.py status
    """
    mails = dict(Email.all().values_list("state").annotate(n=Count("pk")).order_by())
    _counts("Mails", mails, list(EmailState.values))
    _counts(
        "Reports",
        dict(Report.all().values_list("status").annotate(n=Count("pk")).order_by()),
        list(ReportStatus.values),
    )
    _counts(
        "Tickets",
        dict(Ticket.all().values_list("status").annotate(n=Count("pk")).order_by()),
        list(TicketStatus.values),
    )
    pending = Deadline.filter(state=DeadlineState.PENDING)
    click.echo(f"Deadlines ahead: {pending.count()}")
    outgoing = OutgoingMessage.filter(state=OutboxState.PENDING).count()
    has_way = EmailService.transport(current().MAIL) is not None
    waits = " (no MAIL.relay is configured: they wait)" if outgoing and not has_way else ""
    click.echo(f"Mails to be sent: {outgoing}{waits}")
    _tell_of_mails_in_trouble()
    try:
        for role in ("email", "default", "kpi"):
            one = queue(role)
            click.echo(f"Queue {one.name}: {one.count} waiting, {one.failed_job_registry.count} failed")
        click.echo(f"Workers: {rq.Worker.count(connection=connection())}")
    except redis.RedisError as error:
        click.echo(f"Redis cannot be reached: {error}")
    for alarm in DriftAlarm.filter(settled_at__isnull=True).order_by("raised_at"):
        seen = f" See mail {alarm.email_id}." if alarm.email_id else ""
        click.echo(f"Warning: {alarm.message}{seen}")
    outage = postponed()
    if outage is not None:
        number, since, said = outage
        click.echo(f"Warning: {number} mails wait for the customer database since {since:%Y-%m-%d %H:%M} UTC: {said}")
    failed = Email.filter(state=EmailState.FAILED).order_by("-done_at")[:5]
    for mail in failed:
        click.echo(
            f"Failed: mail {mail.pk} from {mail.source}: {mail.error.splitlines()[0] if mail.error else mail.reason}"
        )
    if mails.get(EmailState.FAILED):
        click.echo("Try again with: python main.py retry-email --failed")
        raise SystemExit(1)
