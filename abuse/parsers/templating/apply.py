"""What the templates make of one mail: the first candidate that yields items wins.

A machine-readable report (ARF, X-ARF, XARF) beats every template for the items and the kind; where it says no category
or reference of its own, the best candidate's are taken.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from .. import eventtimes
from ..charset import clean
from ..context import ParserContext
from ..formats import Finding, building
from ..message import Message
from ..values import MailKind, ParsedItem
from .compiled import Template
from .select import Candidate
from .take import Taken, first_value, take, unwanted
from .texts import MAX_TEXT, View

log = logging.getLogger(__name__)

MAX_SECONDS = 3.0  # for all templates on one mail; what is not tried by then is said
MAX_REFERENCE = 200
# Kinds that a mail can be without naming anything.
_NEEDS_NO_ITEMS = frozenset(
    (
        MailKind.LEGAL_REQUEST, MailKind.COUNTER_NOTICE, MailKind.RETRACTION, MailKind.INFORMATION,
        MailKind.AUTO_REPLY, MailKind.NEWSLETTER, MailKind.SPAM, MailKind.OTHER,
    )
)  # fmt: skip


@dataclass(slots=True)
class Trial:
    """One candidate as it was tried. `why` says what became of it."""

    candidate: Candidate
    taken: list[Taken] = field(default_factory=list)
    items: tuple[ParsedItem, ...] = ()
    why: str = "not tried"

    @property
    def template(self) -> Template:
        return self.candidate.template


@dataclass(frozen=True, slots=True)
class Reading:
    """The templates' word on a mail.

    `winner` gave the items, or the kind of a mail that needs none. `best` is the candidate whose category and reference
    hold: the winner, or without one the best candidate that can say them. `may_search` is False when a candidate found
    nothing and forbids to search the whole text.
    """

    trials: tuple[Trial, ...] = ()
    winner: Trial | None = None
    best: Template | None = None
    may_search: bool = True
    category: str | None = None
    category_reason: str = ""
    reference: str | None = None

    @property
    def template(self) -> str:
        """The name for `ParsedEmail.template`: "default" when the items are not a template's."""
        if self.winner is not None:
            return self.winner.template.name
        if self.best is not None and (not self.best.rules or not self.may_search):
            return self.best.name
        return "default"


NOTHING = Reading()


def read(message: Message, context: ParserContext, verdict: MailKind | None, finding: Finding | None) -> Reading:
    """Try the candidates for a mail.

    `verdict` is the kind by the mail's headers, None when they say none; `finding` a machine-readable report.
    Never raises: a template that fails is passed over, logged, and named in the mail's defects.
    """
    if context.templates is None or not context.templates:
        return NOTHING
    if verdict not in (None, MailKind.REPLY_TO_TICKET):
        return NOTHING
    view = View(message)
    try:
        candidates = context.templates.candidates(view)
    except Exception:  # a mail must be read whatever a template does; the traceback is in the log
        log.exception("the templates for a mail could not be chosen")
        message.say("The templates could not be tried; the log says why.")
        return NOTHING
    is_answer = verdict is MailKind.REPLY_TO_TICKET
    candidates = [one for one in candidates if (one.template.kind is MailKind.REPLY_TO_TICKET) == is_answer]
    if not candidates:
        return NOTHING
    reading = _try_all(candidates, view, context, finding)
    if view.is_cut:
        message.say(f"The templates read only the first {MAX_TEXT} bytes of a text.")
    return reading


def _try_all(candidates: list[Candidate], view: View, context: ParserContext, finding: Finding | None) -> Reading:
    trials = [Trial(candidate) for candidate in candidates]
    deadline = time.monotonic() + MAX_SECONDS
    if finding is not None:
        for trial in trials:
            trial.why = f"the mail carries a machine-readable report ({finding.template}), which gives the items"
        return _reading(trials, None, True, view, context)
    for trial in trials:
        _try(trial, view, context, deadline)
        if trial.items or trial.template.kind in _NEEDS_NO_ITEMS:
            trial.why = _why_won(trial)
            return _reading(trials, trial, True, view, context)
        if not trial.template.rules:
            trial.why = "it takes nothing itself: the whole text is searched for it"
            return _reading(trials, None, True, view, context, best=trial.template)
        trial.why = "no rule took anything"
        if not trial.template.spec.fallback:
            trial.why += ", and fallback is false: nothing else is tried"
            view.message.say(f"Template {trial.template.name} is for this mail but took nothing.")
            return _reading(trials, None, False, view, context, best=trial.template)
    names = ", ".join(trial.template.name for trial in trials[:5])
    view.message.say(f"Template {names} is for this mail but took nothing; the whole text was searched.")
    return _reading(trials, None, True, view, context)


