"""Putting tickets together, taking them apart, changing many."""

from __future__ import annotations

import pytest
from django.utils import timezone

from abuse.controllers import (
    bulk,
    clocks,
    correspondence,
    flags,
    merging,
    moves,
    ownership,
    proofs,
    tickets,
)
from abuse.controllers.annotations import add_comment, star
from abuse.controllers.editing import Refused, StaleEdit
from abuse.controllers.history import robot
from abuse.models import (
    Deadline,
    Email,
    History,
    OutgoingMessage,
    Priority,
    Proof,
    ReceivedMessage,
    Report,
    StarredTicket,
    Ticket,
    TicketComment,
    TicketStatus,
)

from ..counted import are_counted
from .people import make_user
from .test_tickets import make_report, make_ticket

pytestmark = pytest.mark.django_db


def two_tickets() -> tuple[Ticket, Ticket]:
    """Two open tickets about one customer."""
    first = make_ticket()
    flags.set_flag(first, "update", False, actor=robot())
    return first, make_ticket(priority="High")


def received(ticket: Ticket, email: Email | None) -> ReceivedMessage:
    return ReceivedMessage.create(
        ticket=ticket, email=email, category="Defendant", sender="s@x.example", recipient="r", date=timezone.now()
    )


def an_email() -> Email:
    now = timezone.now()
    return Email.create(
        sha256="a" * 64, size=1, source="test", received_at=now, last_delivered_at=now, next_attempt_at=now
    )


def test_merging_moves_everything() -> None:
    source, target = two_tickets()
    ann = make_user("ann")
    add_comment(source, "see also", actor=ann)
    star(source, actor=ann)
    proofs.add_proof(source, "proof", actor=ann)
    tickets.add_tag(source, "botnet", actor=ann)
    correspondence.send_template(source, "ticket_closed", "c1@customer.example", cause="x", actor=ann)
    received(source, None)
    clocks.snooze(source, 600, actor=ann)
    count = History.filter(ticket=source).count()

    merging.merge(source, target, actor=ann)

    for model in (OutgoingMessage, ReceivedMessage, TicketComment, Proof, StarredTicket):
        assert model.objects.get().ticket == target, model
    assert set(Report.all().values_list("ticket", "status")) == {(target.pk, "Attached")}
    source.refresh_from_db()
    target.refresh_from_db()
    assert (source.status, source.merged_into, source.resolution) == ("Closed", target, None)
    assert (target.status, [tag.name for tag in target.tags.all()]) == ("Open", ["botnet"])
    assert not Deadline.filter(state="pending").exists()
    moved = History.filter(ticket=target, refs__merged_from=source.public_id)
    assert moved.count() >= count
    last = moved.filter(action_type="ChangeStatus").latest("pk")
    assert (last.new, last.refs["merged_into"]) == ("Closed", target.public_id)
    assert [row.action_type for row in History.filter(ticket=source)] == ["MergeTicket"]
    assert History.filter(ticket=target, action_type="MergeTicket").count() == 1


def test_a_mail_that_was_sent_to_both_is_there_once() -> None:
    source, target = two_tickets()
    email = an_email()
    received(source, email)
    received(target, email)
    merging.merge(source, target, actor=robot())
    assert ReceivedMessage.filter(ticket=target).count() == 1


def test_the_more_urgent_reports_make_the_target_urgent() -> None:
    source, target = two_tickets()
    merging.merge(target, source, actor=robot())  # the other way round: the urgent one goes into the first
    source.refresh_from_db()
    assert source.priority == "High"


def test_what_cannot_be_merged() -> None:
    source, target = two_tickets()
    with pytest.raises(Refused, match="expected another ticket"):
        merging.merge(source, source, actor=robot())
    stranger = make_ticket(customer="c2")
    with pytest.raises(Refused, match="different customers"):
        merging.merge(source, stranger, actor=robot())
    with pytest.raises(StaleEdit):
        merging.merge(source, target, actor=robot(), expected_target_version=99)
    tickets.close_ticket(source, "fixed", actor=robot())
    with pytest.raises(Refused, match="is closed: reopen it"):
        merging.merge(source, target, actor=robot())


def test_all_reports_of_a_merged_ticket_are_counted_in_the_other() -> None:
    source, target = two_tickets()
    for ticket in (source, source, target):
        tickets.attach_report(make_report(), ticket, actor=robot())
    are_counted(3, 2)
    merging.merge(source, target, actor=robot())
    are_counted(0, 5)
    assert (source.attached_reports_count, target.attached_reports_count) == (0, 5)


def test_a_merged_ticket_is_not_reopened() -> None:
    source, target = two_tickets()
    merging.merge(source, target, actor=robot())
    with pytest.raises(Refused, match="was merged into"):
        tickets.reopen(source, actor=robot())
    with pytest.raises(Refused, match="was merged into"):
        tickets.set_status(source, TicketStatus.REOPENED, actor=robot())


