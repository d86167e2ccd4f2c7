"""Deadlines: each is carried out once, whoever comes first; one that fails harms itself alone."""

from __future__ import annotations

import pytest

from .desk import Desk
from .mails import STRANGER, complaint

REPORTS = 60
MAX_ATTEMPTS = 10


@pytest.fixture
def waiting(desk: Desk) -> Desk:
    """A desk on which sixty reports wait for others, each with a time-out."""
    desk.rows("UPDATE abuse_reportthreshold SET threshold = 1000")
    desk.deliver(complaint(number, sender=STRANGER) for number in range(REPORTS))
    desk.call("work", [])
    assert desk.value("SELECT count(*) FROM abuse_deadline WHERE state = 'pending'") == REPORTS
    return desk


def make_due(desk: Desk) -> None:
    desk.rows("UPDATE abuse_deadline SET due_at = now() - interval '1 second' WHERE state = 'pending'")


def test_a_deadline_that_is_not_due_is_left_alone(waiting: Desk) -> None:
    assert waiting.call("run_due", []) == [0]
    assert waiting.value("SELECT count(*) FROM abuse_report WHERE status = 'New'") == REPORTS


def test_four_processes_at_once_settle_each_deadline_once(waiting: Desk) -> None:
    make_due(waiting)

    settled = waiting.call("run_due", *[[]] * 4)

    assert sum(settled) == REPORTS
    assert sum(count > 0 for count in settled) > 1, f"one process did it all: {settled}"
    assert waiting.rows("SELECT DISTINCT state, result FROM abuse_deadline") == [("done", "archived")]
    assert waiting.rows("SELECT status, count(*) FROM abuse_report GROUP BY status") == [("Archived", REPORTS)]
    changed = waiting.rows("SELECT report_id FROM abuse_history WHERE action_type = 'ChangeReportStatus'")
    assert len(changed) == len(set(changed)) == REPORTS
    assert waiting.call("run_due", *[[]] * 4) == [0] * 4


def test_only_reports_that_are_still_new_are_archived(waiting: Desk) -> None:
    waiting.rows("UPDATE abuse_report SET status = 'ToValidate' WHERE mod(id, 2) = 0")
    make_due(waiting)

    assert sum(waiting.call("run_due", *[[]] * 2)) == REPORTS

    assert waiting.rows("SELECT DISTINCT status FROM abuse_report WHERE mod(id, 2) = 0") == [("ToValidate",)]
    assert waiting.rows("SELECT DISTINCT status FROM abuse_report WHERE mod(id, 2) = 1") == [("Archived",)]
    assert waiting.value("SELECT count(*) FROM abuse_deadline WHERE result = 'the report had moved on'") == REPORTS / 2


def test_a_report_that_somebody_is_about_to_move_on_is_not_archived_behind_his_back(waiting: Desk) -> None:
    make_due(waiting)
    one = waiting.value("SELECT min(id) FROM abuse_report")
    with waiting.database() as connection, connection.transaction():
        connection.execute("UPDATE abuse_report SET status = 'ToValidate' WHERE id = %s", [one])
        assert waiting.call("run_due", []) == [REPORTS - 1]

    assert waiting.call("run_due", []) == [1]
    assert waiting.value("SELECT status FROM abuse_report WHERE id = %s", one) == "ToValidate"
    assert waiting.value("SELECT result FROM abuse_deadline WHERE report_id = %s", one) == "the report had moved on"


def test_a_deadline_that_fails_is_tried_again_and_parked_while_the_others_go_on(waiting: Desk) -> None:
    # A snooze that names no ticket: nothing that the desk would write, and nothing it can carry out.
    bad = waiting.value(
        "UPDATE abuse_deadline SET kind = 'snooze' WHERE id = (SELECT min(id) FROM abuse_deadline) RETURNING id"
    )
    for attempt in range(1, MAX_ATTEMPTS + 1):
        make_due(waiting)
        assert waiting.call("run_due", []) == [REPORTS - 1 if attempt == 1 else 0]
        state, attempts, result, wait = waiting.rows(
            "SELECT state, attempts, result, due_at - now() > interval '1 minute' FROM abuse_deadline WHERE id = %s",
            bad,
        )[0]
        assert (attempts, wait) == (attempt, True)
        assert state == ("failed" if attempt == MAX_ATTEMPTS else "pending")
        assert "names no ticket" in result

    make_due(waiting)
    assert waiting.call("run_due", []) == [0]
    assert waiting.value("SELECT count(*) FROM abuse_report WHERE status = 'Archived'") == REPORTS - 1
