"""`explain`: why something is where it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from abuse.models import Email, Report, Ticket
from abuse.rules.explain import explain_mail, explain_report, explain_ticket


@click.command("explain")
@click.argument("what", type=click.Choice(["ticket", "report", "mail"]))
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print it for a program.")
def command(what: str, name: str, as_json: bool) -> None:
    """Say why a ticket (by public id), a report or a mail (by number) is where it is.

    Shows the rules in the order in which they were tried, what settled each, what was done, and what happened since.
    Example:

        python main.py explain ticket BCDFGHJKLM
    """
    try:
        if what == "ticket":
            found = explain_ticket(name)
        elif not name.isdecimal():
            raise click.BadParameter(f"{name!r}; expected the number of a {what}", param_hint="NAME")
        else:
            found = explain_report(int(name)) if what == "report" else explain_mail(int(name))
    except (Ticket.DoesNotExist, Report.DoesNotExist, Email.DoesNotExist):
        raise click.ClickException(f"there is no {what} {name}") from None
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_SHOW[what](found)))


def _ticket(found: dict[str, Any]) -> Iterator[str]:
    ticket = found["ticket"]
    yield f"Ticket {ticket['publicId']} is {ticket['status']}, priority {ticket['priority']}, {ticket['category']}"
    yield f"  about {ticket['defendant'] or 'nobody known'}, {ticket['service'] or 'no service'}"
    owner, since = ticket["treatedBy"] or "nobody", _day(ticket["creationDate"])
    yield f"  owned by {owner}, {ticket['reports']} reports, since {since}"
    yield from _decisions(found["decisions"])
    yield from _ahead(found["ahead"])
    for mail in found["mails"]:
        error = f" ({mail['error']})" if mail["error"] else ""
        yield f"Mail to {mail['to']} of {_day(mail['date'])}: {mail['state']}{error}: {mail['subject']}"
    yield from _history(found["history"])


def _report(found: dict[str, Any]) -> Iterator[str]:
    report = found["report"]
    where = f", in ticket {report['ticket']}" if report["ticket"] else ""
    yield f"Report {report['id']} is {report['status']}{where}: {report['category']}, from {report['provider']}"
    yield f"  about {report['defendant'] or 'nobody known'}, {report['service'] or 'no service'}: {report['subject']}"
    if found["mail"]:
        yield f"  from mail {found['mail']['id']} ({found['mail']['source']}), read as {found['mail']['kind']}"
    yield from _decisions(found["decisions"])
    yield from _ahead(found["ahead"])
    yield from _history(found["history"])


def _mail(found: dict[str, Any]) -> Iterator[str]:
    mail = found["mail"]
    yield f"Mail {mail['id']} is {mail['state']}: {mail['reason'] or 'no reason was kept'}"
    kind, sender = mail["kind"] or "not read yet", mail["provider"] or "unknown"
    yield f"  {kind} from {sender} over {mail['source']}: {mail['subject']}"
    yield f"  delivered {mail['deliveries']} times since {_day(mail['receivedAt'])}, tried {mail['attempts']} times"
    if mail["error"]:
        yield f"  last failure: {mail['error'].splitlines()[0]}"
    if mail["duplicateOf"]:
        yield f"  the same as mail {mail['duplicateOf']}"
    yield from _decisions(found["decisions"])
    for report in found["reports"]:
        yield from _report(report)


_SHOW = {"ticket": _ticket, "report": _report, "mail": _mail}


def _decisions(decisions: list[dict[str, Any]]) -> Iterator[str]:
    for decision in decisions:
        about = f" on report {decision['report']}" if decision["report"] else ""
        if decision["shadow"]:
            done = decision["error"] or f"would do {_names(decision['actions'])}"
            yield f"{_day(decision['date'])} In shadow{about}: rule {decision['rule']}: {done}"
            continue
        version = f" (version {decision['version']})" if decision["version"] else ""
        yield f"{_day(decision['date'])} Decided{about} by {decision['rule'] or 'no rule'}{version}"
        for tried in decision["rules"]:
            yield f"    {tried['rule']}: {'yes' if tried['matched'] else 'no, ' + _because(tried.get('because'))}"
        if decision["actions"]:
            yield f"    done: {_names(decision['actions'])}"
        if decision["limit"]:
            limit = decision["limit"]
            yield f"    not done: {limit['action']}, which may run {limit['limit']} times ({limit['period']})"


def _because(leaf: dict[str, Any] | None) -> str:
    if not leaf:
        return "its conditions did not hold"
    expected = f" {_short(leaf['expected'])}" if "expected" in leaf else ""
    params = (
        f"({', '.join(f'{name}={_short(value)}' for name, value in leaf['params'].items())})"
        if leaf.get("params")
        else ""
    )
    joint = "which is what must not be:" if leaf.get("result") else "not"
    return f"{leaf['name']}{params} was {_short(leaf.get('actual'))}, {joint} {leaf['operator']}{expected}"


def _names(actions: list[dict[str, Any]]) -> str:
    return ", ".join(
        action["name"]
        + (f"({', '.join(_short(value) for value in action['params'].values())})" if action.get("params") else "")
        for action in actions
    )


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59] + "…"


def _ahead(deadlines: list[dict[str, Any]]) -> Iterator[str]:
    for deadline in deadlines:
        task = f" ({deadline['task']})" if deadline["task"] else ""
        yield f"To come at {_day(deadline['dueAt'])}: {deadline['what']}{task}"


def _history(history: list[dict[str, Any]]) -> Iterator[str]:
    for event in history:
        change = " -> ".join(_short(value) for value in (event["old"], event["new"]) if value is not None)
        reason = f" ({event['refs']['reason']})" if event["refs"].get("reason") else ""
        yield f"{_day(event['date'])} {event['type']} {event['field']} {change}{reason} by {event['user']}".replace(
            "  ", " "
        )


def _day(moment: str) -> str:
    return moment[:16].replace("T", " ")
