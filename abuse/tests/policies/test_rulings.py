"""Who may what, asked of the policies themselves."""

from __future__ import annotations

from typing import Any

import pytest

from abuse import policies
from abuse.models import AbusePermission, Operator, Profile, Role, ServiceAction, User
from abuse.models.history import History
from abuse.policies import Actor, Right, Scope
from abuse.policies.rulings import _RULES, OBJECT_RIGHTS
from abuse.tests.api.rows import a_report, a_ticket

pytestmark = pytest.mark.django_db


def actor(profile: str | None, role: str | None = "run_level_3", **fields: Any) -> Actor:
    user = User.objects.create(username=f"{profile} {role} {User.objects.count()}", **fields)
    if role:
        Operator.create(user=user, role=Role.get(codename=role))
    if profile:
        AbusePermission.create(user=user, category_id="Phishing", profile=Profile.get(name=profile))
    return policies.actor_of(User.objects.get(pk=user.pk))


def test_every_right_has_a_rule() -> None:
    assert set(_RULES) == set(Right)


@pytest.mark.parametrize("right", sorted(OBJECT_RIGHTS))
def test_a_right_on_an_object_is_refused_without_one_and_on_one_of_another_kind(right: Right) -> None:
    root = actor(None, is_superuser=True)
    for about in (None, History(), "ticket 1", root.user):
        decision = policies.may(root, right, about)
        assert (bool(decision), decision.status) == (False, 403)


def test_an_inactive_user_may_nothing_and_one_of_an_unknown_profile_only_sees() -> None:
    assert not policies.may(actor("Expert", is_active=False), Right.SEE_TICKET, a_ticket())
    Profile.create(name="Trainee")
    trainee = actor("Trainee")
    assert policies.may(trainee, Right.SEE_TICKET, a_ticket())
    assert not policies.may(trainee, Right.WRITE_TICKET, a_ticket())
    assert policies.may(trainee, Right.SEE_TICKET, a_ticket(confidential=True)).status == 404


def test_escalating_is_dropped_for_beginners_and_refused_when_nothing_is_left() -> None:
    ticket = a_ticket()
    for profile, kept in (("Beginner", {"alarm"}), ("Advanced", {"alarm", "escalated", "moderation"})):
        got, decision = policies.kept_fields(actor(profile), ticket, ["alarm", "escalated", "moderation", "nonsense"])
        assert got == kept
        assert decision
    got, decision = policies.kept_fields(actor("Beginner"), ticket, ["escalated"])
    assert (got, decision.status) == (frozenset(), 403)
    got, decision = policies.kept_fields(actor("Read-only"), ticket, ["alarm"])
    assert (got, decision.status) == (frozenset(), 403)


@pytest.mark.parametrize("authorizations", [{}, {"ticket": None}, {"ticket": {"fields": "alarm"}}, {"ticket": [1]}])
def test_what_a_role_does_not_list_is_denied_whatever_stands_there(authorizations: Any) -> None:
    Role.create(codename="odd", name="Odd", models_authorizations=authorizations)
    odd, ticket = actor("Expert", "odd"), a_ticket()
    assert policies.changeable_fields(odd, ticket) == policies.changeable_fields(odd, a_report()) == frozenset()
    assert not policies.may_set_status(odd, ticket, "paused")
    assert not policies.may_interact(odd, ticket, "waiting_answer")


def test_the_first_line_moves_and_decides_what_its_role_lists() -> None:
    first, ticket = actor("Advanced", "run_level_1"), a_ticket()
    assert policies.changeable_fields(first, ticket) == {"escalated", "defendant", "category", "treatedBy"}
    assert policies.may_set_status(first, ticket, "Paused")
    assert not policies.may_set_status(first, ticket, "alarm")
    assert policies.may_interact(first, ticket, "close_with_resolution")
    assert not policies.may_interact(first, ticket, "action_then_close")


def test_measures_are_those_of_the_profile_in_the_category() -> None:
    expert, measure = actor("Expert"), ServiceAction.get()
    assert policies.may_order(expert, a_ticket(), measure), "out of the box"
    assert not policies.may_order(expert, a_ticket("Malware"), measure)
    assert not policies.may_order(actor("Advanced"), a_ticket(), measure)
    Profile.get(name="Expert").actions.clear()
    assert not policies.may_order(expert, a_ticket(), measure)
    assert policies.may_order(actor(None, is_superuser=True), a_ticket(), measure)


def test_a_token_of_some_categories_takes_the_others_away() -> None:
    user = actor("Expert").user
    limited = policies.actor_of(user, scopes=[Scope.READ], categories=["Spam"])
    assert not policies.may(limited, Right.SEE_TICKET, a_ticket())
    assert limited.highest_rank == -1
    root = actor(None, is_superuser=True).user
    limited = policies.actor_of(root, categories=["Spam"])
    assert policies.may(limited, Right.WRITE_TICKET, a_ticket("Spam", confidential=True))
    assert not policies.may(limited, Right.SEE_ALL)
    assert not policies.orderable_actions(limited, "Phishing").exists()
