"""History in words."""

from __future__ import annotations

from typing import Any

import pytest

from abuse.api.sentences import sentence
from abuse.models import History

T = History.Type


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"action_type": T.CREATE_TICKET, "report_id": 5, "new": "BCD", "refs": {"provider": "a@example.com"}},
            "created the ticket with report 5 from a@example.com",
        ),
        ({"action_type": T.CREATE_TICKET, "new": "BCD"}, "created the ticket"),
        (
            {"action_type": T.ATTACH_REPORT, "report_id": 5, "refs": {"provider": "a@example.com", "subject": "Spam"}},
            "attached report 5 from a@example.com (Spam)",
        ),
        ({"action_type": T.DETACH_REPORT}, "detached a report"),
        (
            {"action_type": T.CHANGE_STATUS, "old": "Open", "new": "Closed", "refs": {"resolution": "fixed"}},
            "changed the status from Open to Closed, reason: fixed",
        ),
        (
            {"action_type": T.CHANGE_STATUS, "old": "Open", "new": "Alarm", "refs": {"resolution": None}},
            "changed the status from Open to Alarm",
        ),
        (
            {
                "action_type": T.CHANGE_REPORT_STATUS,
                "report_id": 5,
                "old": "New",
                "new": "Archived",
                "refs": {"reason": "x"},
            },
            "changed the status of report 5 from New to Archived, reason: x",
        ),
        ({"action_type": T.CHANGE_TREATED_BY, "new": "alice"}, "changed treatedBy from nobody to alice"),
        ({"action_type": T.CHANGE_TREATED_BY, "old": "alice"}, "changed treatedBy from alice to nobody"),
        (
            {"action_type": T.SEND_EMAIL, "new": "a@example.com", "refs": {"template": "fixed"}},
            "sent an email (fixed) to a@example.com",
        ),
        (
            {"action_type": T.RECEIVE_EMAIL, "new": "a@example.com", "refs": {"known_sender": False}},
            "received an email from a@example.com (an address that the ticket does not know)",
        ),
        (
            {"action_type": T.RECEIVE_EMAIL, "new": "a@example.com", "refs": {"known_sender": True}},
            "received an email from a@example.com",
        ),
        ({"action_type": T.SET_DEADLINE, "field": "snooze", "new": "2026"}, "set the deadline snooze to 2026"),
        (
            {"action_type": T.CANCEL_DEADLINE, "new": "the ticket was closed", "refs": {"kinds": ["pause", "snooze"]}},
            "cancelled pause, snooze, reason: the ticket was closed",
        ),
        ({"action_type": T.ADD_TAG, "new": "fraud"}, "added tag fraud"),
        ({"action_type": T.REMOVE_TAG, "old": "fraud"}, "removed tag from fraud"),
        (
            {"action_type": T.UPDATE_PROPERTY, "field": "priority", "old": "Normal", "new": "High"},
            "updated property priority from Normal to High",
        ),
        ({"action_type": T.DELETE_COMMENT}, "deleted comment"),
    ],
)
def test_each_says_what_happened(row: dict[str, Any], said: str) -> None:
    assert sentence(History(**row)) == said


@pytest.mark.parametrize("kind", list(T))
def test_every_kind_has_words_whatever_is_known(kind: History.Type) -> None:
    said = sentence(History(action_type=kind))
    assert said
    assert "None" not in said
    assert said == said.strip()
