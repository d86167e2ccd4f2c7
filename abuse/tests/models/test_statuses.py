"""The tables of moves: every pair is either allowed or refused, and the refusal says what is allowed."""

from __future__ import annotations

from itertools import product

import pytest

from abuse.models.statuses import (
    EMAIL_ENDS,
    EMAIL_MOVES,
    OUTBOX_MOVES,
    REPORT_MOVES,
    TICKET_MOVES,
    EmailState,
    MoveRefused,
    OutboxState,
    Priority,
    ReportStatus,
    TicketStatus,
    check_move,
)

TABLES = [
    pytest.param(EMAIL_MOVES, EmailState, id="mails"),
    pytest.param(REPORT_MOVES, ReportStatus, id="reports"),
    pytest.param(OUTBOX_MOVES, OutboxState, id="mails of ours"),
    pytest.param(TICKET_MOVES, TicketStatus, id="tickets"),
]


@pytest.mark.parametrize(("moves", "statuses"), TABLES)
def test_every_pair_is_decided_by_the_table(moves, statuses) -> None:  # type: ignore[no-untyped-def]
    assert set(moves) == set(statuses)
    for old, new in product(statuses, repeat=2):
        if new in moves[old]:
            check_move("it", moves, old, new)
        else:
            with pytest.raises(MoveRefused) as caught:
                check_move("it", moves, old, new)
            assert f"it: {old} -> {new} is not allowed" in str(caught.value)


def test_ends_of_mails_are_left_only_to_be_tried_again() -> None:
    for end in EMAIL_ENDS:
        assert EMAIL_MOVES[end] <= {EmailState.RECEIVED}
    assert EMAIL_MOVES[EmailState.PROCESSED] == frozenset()


def test_a_closed_ticket_only_comes_back_as_reopened() -> None:
    assert TICKET_MOVES[TicketStatus.CLOSED] == {TicketStatus.REOPENED}
    assert all(
        TicketStatus.REOPENED not in moves for old, moves in TICKET_MOVES.items() if old not in {"Closed", "Paused"}
    )


def test_every_live_ticket_can_be_closed() -> None:
    assert all(TicketStatus.CLOSED in TICKET_MOVES[status] for status in TicketStatus if status != TicketStatus.CLOSED)


def test_priorities_are_ranked() -> None:
    assert [priority.rank for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.CRITICAL)] == [
        0,
        1,
        2,
        3,
    ]