def _try(trial: Trial, view: View, context: ParserContext, deadline: float) -> None:
    template = trial.template
    try:
        for rule in template.rules:
            trial.taken.append(take(rule, template, view, context, deadline))
            if time.monotonic() > deadline:
                view.message.say(f"The templates took {MAX_SECONDS:.0f} s; they were stopped.")
                break
        items = building.unique(list(_dated(trial.taken, template, view)), context.limits.max_items)
        # what one rule read with its port, another may have read without it
        with_port = {(item.kind, item.value) for item in items if item.port is not None}
        trial.items = tuple(item for item in items if item.port or (item.kind, item.value) not in with_port)
    except Exception:  # as above: the mail goes on without this template
        log.exception("template %s (%s) failed on a mail", template.name, template.origin)
        view.message.say(f"Template {template.name} failed; the log says why.")


def _dated(taken: list[Taken], template: Template, view: View) -> Iterator[ParsedItem]:
    """The items; those of rules that say nothing of the time with what the text says of them, as in free text."""
    needs_none = [one.is_dated for one in taken]
    undated = [item for one, is_dated in zip(taken, needs_none, strict=True) if not is_dated for item in one.items]
    sent, zone = view.written
    text = view.body.decode("utf-8", "replace")
    dated = iter(eventtimes.with_times(undated, text, sent=sent, sent_zone=template.zone or zone))
    for one, is_dated in zip(taken, needs_none, strict=True):
        for item in one.items:
            yield item if is_dated else next(dated)


def _why_won(trial: Trial) -> str:
    if not trial.items:
        return f"it says what the mail is ({trial.template.kind.value}), which needs no items"
    count = len(trial.items)
    return f"the first candidate that took anything ({count} item{'' if count == 1 else 's'})"


def _reading(
    trials: list[Trial], winner: Trial | None, may_search: bool, view: View, context: ParserContext,
    best: Template | None = None,
) -> Reading:  # fmt: skip
    best = winner.template if winner else best or trials[0].template
    category, reason, reference = None, "", None
    try:
        category, reason = category_of(best, view, context)
        reference = reference_of(best, view)
    except Exception:  # as above
        log.exception("template %s (%s) failed on a mail", best.name, best.origin)
        view.message.say(f"Template {best.name} failed; the log says why.")
    return Reading(tuple(trials), winner, best, may_search, category, reason, reference)


def category_of(template: Template, view: View, context: ParserContext) -> tuple[str | None, str]:
    """The category a template gives to a mail, and why; None when it leaves it to the keywords."""
    rule = template.category
    name, reason = rule.fixed, f"template {template.name} says so"
    if rule.map or rule.default:
        searched, where = _category_text(template, view)
        name, reason = rule.default, f"template {template.name}: {where} names none of its words"
        for pattern, words, category in rule.map:
            if searched and pattern.search(searched):
                name, reason = category, f"template {template.name}: {where} has {words!r}"
                break
    if name is not None and name not in context.categories:
        return None, ""
    return name, reason if name else ""


def _category_text(template: Template, view: View) -> tuple[bytes, str]:
    source = template.category.source
    if source is None:
        return view.subject + b"\n" + view.body, "the text"
    value = first_value(source, view)
    return (value or "").encode("utf-8", "replace"), source.words


def reference_of(template: Template, view: View) -> str | None:
    """The reporter's own case number: the first that one of the template's places gives."""
    for source in template.references:
        value = first_value(source, view)
        words = clean(" ".join((value or "").split()))[:MAX_REFERENCE].strip(" .,;:\"'*")
        if words:
            return words
    return None


def without_ignored(items: tuple[ParsedItem, ...], template: Template | None) -> tuple[ParsedItem, ...]:
    """The items of the whole text without those that the best candidate ignores."""
    if template is None:
        return items
    return tuple(item for item in items if unwanted(item, template) is None)
