"""History in words, for people. The facts are in the columns; nothing reads these sentences back."""

from __future__ import annotations

from abuse.models import History

_T = History.Type


def sentence(row: History) -> str:
    """What happened, in a sentence without a subject: who did it stands beside it."""
    new, old, refs = row.new or "nothing", row.old or "nothing", row.refs
    match row.action_type:
        case _T.CREATE_TICKET:
            return f"created the ticket{_report(row)}{_from(row)}"
        case _T.ATTACH_REPORT:
            subject = f" ({refs['subject']})" if refs.get("subject") else ""
            return f"attached{_report(row, 'a report')}{_from(row)}{subject}"
        case _T.DETACH_REPORT:
            return f"detached{_report(row, 'a report')}"
        case _T.CHANGE_STATUS:
            reason = f", reason: {refs['resolution']}" if refs.get("resolution") else ""
            return f"changed the status from {old} to {new}{reason}"
        case _T.CHANGE_REPORT_STATUS:
            reason = f", reason: {refs['reason']}" if refs.get("reason") else ""
            return f"changed the status of{_report(row, 'a report')} from {old} to {new}{reason}"
        case _T.CHANGE_TREATED_BY:
            return f"changed treatedBy from {row.old or 'nobody'} to {row.new or 'nobody'}"
        case _T.SEND_EMAIL:
            template = f" ({refs['template']})" if refs.get("template") else ""
            return f"sent an email{template} to {new}"
        case _T.RECEIVE_EMAIL:
            unknown = " (an address that the ticket does not know)" if refs.get("known_sender") is False else ""
            return f"received an email from {new}{unknown}"
        case _T.FAIL_EMAIL:
            error = f": {refs['error']}" if refs.get("error") else ""
            unknown = "does not know whether an email was sent" if refs.get("state") == "uncertain" else "sent no email"
            return f"{unknown} to {new}{error}"
        case _T.BOUNCE_EMAIL:
            return f"was told that an email to {new} {_came_back(row)}"
        case _T.REQUEUE_EMAIL:
            return f"has an email to {new} sent again"
        case _T.CANCEL_EMAIL:
            return f"took back an email to {new}"
        case _T.SET_DEADLINE:
            return f"set the deadline {row.field or 'deadline'} to {new}"
        case _T.CANCEL_DEADLINE:
            kinds = ", ".join(str(kind) for kind in refs.get("kinds", ())) or "deadline"
            return f"cancelled {kinds}, reason: {new}"
        case _:
            return _plain(row)


def _plain(row: History) -> str:
    """`UpdateProperty` of priority becomes "updated property priority from Normal to High"."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in row.action_type).split()
    verb, thing = _PAST.get(words[0], words[0]), " ".join(words[1:])
    parts = [verb, thing, row.field]
    if row.old is not None:
        parts += ["from", row.old]
    if row.new is not None:
        parts += ["to", row.new] if row.old is not None or row.field else [row.new]
    return " ".join(part for part in parts if part)


_PAST = {
    "add": "added",
    "cancel": "cancelled",
    "create": "created",
    "delete": "deleted",
    "deny": "denied",
    "remove": "removed",
    "set": "set",
    "update": "updated",
    "validate": "validated",
}


def _report(row: History, otherwise: str = "") -> str:
    if row.report_id is None:
        return f" {otherwise}" if otherwise else ""
    return f" report {row.report_id}" if otherwise else f" with report {row.report_id}"


def _came_back(row: History) -> str:
    said = f" ({row.refs['diagnostic']})" if row.refs.get("diagnostic") else ""
    return f"{'is late' if row.refs.get('final') is False else 'came back'}{said}"


def _from(row: History) -> str:
    return f" from {row.refs['provider']}" if row.refs.get("provider") else ""
