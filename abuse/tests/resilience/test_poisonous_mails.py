"""A mail that makes the work fail or die harms itself alone, and is seen in the end."""

from __future__ import annotations

from itertools import pairwise

import pytest

from .desk import Desk, Row, eventually
from .mails import address, complaint
from .traps import CRASHES, FAILS, REFUSES, RULE

GOOD = 25
MAX_ATTEMPTS = 5
FEW_ATTEMPTS = 3
"""Each costs the time of a lease where the worker dies."""


def add_trap(desk: Desk, action: str, subject: str) -> None:
    file = desk.directory / f"{action}.yml"
    file.write_text(RULE.format(name=action, order=10, subject=subject, action=action))
    status, said = desk.run("add-rule", str(file), "--yes")
    assert status == 0, said


def good_mails() -> list[bytes]:
    return [complaint(number) for number in range(GOOD)]


def rows_of(desk: Desk, email_id: int) -> dict[str, int]:
    """How many rows tell of a mail besides its own."""
    return {
        table: desk.value(f"SELECT count(*) FROM abuse_{table} WHERE email_id = %s", email_id)
        for table in ("report", "businessruleshistory", "receivedmessage")
    }


def fate(desk: Desk, email_id: int) -> Row:
    return desk.rows("SELECT state, reason, error, attempts FROM abuse_email WHERE id = %s", email_id)[0]


@pytest.mark.parametrize("stage", ["customer database", "rule action"])
def test_a_mail_that_kills_the_worker_is_parked_and_all_others_are_settled(desk: Desk, stage: str) -> None:
    desk.trust()
    if stage == "customer database":
        killer = complaint(1000, about=CRASHES)
    else:
        add_trap(desk, "trap_crash", "deadly")
        killer = complaint(1000, about=address(1), subject="deadly spam")
    ids = desk.deliver([*good_mails()[:10], killer, *good_mails()[10:]])
    worker = desk.start("run-worker", MAX_ATTEMPTS=str(FEW_ATTEMPTS))
    desk.start("run-scheduler")

    desk.wait_until_settled(GOOD + 1)

    state, reason, error, attempts = fate(desk, ids[10])
    assert (state, reason) == ("failed", f"gave up after {FEW_ATTEMPTS} attempts")
    assert f"the worker stopped {FEW_ATTEMPTS} times while at this mail" in error
    assert attempts == FEW_ATTEMPTS
    assert desk.states() == {"processed": GOOD, "failed": 1}
    # It takes others along once, when nobody knows yet which of the batch it was.
    assert desk.value("SELECT max(attempts) FROM abuse_email WHERE state = 'processed'") <= 2
    assert desk.value("SELECT count(*) FROM abuse_report") == GOOD
    assert rows_of(desk, ids[10]) == {"report": 0, "businessruleshistory": 0, "receivedmessage": 0}
    assert desk.is_running(worker)

    # The rule is mended, the customer database is not; the mail gets another try.
    desk.rows("UPDATE abuse_businessrules SET is_active = false, version = version + 1 WHERE name = 'trap_crash'")
    status, said = desk.run("retry-email", "--failed")
    assert (status, said) == (0, "1 mails wait to be worked on again.\n")
    if stage == "rule action":
        eventually(lambda: desk.states() == {"processed": GOOD + 1}, 20, "the end of the mail that was tried again")
        assert fate(desk, ids[10])[:3] == ("processed", "1 report", "")
    else:
        eventually(lambda: fate(desk, ids[10])[0] == "failed", 20, "the second end of a mail that still kills")
        assert desk.states() == {"processed": GOOD, "failed": 1}


@pytest.mark.parametrize(
    ("about", "subject", "expected"),
    [
        (address(1), "explosive spam", "RuntimeError: the action fails on explosive spam"),
        (FAILS, "spam", "RuntimeError: the customer database fell over that address"),
        (REFUSES, "spam", "CRMServiceException: the customer database takes no such address"),
    ],
    ids=["rule action", "customer database fails", "customer database refuses"],
)
def test_a_mail_that_fails_is_given_back_alone_and_later_each_time(
    desk: Desk, about: str, subject: str, expected: str
) -> None:
    desk.trust()
    add_trap(desk, "trap_fail", "explosive")
    ids = desk.deliver([*good_mails()[:10], complaint(1000, about=about, subject=subject), *good_mails()[10:]])
    bad = ids[10]

    waits = []
    for attempt in range(1, MAX_ATTEMPTS):
        desk.call("work", [], RETRY_SECONDS="30")
        # All others are settled in the first round, by the same worker, at their first attempt.
        assert desk.states() == {"processed": GOOD, "received": 1}
        assert desk.rows("SELECT DISTINCT attempts FROM abuse_email WHERE state = 'processed'") == [(1,)]
        state, _, error, attempts = fate(desk, bad)
        assert (state, attempts) == ("received", attempt)
        assert expected in error
        waits.append(
            desk.value("SELECT extract(epoch FROM next_attempt_at - now())::float FROM abuse_email WHERE id = %s", bad)
        )
        desk.rows("UPDATE abuse_email SET next_attempt_at = now() WHERE id = %s", bad)
    desk.call("work", [], RETRY_SECONDS="30")

    assert fate(desk, bad)[:2] == ("failed", f"gave up after {MAX_ATTEMPTS} attempts")
    assert expected in fate(desk, bad)[2]
    assert all(1.5 * earlier < later < 3 * earlier for earlier, later in pairwise(waits)), waits
    # All or nothing: the ticket and the acknowledgement that the rule made before it failed are gone with the report.
    assert rows_of(desk, bad) == {"report": 0, "businessruleshistory": 0, "receivedmessage": 0}
    assert desk.rows("SELECT defendant_id FROM abuse_ticket") == desk.rows(
        "SELECT id FROM abuse_defendant WHERE customer_id = 'customer0'"
    )
    assert desk.value("SELECT count(*) FROM abuse_defendant WHERE customer_id = 'customer1'") == 0
    assert desk.value("SELECT count(*) FROM abuse_reportitem") == GOOD
    assert desk.value("SELECT count(*) FROM abuse_outgoingmessage") == 1
    assert desk.value("SELECT count(*) FROM abuse_history WHERE action_type = 'AttachReport'") == GOOD
    assert desk.value("SELECT count(*) FROM abuse_report") == GOOD
