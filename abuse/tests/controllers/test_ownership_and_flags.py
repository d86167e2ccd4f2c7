"""Who works on a ticket, and the marks on it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from abuse.controllers import clocks, flags, ownership, proofs, tickets, workflow
from abuse.controllers.annotations import (
    add_comment,
    delete_comment,
    delete_proof,
    star,
    unstar,
    update_comment,
    update_proof,
)
from abuse.controllers.editing import Refused, StaleEdit
from abuse.controllers.history import robot
from abuse.models import (
    Comment,
    Defendant,
    History,
    MoveRefused,
    Priority,
    Profile,
    Proof,
    StarredTicket,
    Ticket,
    TicketStatus,
)

from .people import make_user
from .test_tickets import make_report, make_ticket
from .time_machine import pass_time

pytestmark = pytest.mark.django_db


def owner() -> str | None:
    user = Ticket.get().treated_by
    return user.username if user else None


def test_a_ticket_is_given_to_somebody_and_to_nobody() -> None:
    ticket, ann = make_ticket(), make_user("ann")
    assert ownership.assign(ticket, ann, actor=ann)
    assert not ownership.assign(ticket, ann, actor=ann)
    assert owner() == "ann"
    assert ownership.assign(ticket, None, actor=ann)
    rows = History.filter(action_type="ChangeTreatedby").order_by("pk").values_list("old", "new")
    assert list(rows) == [(None, "ann"), ("ann", None)]


@pytest.mark.parametrize("profile", [None, "Read-only"])
def test_who_may_only_read_gets_no_ticket(profile: str | None) -> None:
    reader = make_user("reader", profile)
    with pytest.raises(Refused, match="treatedBy: reader has no profile in Spam that works on tickets"):
        ownership.assign(make_ticket(), reader, actor=robot())


def test_the_owner_of_a_protected_ticket_stays() -> None:
    ticket, ann, bob = make_ticket(), make_user("ann"), make_user("bob")
    ownership.assign(ticket, ann, actor=ann)
    flags.set_flag(ticket, "protected", True, actor=ann)
    with pytest.raises(Refused, match="is protected"):
        ownership.assign(ticket, bob, actor=bob)
    assert owner() == "ann"


def test_opening_a_ticket_takes_it_once() -> None:
    ticket, ann, bob = make_ticket(), make_user("ann"), make_user("bob")
    assert ownership.take_on_opening(Ticket.get(), actor=ann)
    assert not ownership.take_on_opening(ticket, actor=bob)
    assert owner() == "ann"
    assert Ticket.get().looked_at is not None
    with CaptureQueriesContext(connection) as queries:
        ownership.take_on_opening(Ticket.get(), actor=bob)
    assert len([query for query in queries if "UPDATE" in query["sql"]]) == 0


@pytest.mark.parametrize("profile", [None, "Read-only"])
def test_who_may_only_read_takes_nothing_by_opening(profile: str | None) -> None:
    make_ticket()
    assert not ownership.take_on_opening(Ticket.get(), actor=make_user("reader", profile))
    assert owner() is None


def test_a_protected_ticket_is_not_taken_by_opening() -> None:
    ticket = make_ticket()
    flags.set_flag(ticket, "protected", True, actor=robot())
    assert not ownership.take_on_opening(ticket, actor=make_user("ann"))


def test_a_ticket_just_given_back_is_not_taken_at_once() -> None:
    ticket, ann = make_ticket(), make_user("ann")
    ownership.assign(ticket, ann, actor=ann)
    ownership.assign(ticket, None, actor=ann)
    assert not ownership.take_on_opening(ticket, actor=ann)
    History.filter(action_type="ChangeTreatedby").update(date=timezone.now() - timedelta(seconds=16))
    assert ownership.take_on_opening(ticket, actor=ann)


@pytest.mark.parametrize(("says_so", "expected"), [(True, None), (False, "ann")])
def test_an_answer_frees_the_ticket_where_the_role_says_so(says_so: bool, expected: str | None) -> None:
    ticket, ann = make_ticket(), make_user("ann", unassignedOnAnswer=says_so)
    ownership.assign(ticket, ann, actor=ann)
    tickets.set_status(Ticket.get(), TicketStatus.ANSWERED, actor=robot())
    assert owner() == expected


def test_waking_up_twice_frees_the_ticket_where_the_role_says_so() -> None:
    ticket, ann = make_ticket(), make_user("ann", unassignedOnMultipleAlarm=True)
    ownership.assign(ticket, ann, actor=ann)
    for expected in ("ann", None):
        clocks.snooze(ticket, 60, actor=ann)
        pass_time(seconds=61)
        workflow.run_due()
        assert owner() == expected
    assert Ticket.get().alarm
    assert Ticket.get().status == "Alarm"


@pytest.mark.parametrize("flag", ["alarm", "confidential", "escalated", "locked", "moderation", "protected"])
def test_a_mark_is_set_once_with_history(flag: flags.Flag) -> None:
    ticket = make_ticket()
    before = Ticket.get().version
    assert flags.set_flag(ticket, flag, True, actor=robot())
    assert not flags.set_flag(ticket, flag, True, actor=robot())
    assert getattr(Ticket.get(), flag) is True
    assert Ticket.get().version > before
    row = History.get(action_type="UpdateProperty")
    assert (row.field, row.old, row.new) == (flag, "False", "True")
    with pytest.raises(StaleEdit):
        flags.set_flag(ticket, flag, False, actor=robot(), expected_version=before)


def test_an_unknown_mark_is_refused() -> None:
    with pytest.raises(Refused, match="'level'; expected one of alarm, confidential"):
        flags.set_flag(make_ticket(), "level", True, actor=robot())  # type: ignore[arg-type]


def test_escalating_drops_the_owner() -> None:
    ticket, ann = make_ticket(), make_user("ann")
    ownership.assign(ticket, ann, actor=ann)
    flags.set_flag(ticket, "escalated", True, actor=ann)
    assert owner() is None


@pytest.mark.parametrize("flag", ["escalated", "moderation"])
def test_beginners_neither_escalate_nor_moderate(flag: flags.Flag) -> None:
    ticket, novice = make_ticket(), make_user("novice", Profile.Name.BEGINNER)
    with pytest.raises(Refused, match="a beginner in Spam may not change it"):
        flags.set_flag(ticket, flag, True, actor=novice)
    assert flags.set_flag(ticket, "alarm", True, actor=novice)


def test_only_one_open_ticket_takes_reports() -> None:
    first = make_ticket()
    flags.set_flag(first, "update", False, actor=robot())
    second = make_ticket()
    assert second != first
    with pytest.raises(Refused, match="another open ticket on the same matter"):
        flags.set_flag(first, "update", True, actor=robot())
    tickets.close_ticket(second, "fixed", actor=robot())
    assert flags.set_flag(first, "update", True, actor=robot())


def test_a_reopened_ticket_takes_reports_unless_another_does() -> None:
    first = make_ticket()
    tickets.close_ticket(first, "fixed", actor=robot())
    tickets.reopen(first, actor=robot())
    assert Ticket.get().update is True
    assert Ticket.get().status == "Reopened"
    assert first.reports.get().status == "Attached"
    tickets.close_ticket(first, "fixed", actor=robot(), keep_update=True)
    second = make_ticket()
    assert second != first
    tickets.reopen(first, actor=robot())
    first.refresh_from_db()
    assert (first.status, first.update) == ("Reopened", False)
    with pytest.raises(MoveRefused):
        tickets.reopen(first, actor=robot())


def test_priority_by_hand_and_back() -> None:
    ticket = make_ticket(priority="Low")
    assert flags.set_priority(ticket, Priority.CRITICAL, actor=robot())
    tickets.attach_report(make_report(priority="High"), ticket, actor=robot())
    assert Ticket.get().priority == "Critical"
    assert flags.set_priority(ticket, None, actor=robot())
    found = Ticket.get()
    assert (found.priority, found.priority_is_manual) == ("High", False)
    with pytest.raises(Refused, match="priority: 'Urgent'"):
        flags.set_priority(ticket, "Urgent", actor=robot())  # type: ignore[arg-type]


def test_another_customer_has_no_service_yet() -> None:
    ticket = make_ticket()
    other = Defendant.create(customer_id="c9")
    assert flags.set_defendant(ticket, other, actor=robot())
    found = Ticket.get()
    assert (found.defendant, found.service) == (other, None)
    tickets.close_ticket(ticket, "fixed", actor=robot())
    with pytest.raises(Refused, match="is closed"):
        flags.set_defendant(ticket, None, actor=robot())


def test_only_the_author_changes_a_remark() -> None:
    ticket, ann, bob = make_ticket(), make_user("ann"), make_user("bob")
    row = add_comment(ticket, " Look at this. ", actor=ann)
    assert row.comment.comment == "Look at this."
    for change in (
        lambda: update_comment(row, "No.", actor=bob),
        lambda: delete_comment(row, actor=bob),
    ):
        with pytest.raises(Refused, match="is ann's: only its author may change it"):
            change()
    assert update_comment(row, "Look at that.", actor=ann)
    found = Comment.get()
    assert (found.comment, found.edited_at is not None) == ("Look at that.", True)
    delete_comment(row, actor=ann)
    kinds = History.filter(action_type__contains="Comment").order_by("pk").values_list("action_type", flat=True)
    assert (Comment.count(), list(kinds)) == (0, ["AddComment", "UpdateComment", "DeleteComment"])
    with pytest.raises(Refused, match="comment: 0 characters"):
        add_comment(ticket, "  ", actor=ann)


def test_a_star_is_ones_own() -> None:
    ticket, ann, bob = make_ticket(), make_user("ann"), make_user("bob")
    assert star(ticket, actor=ann)
    assert not star(ticket, actor=ann)
    assert star(ticket, actor=bob)
    assert unstar(ticket, actor=ann)
    assert not unstar(ticket, actor=ann)
    assert StarredTicket.get().user == bob


def test_changing_one_proof_leaves_the_others() -> None:
    ticket = make_ticket()
    first = proofs.add_proof(ticket, "first", actor=robot())
    second = proofs.add_proof(ticket, "second", actor=robot())
    assert update_proof(first, "first, told by joe@reporter.example", actor=robot())
    texts = Proof.all().order_by("pk").values_list("content", flat=True)
    assert list(texts) == ["first, told by email-removed@provider.com", "second"]
    delete_proof(second, actor=robot())
    assert Proof.get() == first
    with pytest.raises(Refused, match="an empty text proves nothing"):
        update_proof(first, " ", actor=robot())


def test_tags_come_and_go_with_history() -> None:
    ticket = make_ticket()
    tickets.add_tag(ticket, "botnet", actor=robot())
    assert tickets.remove_tag(ticket, "botnet", actor=robot())
    assert not tickets.remove_tag(ticket, "botnet", actor=robot())
    kinds = History.filter(action_type__endswith="Tag").order_by("pk").values_list("action_type", flat=True)
    assert list(kinds) == ["AddTag", "RemoveTag"]


def test_an_edit_overwrites_nothing_that_others_wrote() -> None:
    ticket = make_ticket()
    stale = Ticket.get()
    flags.set_flag(ticket, "confidential", True, actor=robot())
    flags.set_priority(stale, Priority.LOW, actor=robot())
    found = Ticket.get()
    assert (found.confidential, found.priority) == (True, "Low")