def test_a_ticket_merged_twice_still_tells_where_each_row_came_from() -> None:
    first, second = two_tickets()
    flags.set_flag(second, "update", False, actor=robot())
    third = make_ticket()
    merging.merge(first, second, actor=robot())
    merging.merge(second, third, actor=robot())
    origins = set(History.filter(ticket=third).values_list("refs__merged_from", flat=True))
    assert origins == {None, first.public_id, second.public_id}


def test_splitting() -> None:
    ticket = make_ticket()
    reports = [make_report() for _ in range(3)]
    for report in reports:
        tickets.attach_report(report, ticket, actor=robot())
    flags.set_flag(ticket, "confidential", True, actor=robot())
    chosen = [reports[0].pk, reports[2].pk]

    new = merging.split(ticket, chosen, actor=robot())

    assert set(new.reports.values_list("pk", "status")) == {(pk, "Attached") for pk in chosen}
    are_counted(2, 2)
    new.refresh_from_db()
    assert (new.update, new.confidential, new.defendant, new.service) == (False, True, ticket.defendant, ticket.service)
    assert set(History.filter(action_type="SplitTicket").values_list("ticket", flat=True)) == {ticket.pk, new.pk}
    assert History.filter(ticket=ticket, action_type="DetachReport").count() == 2


def test_what_cannot_be_split() -> None:
    ticket = make_ticket()
    only = ticket.reports.get()
    with pytest.raises(Refused, match="reports: 1 of 1; expected some of them, and some that stay"):
        merging.split(ticket, [only.pk], actor=robot())
    with pytest.raises(Refused, match="reports: 0 of 1"):
        merging.split(ticket, [], actor=robot())
    stranger = make_report(customer="c2")
    with pytest.raises(Refused, match=f"reports: {stranger.pk} is not in"):
        merging.split(ticket, [only.pk, stranger.pk], actor=robot())
    tickets.close_ticket(ticket, "fixed", actor=robot())
    with pytest.raises(Refused, match="is closed"):
        merging.split(ticket, [only.pk], actor=robot())


def test_each_of_many_is_done_or_refused_by_itself() -> None:
    ann = make_user("ann")
    first, second = make_ticket(), make_ticket(customer="c2")
    tickets.close_ticket(second, "fixed", actor=robot())
    hidden = make_ticket(customer="c3", category="Phishing")

    results = bulk.change_many(
        [hidden.pk, second.pk, first.pk, first.pk, 0], lambda ticket: clocks.pause(ticket, 60, actor=ann), actor=ann
    )

    assert [(result.pk, result.done) for result in results] == [
        (hidden.pk, False), (second.pk, False), (first.pk, True), (0, False),
    ]  # fmt: skip
    assert "Closed -> Paused is not allowed" in results[1].reason
    assert results[0].reason == f"there is no ticket {hidden.pk} that ann may see"
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.treated_by, second.status, second.treated_by) == ("Paused", ann, "Closed", None)


def test_what_was_refused_leaves_no_trace() -> None:
    ticket = make_ticket()
    before = History.count()

    def fail_late(ticket: Ticket) -> None:
        flags.set_priority(ticket, Priority.CRITICAL, actor=robot())
        raise Refused("after all, no")

    results = bulk.change_many([ticket.pk], fail_late, actor=make_user("ann"))
    assert results == [bulk.BulkResult(ticket.pk, done=False, reason="after all, no")]
    found = Ticket.get()
    assert (found.priority, History.count(), found.treated_by) == ("Normal", before, None)


def test_the_database_has_the_last_word() -> None:
    first = make_ticket()
    tickets.close_ticket(first, "fixed", actor=robot(), keep_update=True)
    second = make_ticket()

    def reopen_blindly(ticket: Ticket) -> None:
        Ticket.filter(pk=ticket.pk).update(status="Reopened")

    results = bulk.change_many([first.pk, second.pk], reopen_blindly, actor=make_user("ann"))
    assert [result.done for result in results] == [False, True]
    assert results[0].reason.startswith("another ticket of the customer about the same category and service is open")
    assert "one_open_ticket" not in results[0].reason


def test_a_fault_undoes_all() -> None:
    first, second = make_ticket(), make_ticket(customer="c2")

    def break_at_second(ticket: Ticket) -> None:
        moves.set_status(ticket, TicketStatus.ALARM, actor=robot())
        if ticket == second:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bulk.change_many([first.pk, second.pk], break_at_second, actor=make_user("ann"))
    assert set(Ticket.all().values_list("status", flat=True)) == {"Open"}


def test_too_many_are_refused() -> None:
    with pytest.raises(Refused, match="tickets: 1001; expected 1000 at most"):
        bulk.change_many(range(1001), lambda ticket: None, actor=robot())


def test_giving_away_many_does_not_take_them_back() -> None:
    ann = make_user("ann")
    ticket = make_ticket()
    ownership.assign(ticket, ann, actor=ann)
    results = bulk.change_many([ticket.pk], lambda one: ownership.assign(one, None, actor=ann), actor=ann)
    assert results[0].done
    assert Ticket.get().treated_by is None
