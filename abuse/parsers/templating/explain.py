"""Why a mail was read as it was: every template that comes near, what its rules took, and which one won."""

from __future__ import annotations

from typing import Any

from ..context import ParserContext
from ..message import Message
from ..values import ParsedEmail
from .apply import Reading, Trial, category_of, reference_of
from .compiled import Template
from .select import Condition, conditions, rank_of
from .take import Taken, take
from .texts import View

_MAX_SHOWN = 50  # values of one rule


def explain(parsed: ParsedEmail, reading: Reading, message: Message, context: ParserContext) -> dict[str, Any]:
    """The way to `parsed`, given what `parse_with_reading` says, in types that `json.dumps` takes.

    Listed are the templates that match, as they were tried, and those of which at least one condition holds; of a
    template that matches but was not tried, or only after another had won, the rules are shown all the same.
    """
    view = View(message)
    tried = {trial.template.name: trial for trial in reading.trials}
    matching: list[tuple[tuple[int, int, str], dict[str, Any]]] = []
    near: list[dict[str, Any]] = []
    others = 0
    for template in context.templates.all if context.templates else ():
        seen = list(conditions(template, view))
        candidate = rank_of(template, view)
        if candidate is not None:
            shown = _candidate(template, seen, tried.get(template.name), reading, view, context)
            matching.append((candidate.order, {**shown, "rank": candidate.rank.name.lower()}))
        elif any(condition.holds for condition in seen):
            near.append({**_head(template, seen), "why": "a condition does not hold"})
        else:
            others += 1
    return {
        "used": parsed.template,
        "why": _why(parsed, reading),
        "candidates": [shown for _, shown in sorted(matching, key=lambda one: one[0])],
        "near": near,
        "others": others,
    }


def _head(template: Template, seen: list[Condition]) -> dict[str, Any]:
    return {
        "template": template.name,
        "file": template.origin,
        "conditions": [{"key": one.key, "holds": one.holds, "seen": one.seen} for one in seen],
    }


def _candidate(
    template: Template,
    seen: list[Condition],
    trial: Trial | None,
    reading: Reading,
    view: View,
    context: ParserContext,
) -> dict[str, Any]:
    taken = trial.taken if trial and trial.taken else [take(rule, template, view, context) for rule in template.rules]
    category, reason = category_of(template, view, context)
    return {
        **_head(template, seen),
        "won": reading.winner is not None and reading.winner.template is template,
        "why": trial.why if trial else "a mail of this kind is not read by this template",
        "rules": [_rule(one) for one in taken],
        "kind": template.kind.value,
        "category": category,
        "category_reason": reason or "guessed by keywords",
        "reference": reference_of(template, view),
        "fallback": template.spec.fallback,
    }


def _rule(taken: Taken) -> dict[str, Any]:
    return {
        "rule": f"{'/'.join(kind.value for kind in taken.rule.kinds)} from {taken.rule.words}",
        "places": taken.places,
        "found": [
            {
                "kind": item.kind.value,
                "value": item.value,
                "raw": item.raw,
                "port": item.port,
                "protocol": item.protocol,
                "seen_at": item.seen_at.isoformat() if item.seen_at else None,
            }
            for item in taken.items[:_MAX_SHOWN]
        ],
        "count": len(taken.items),
        "left": [{"text": text, "reason": reason} for text, reason in taken.left],
    }


def _why(parsed: ParsedEmail, reading: Reading) -> str:
    if reading.winner is not None and parsed.template == reading.winner.template.name:
        return reading.winner.why
    if parsed.template != "default" and reading.best is not None and parsed.template == reading.best.name:
        return next(trial.why for trial in reading.trials if trial.template is reading.best)
    if parsed.template != "default":
        return parsed.kind_reason
    if reading.trials:
        return "no template took anything; the whole text was searched"
    return f"no template is for this mail ({parsed.kind_reason}); the whole text counts"


def for_people(explained: dict[str, Any]) -> str:
    """The explanation as indented lines."""
    lines = [f"  used       {explained['used']}: {explained['why']}"]
    for one in explained["candidates"]:
        lines.append(f"  template   {one['template']} ({one['rank']}) matches: {one['why']}")
        lines += _condition_lines(one)
        for rule in one["rules"]:
            lines.append(f"    take     {rule['rule']}: {_found(rule)}")
            lines += [f"      left   {left['text']!r}: {left['reason']}" for left in rule["left"]]
        lines.append(f"    category {one['category'] or 'guess'} ({one['category_reason']})")
        if one["reference"]:
            lines.append(f"    ref      {one['reference']}")
    for one in explained["near"]:
        lines.append(f"  template   {one['template']} does not match")
        lines += _condition_lines(one)
    lines.append(f"  others     {explained['others']} templates are for other mails")
    return "\n".join(lines)


def _condition_lines(one: dict[str, Any]) -> list[str]:
    return [
        f"    {'holds' if condition['holds'] else 'FAILS'}    {condition['key']}: {condition['seen']!r}"
        for condition in one["conditions"]
    ]


def _found(rule: dict[str, Any]) -> str:
    if not rule["found"]:
        return "nothing" if not rule["places"] else f"nothing at {rule['places']} place(s)"
    shown = []
    for item in rule["found"]:
        facts = [str(item[key]) for key in ("port", "protocol", "seen_at") if item[key] is not None]
        shown.append(item["value"] + (f" ({' '.join(facts)})" if facts else ""))
    more = rule["count"] - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
