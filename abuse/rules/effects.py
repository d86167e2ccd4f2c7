"""What an action would do, in a few words, without doing it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from abuse.models import Report, ReportItem

from .checks import compiled_pattern
from .engine.facts import Facts
from .engine.jsonable import bounded
from .engine.tree import ActionCall

NEEDED: Mapping[str, frozenset[str]] = {
    "add_email_body_regex_proof": frozenset({"body"}),
    "add_items_as_proof": frozenset({"items"}),
    "block_report_url": frozenset({"items"}),
}
"""What of a report must be at hand to tell the effect of an action (see `Chunk.need`)."""


def effect_of(call: ActionCall, report: Report, facts: Facts) -> str:
    """What one action of a rule would do to a report: one of few sentences, so that they can be counted."""
    special = _EFFECTS.get(call.action.name)
    return special(call, report, facts) if special is not None else _as_written(call)


def _as_written(call: ActionCall) -> str:
    if not call.params:
        return call.action.label
    arguments = ", ".join(f"{name} {_short(value)}" for name, value in call.params.items())
    return f"{call.action.label}: {arguments}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(bounded(value), ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def _create_ticket(call: ActionCall, report: Report, facts: Facts) -> str:
    if call.params.get("create_new") or not facts.value("has_ticket"):
        return "Opens a ticket"
    return "Joins the open ticket"


def _attach(call: ActionCall, report: Report, facts: Facts) -> str:
    return "Joins the open ticket" if facts.value("has_ticket") else "FAILS: there is no ticket to join"


def _body_proof(call: ActionCall, report: Report, facts: Facts) -> str:
    pattern = compiled_pattern(str(call.params["regex"]), multiline=bool(call.params.get("multiline")))
    found = pattern.search(report.body.encode("utf-8", "replace").decode("utf-8"))
    return "Keeps a part of the mail as proof" if found is not None else "FAILS: nothing in the mail matches"


def _item_proof(call: ActionCall, report: Report, facts: Facts) -> str:
    kind = str(call.params["item_type"]).upper()
    if any(item.item_type == kind for item in report.items.all()):
        return f"Keeps the reported {kind}s as proof"
    return f"FAILS: the report names no {kind}"


def _block(call: ActionCall, report: Report, facts: Facts) -> str:
    urls = {item.raw_item for item in report.items.all() if item.item_type == ReportItem.Type.URL}
    return "Has pages blocked" if urls else "Blocks nothing: the report names no page"


_EFFECTS: Mapping[str, Callable[[ActionCall, Report, Facts], str]] = {
    "create_ticket": _create_ticket,
    "attach_report_to_ticket": _attach,
    "add_email_body_regex_proof": _body_proof,
    "add_items_as_proof": _item_proof,
    "block_report_url": _block,
}
