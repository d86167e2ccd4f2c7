"""One decision of an operator: all of it or nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from abuse.controllers import presets, tickets
from abuse.controllers.editing import NotAllowed, Refused, StaleEdit
from abuse.controllers.history import robot
from abuse.controllers.interact import CODENAMES, Mail, interact
from abuse.models import (
    AbusePermission,
    Deadline,
    History,
    MailTemplate,
    MoveRefused,
    OutgoingMessage,
    Profile,
    Resolution,
    Role,
    ServiceAction,
    ServiceActionJob,
    Ticket,
    TicketActionParams,
    TicketWorkflowPreset,
    TicketWorkflowPresetConfig,
    User,
)

from .people import make_user
from .test_actions import IP, suspect
from .test_tickets import make_ticket

pytestmark = pytest.mark.django_db
MAIL = Mail(("c1@customer.example", "c1@customer.example"), "Hello", "Please look.", "Defendant")


@pytest.fixture
def ann() -> User:
    """An expert whose role may do all of it, and whose profile may act on services."""
    user = make_user("ann", interact=sorted(CODENAMES))
    Profile.get(name="Expert").actions.add(an_action())
    return user


def an_action() -> ServiceAction:
    return ServiceAction.filter(module="VPS").get()


def params(**given: Any) -> dict[str, Any]:
    return {"action": an_action().pk, "ip": IP, "resolution": "fixed_by_isp", "snoozeDuration": 600, **given}


def pending() -> dict[str, Deadline]:
    return {row.kind: row for row in Deadline.filter(state="pending")}


def seconds_ahead(deadline: Deadline) -> float:
    return (deadline.due_at - timezone.now()) / timedelta(seconds=1)


def test_waiting(ann: User) -> None:
    ticket = make_ticket()
    interact(ticket, "waiting_answer", {"snoozeDuration": 600}, [MAIL], actor=ann)
    assert Ticket.get().status == "WaitingAnswer"
    assert 590 < seconds_ahead(pending()["snooze"]) <= 600
    message = OutgoingMessage.get()
    assert (message.recipient, message.body, message.ticket) == ("c1@customer.example", "Please look.", ticket)
    assert History.get(action_type="SendEmail").user == ann


def test_waiting_five_seconds_unless_told_otherwise(ann: User) -> None:
    interact(make_ticket(), "waiting_answer", {}, actor=ann)
    assert Ticket.get().snooze_duration == 5


def test_pausing(ann: User) -> None:
    interact(make_ticket(), "pause_ticket", {"pauseDuration": 600}, actor=ann)
    assert Ticket.get().status == "Paused"
    assert set(pending()) == {"pause"}


@pytest.mark.parametrize("by", ["codename", "id"])
def test_closing(ann: User, by: str) -> None:
    resolution = Resolution.get(codename="fixed")
    interact(
        make_ticket(), "close_with_resolution", {"resolution": resolution.pk if by == "id" else "fixed"}, actor=ann
    )
    ticket = Ticket.get()
    assert (ticket.status, ticket.resolution) == ("Closed", resolution)


@pytest.mark.parametrize(
    ("codename", "status", "ahead", "then"),
    [
        ("action_then_close", "Open", 5, {"resolution": "fixed_by_isp", "status": "Alarm"}),
        ("action_then_waiting_answer", "Open", 5, {"resolution": None, "status": "WaitingAnswer"}),
        ("waiting_answer_then_action", "WaitingAnswer", 600, {"resolution": None, "status": "Alarm"}),
        ("waiting_answer_then_action_and_close", "WaitingAnswer", 600, {"resolution": "fixed_by_isp"}),
    ],
)
def test_acting(ann: User, codename: str, status: str, ahead: int, then: dict[str, object]) -> None:
    interact(suspect(), codename, params(), [MAIL], actor=ann)
    ticket = Ticket.get()
    assert (ticket.status, ticket.action) == (status, an_action())
    deadline = pending()["service_action"]
    assert ahead - 5 < seconds_ahead(deadline) <= ahead
    assert {key: deadline.payload["then"][key] for key in then} == then
    assert deadline.payload["user"] == ann.pk
    assert ("snooze" in pending()) == codename.startswith("waiting_answer")
    assert OutgoingMessage.count() == 1


def test_what_a_person_orders_replaces_what_waits(ann: User) -> None:
    ticket = suspect()
    interact(ticket, "waiting_answer_then_action", params(snoozeDuration=60), actor=ann)
    interact(ticket, "waiting_answer_then_action", params(snoozeDuration=6000), actor=ann)
    assert ServiceActionJob.filter(status="pending").count() == 1
    assert 5990 < seconds_ahead(pending()["service_action"]) <= 6000


NOTHING = [
    ("close_with_resolution", {}, [], "close_with_resolution needs resolution"),
    ("close_with_resolution", {"resolution": "nope"}, [], "resolution: 'nope'; expected one of"),
    ("close_with_resolution", {"resolution": True}, [], "resolution: True; expected"),
    ("action_then_close", {"resolution": "fixed"}, [], "needs action"),
    ("action_then_close", {"resolution": "fixed", "action": 0}, [], "action: 0; expected the id"),
    ("waiting_answer", {"snoozeDuration": 0}, [], "snoozeDuration: 0; expected"),
    ("pause_ticket", {"pauseDuration": 2_592_001}, [], "pauseDuration: 2592001; expected"),
    ("waiting_answer", {"colour": 1}, [], "params: colour; expected"),
    ("dance", {}, [], "action: 'dance'; expected one of"),
    ("waiting_answer", {}, [Mail(("nobody",), "s", "b", "Defendant")], "recipients: 'nobody'"),
    ("waiting_answer", {}, [Mail((), "s", "b", "Defendant")], "recipients: 0; expected 1 to"),
    ("waiting_answer", {}, [Mail(("a@b.example",), "s", "b", "Friend")], "category: 'Friend'; expected one of"),
    ("waiting_answer", {}, [MAIL] * 21, "emails: 21; expected 20 at most"),
]


@pytest.mark.parametrize(("codename", "given", "mails", "message"), NOTHING)
def test_what_is_wrong_is_said_and_nothing_is_done(
    ann: User, codename: str, given: dict[str, Any], mails: list[Mail], message: str
) -> None:
    ticket = suspect()
    before = Ticket.get().version
    with pytest.raises(Refused, match=message):
        interact(ticket, codename, given, mails, actor=ann)
    found = Ticket.get()
    assert (found.status, found.version, found.looked_at) == ("Open", before, None)
    assert (Deadline.count(), OutgoingMessage.count()) == (0, 0)


def test_a_mail_that_cannot_be_written_undoes_the_rest(ann: User) -> None:
    ticket = make_ticket()
    too_long = Mail((f"{'x' * 60}@{'y' * 250}.example",), "s", "b", "Defendant")
    with pytest.raises(Refused):
        interact(ticket, "waiting_answer", {"snoozeDuration": 60}, [MAIL, too_long], actor=ann)
    assert (Ticket.get().status, OutgoingMessage.count(), Deadline.count()) == ("Open", 0, 0)


def test_an_address_that_was_not_reported_undoes_the_status(ann: User) -> None:
    with pytest.raises(Refused, match="is in no report"):
        interact(suspect(), "waiting_answer_then_action", params(ip="203.0.113.99"), actor=ann)
    assert (Ticket.get().status, Deadline.count()) == ("Open", 0)


def test_the_role_has_to_allow_it() -> None:
    limited = make_user("limited", interact=["waiting_answer"])
    nobody = make_user("nobody")
    with pytest.raises(NotAllowed, match="the role of limited does not allow pause_ticket"):
        interact(make_ticket(), "pause_ticket", {"pauseDuration": 60}, actor=limited)
    with pytest.raises(NotAllowed, match="the role of nobody"):
        interact(Ticket.get(), "waiting_answer", {}, actor=nobody)
    interact(Ticket.get(), "waiting_answer", {}, actor=limited)


def test_the_profile_has_to_allow_the_action(ann: User) -> None:
    AbusePermission.filter(user=ann).update(profile=Profile.get(name="Beginner"))
    with pytest.raises(NotAllowed, match="the profile of ann in Spam does not allow"):
        interact(suspect(), "action_then_close", params(), actor=ann)
    User.objects.filter(pk=ann.pk).update(is_superuser=True)
    ann.refresh_from_db()
    interact(Ticket.get(), "action_then_close", params(), actor=ann)


def test_a_stale_or_impossible_decision_is_refused(ann: User) -> None:
    ticket = make_ticket()
    with pytest.raises(StaleEdit):
        interact(ticket, "waiting_answer", {}, [MAIL], actor=ann, expected_version=99)
    tickets.close_ticket(ticket, "fixed", actor=robot())
    with pytest.raises(MoveRefused):
        interact(ticket, "waiting_answer", {}, [MAIL], actor=ann)
    assert OutgoingMessage.count() == 0


def make_preset(codename: str = "two_days", **content: Any) -> TicketWorkflowPreset:
    values = {"name": "Wait two days", "action": "waiting_answer", "params": {"snoozeDuration": 172_800}, **content}
    return presets.save_preset(codename, presets.PresetContent(**values))


def test_a_preset_is_shown_to_its_roles(ann: User) -> None:
    template = MailTemplate.get(codename="customer_notification", lang="EN")
    role = Role.get(operators__user=ann)
    preset = make_preset(templates=[template.pk], roles=[role.codename])
    assert list(presets.presets_for(ann)) == [preset]
    assert list(presets.presets_for(make_user("bob"))) == []
    assert presets.params_of(preset) == {"snoozeDuration": 172_800}
    assert list(preset.templates.all()) == [template]


@pytest.mark.usefixtures("no_presets")
def test_changing_a_preset_changes_no_other() -> None:
    make_preset()
    other = make_preset("other")
    make_preset(params={"snoozeDuration": 60})
    assert presets.params_of(TicketWorkflowPreset.get(codename="two_days")) == {"snoozeDuration": 60}
    assert presets.params_of(other) == {"snoozeDuration": 172_800}
    assert TicketWorkflowPreset.count() == 2
    assert TicketWorkflowPresetConfig.count() == 2


@pytest.mark.usefixtures("no_presets")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"action": "dance"}, "action: 'dance'; expected one of"),
        ({"params": {"ip": 1}}, "params: ip; expected"),
        ({"params": {"snoozeDuration": -1}}, "params.snoozeDuration: -1"),
        ({"action": None}, "expected none without an action"),
        ({"templates": [0]}, "templates: there is no 0"),
        ({"roles": ["nope"]}, "roles: there is no 'nope'"),
        ({"name": ""}, "a name of 1 to 256"),
    ],
)
def test_a_preset_that_makes_no_sense_is_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message):
        make_preset(**content)
    assert (TicketWorkflowPreset.count(), TicketWorkflowPresetConfig.count()) == (0, 0)


@pytest.mark.usefixtures("no_presets")
def test_presets_are_put_in_order_all_at_once() -> None:
    for name in ("a", "b", "c"):
        make_preset(name)
    presets.reorder_presets(["c", "a", "b"])
    assert list(TicketWorkflowPreset.all().order_by("order_id").values_list("codename", flat=True)) == ["c", "a", "b"]
    for wrong in (["a", "b"], ["a", "b", "b"], ["a", "b", "d"]):
        with pytest.raises(Refused, match="expected each of a, b, c once"):
            presets.reorder_presets(wrong)
    assert presets.delete_preset("a")
    assert not presets.delete_preset("a")
    assert TicketWorkflowPresetConfig.count() == 2
    assert TicketActionParams.count() == 2
