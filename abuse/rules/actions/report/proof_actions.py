"""Actions that keep proof with the ticket. E-mail addresses are removed from it."""

from __future__ import annotations

from abuse.controllers import proofs
from abuse.models import ReportItem
from abuse.parsers.htmltext import to_text

from ...checks import check_pattern, compiled_pattern
from ...engine.actions import rule_action
from ...engine.fields import FIELD_BOOLEAN, FIELD_SELECT, FIELD_TEXT
from .base import ReportActionsBase


class ProofActions(ReportActionsBase):
    """Keeping what shows the abuse. `flush_proof`: in the place of the proof there was."""

    @rule_action(
        label="Keep a part of the mail as proof",
        params=[
            {"name": "regex", "fieldType": FIELD_TEXT, "check": check_pattern},
            {"name": "multiline", "fieldType": FIELD_BOOLEAN, "label": "^ and $ match at each line"},
            {"name": "dehtmlify", "fieldType": FIELD_BOOLEAN, "label": "Without HTML"},
            {"name": "flush_proof", "fieldType": FIELD_BOOLEAN},
        ],
    )
    def add_email_body_regex_proof(
        self, regex: str, multiline: bool = False, dehtmlify: bool = True, flush_proof: bool = True
    ) -> None:
        """The first match in the text of the mail; it fails where there is none."""
        pattern = compiled_pattern(regex, multiline=multiline)
        found = pattern.search(self.report.body.encode("utf-8", "replace").decode("utf-8"))
        if found is None:
            raise ValueError(f"report {self.report.pk}: nothing in the mail matches {regex[:100]!r}")
        self._keep(found.group(0), dehtmlify=dehtmlify, flush=flush_proof)

    @rule_action(label="Keep the mail as proof", params={"flush_proof": FIELD_BOOLEAN})
    def add_email_body_as_proof(self, flush_proof: bool = True) -> None:
        self._keep(self.report.body, dehtmlify=True, flush=flush_proof)

    @rule_action(
        label="Keep the reported things as proof",
        params=[
            {"name": "item_type", "fieldType": FIELD_SELECT, "options": list(ReportItem.Type.values)},
            {"name": "flush_proof", "fieldType": FIELD_BOOLEAN},
        ],
    )
    def add_items_as_proof(self, item_type: str, flush_proof: bool = True) -> None:
        """Those of one type, one a line; it fails where there is none."""
        wanted = item_type.upper()
        lines = dict.fromkeys(item.raw_item for item in self.report.items.all() if item.item_type == wanted)
        if not lines:
            raise ValueError(f"report {self.report.pk} names no {wanted}")
        self._keep("\n".join(lines), dehtmlify=False, flush=flush_proof)

    def _keep(self, text: str, *, dehtmlify: bool, flush: bool) -> None:
        ticket = self._needed_ticket()
        if flush:
            proofs.remove_proofs(ticket, actor=self.actor)
        proofs.add_proof(ticket, to_text(text) if dehtmlify and _is_markup(text) else text, actor=self.actor)


_MARKS = ("<html", "<body", "<div", "<p>", "<br", "<table", "<span")


def _is_markup(text: str) -> bool:
    """Whether a text is HTML. A plain one with angle brackets, such as XML in a complaint, is left as it is."""
    start = text[:20_000].lower()
    return any(mark in start for mark in _MARKS)
