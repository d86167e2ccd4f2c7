"""`outbox`: mails of ours that did not go as they should, and what a person makes of them."""

from __future__ import annotations

from collections.abc import Callable

import click
from django.db.models import Q

from abuse.controllers import outbox
from abuse.controllers.history import robot
from abuse.models import MoveRefused, OutboxState, OutgoingMessage, User

SHOWN = 100


@click.command("outbox")
@click.argument("ids", nargs=-1, type=int)
@click.option("--send-again", is_flag=True, help="Send these mails: given up, taken back, or maybe sent.")
@click.option("--cancel", is_flag=True, help="Take these mails back.")
@click.option("--user", "username", help="In whose name; default: the robot's.")
def outbox_command(ids: tuple[int, ...], send_again: bool, cancel: bool, username: str | None) -> None:
    """Show the mails that were given up, that may have been sent or not, and that came back. Example:

    python main.py outbox --send-again 17 18
    """
    if send_again and cancel:
        raise click.UsageError("--send-again and --cancel exclude each other")
    if bool(ids) != (send_again or cancel):
        raise click.UsageError("name mails by their number, with --send-again or --cancel")
    if not ids:
        _show()
        return
    actor = robot() if username is None else User.objects.filter(username=username).first()
    if actor is None:
        raise click.ClickException(f"--user: {username!r}; there is no such user")
    change: Callable[..., None] = outbox.send_again if send_again else outbox.cancel
    known = OutgoingMessage.objects.in_bulk(ids)
    missing = [pk for pk in ids if pk not in known]
    if missing:
        raise click.ClickException(f"there is no mail {', '.join(map(str, missing))}")
    for message in known.values():
        try:
            change(message, actor=actor)
        except MoveRefused as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"{message.pk}: {'waits to be sent' if send_again else 'taken back'}")


def _show() -> None:
    troubled = Q(state__in=[OutboxState.FAILED, OutboxState.UNCERTAIN]) | Q(bounced_at__isnull=False)
    rows = OutgoingMessage.filter(troubled).select_related("ticket").order_by("-pk")[:SHOWN]
    for row in rows:
        fate = "bounced" if row.bounced_at else row.state
        said = f"{row.bounce_status} {row.bounce_diagnostic}".strip() if row.bounced_at else row.error
        ticket = row.ticket.public_id if row.ticket else "-"
        click.echo(f"{row.pk:>8}  {fate:9}  {ticket:10}  {row.recipient}  {' '.join(said.split())[:120]}")
    if not rows:
        click.echo("All mails went as they should.")
