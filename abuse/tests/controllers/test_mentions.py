"""Operators named in remarks."""

from __future__ import annotations

import pytest

from abuse.controllers import flags
from abuse.controllers.annotations import add_comment, update_comment
from abuse.controllers.mentions import names_in
from abuse.models import Event, Notification

from .people import make_user
from .test_tickets import make_ticket

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, str]]:
    rows = Notification.filter(kind="mentioned").order_by("pk")
    return [(row.user.username, row.message) for row in rows]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@ann, look: @bob.", {"ann", "bob"}),
        ("(@ann) @dr.no @dr.no", {"ann", "dr.no"}),
        ("ann@example.net and foo@bob", set()),
        ("@ @, @@ann", {"@ann"}),
        ("@" + "x" * 4000, {"x" * 150}),
        ("@Ännchen", {"Ännchen"}),
    ],
)
def test_names_stand_behind_an_at_sign(text: str, names: set[str]) -> None:
    assert {name for name in names_in(text) if not name.endswith((".", ","))} == names


def test_who_is_named_in_a_remark_is_told_once() -> None:
    ticket, ann, bob = make_ticket(), make_user("ann"), make_user("bob")
    row = add_comment(ticket, "@bob and @bob and @ann and @nobody: look", actor=ann)
    expected = ("bob", f"ann names you in a remark on Ticket {ticket.public_id} ({ticket.category_id})")
    assert told() == [expected]
    assert Event.filter(kind=Event.Kind.NOTIFICATION, user=bob, ticket=ticket).count() == 1
    make_user("cid")
    update_comment(row, "@bob and @cid: look again", actor=ann)
    assert [name for name, _ in told()] == ["bob", "cid"]


def test_nobody_is_named_who_is_not_here_or_may_not_see_the_ticket() -> None:
    ticket, ann = make_ticket(), make_user("ann")
    gone = make_user("gone")
    gone.is_active = False
    gone.save()
    for name, profile in (("senior", "Advanced"), ("expert", "Expert"), ("stranger", None)):
        make_user(name, profile)
    flags.set_flag(ticket, "confidential", True, actor=ann)
    add_comment(ticket, "@gone @senior @expert @stranger @abuse.robot", actor=ann)
    assert [name for name, _ in told()] == ["expert"]
