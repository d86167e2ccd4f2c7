"""Accounts, by the command and by the controller."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result
from django.contrib.auth.hashers import identify_hasher

from abuse.commands.create_user import command
from abuse.controllers import accounts
from abuse.models import ROBOT_NAME, AbusePermission, ApiToken, Category, Operator, Role, User

from .conftest import PASSWORD, Caller, MakeCaller
from .rows import a_ticket

pytestmark = pytest.mark.django_db


def run(*arguments: str, typed: str = f"{PASSWORD}\n{PASSWORD}\n") -> Result:
    return CliRunner().invoke(command, arguments, input=typed)


def refused(*arguments: str, typed: str = f"{PASSWORD}\n{PASSWORD}\n") -> str:
    before = list(User.objects.order_by("pk").values())
    result = run(*arguments, typed=typed)
    assert result.exit_code == 1, result.output
    assert list(User.objects.order_by("pk").values()) == before, "nothing was changed"
    return result.output.splitlines()[-1]


def test_a_new_user_is_an_operator_and_an_expert_everywhere() -> None:
    result = run("alice", "--email", "alice@example.net")
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    assert "alice can log in as Expert in all categories" in result.output
    user = User.objects.get(username="alice")
    assert (user.email, user.is_superuser, user.is_staff, user.is_active) == ("alice@example.net", False, False, True)
    assert user.check_password(PASSWORD)
    assert Operator.get(user=user).role.codename == "admin"
    granted = AbusePermission.filter(user=user).values_list("category", "profile__name")
    assert dict(granted) == dict.fromkeys(Category.all().values_list("name", flat=True), "Expert")


def test_profile_categories_role_and_superuser() -> None:
    Role.create(codename="first_line", name="First line")
    result = run(
        "bob",
        "--profile",
        "Beginner",
        "--category",
        "Spam",
        "--category",
        "Phishing",
        "--role",
        "first_line",
        "--superuser",
    )
    assert result.exit_code == 0, result.output
    user = User.objects.get(username="bob")
    assert user.is_superuser
    assert user.operator.role.codename == "first_line"
    granted = AbusePermission.filter(user=user).order_by("category").values_list("category", "profile__name")
    assert list(granted) == [("Phishing", "Beginner"), ("Spam", "Beginner")]


def test_the_password_from_standard_input() -> None:
    assert run("alice", "--password-stdin", typed=f"{PASSWORD}\nanother line\n").exit_code == 0
    assert User.objects.get(username="alice").check_password(PASSWORD)
    assert "standard input is empty" in refused("bob", "--password-stdin", typed="\n")


def test_two_different_passwords_are_asked_for_again() -> None:
    result = run("alice", typed=f"{PASSWORD}\nanother one, mistyped\n{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert "do not match" in result.output
    assert User.objects.get(username="alice").check_password(PASSWORD)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "at least 12 characters"),
        ("password1234", "too common"),
        ("alice.cooper.net", "too similar to the username"),
    ],
)
def test_a_weak_password_is_refused(password: str, why: str) -> None:
    message = refused("alice.cooper.nt", typed=f"{password}\n{password}\n")
    assert message.startswith("Error: password: ")
    assert why in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a b"], "Error: username: Enter a valid username"),
        (["x" * 151], "Error: username: Ensure this value has at most 150 characters"),
        (["alice", "--email", "nobody"], "Error: email: Enter a valid email address."),
        (["alice", "--role", "boss"], "Error: role: 'boss' is unknown; expected admin"),
        (["alice", "--category", "Nonsense"], "Error: category: 'Nonsense' is unknown; expected Copyright, Illegal"),
        ([ROBOT_NAME], f"Error: NAME: '{ROBOT_NAME}' exists already"),
        ([ROBOT_NAME, "--reset-password"], f"Error: name: '{ROBOT_NAME}' is the robot, which never logs in"),
        (["nobody", "--reset-password"], "Error: NAME: there is no user 'nobody'"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(arguments: list[str], message: str) -> None:
    assert refused(*arguments).startswith(message)


def test_an_unknown_profile_is_a_usage_error_that_lists_the_known_ones() -> None:
    result = run("alice", "--profile", "God")
    assert result.exit_code == 2
    assert "'Read-only', 'Beginner', 'Advanced', 'Expert'" in result.output
    with pytest.raises(accounts.AccountError, match="profile: 'God' is unknown; expected Advanced, Beginner, Expert"):
        accounts.create_user("alice", PASSWORD, profile="God")


def test_a_name_taken_is_refused_whatever_its_unicode_form() -> None:
    run("ａlice")
    assert User.objects.get(username="alice")
    assert refused("alice").startswith("Error: NAME: 'alice' exists already")
    with pytest.raises(accounts.AccountError, match="exists already"):
        accounts.create_user("ａlice", PASSWORD)


def test_the_robots_name_cannot_be_taken_from_an_empty_database() -> None:
    AbusePermission.all().delete()
    User.objects.filter(username=ROBOT_NAME).delete()
    with pytest.raises(accounts.AccountError, match="the name of the robot"):
        accounts.create_user(ROBOT_NAME, PASSWORD)


def test_a_new_password_ends_all_logins_of_the_user_and_no_others(make_caller: MakeCaller) -> None:
    alice, bob = make_caller("alice"), make_caller("bob")
    new = "another horse, another battery"
    result = run("alice", "--reset-password", typed=f"{new}\n{new}\n")
    assert result.exit_code == 0, result.output
    assert alice.get("/api/users/me").status_code == 401
    assert bob.get("/api/users/me").status_code == 200
    alice.user.refresh_from_db()
    assert alice.user.check_password(new)
    assert [token.user for token in ApiToken.all()] == [bob.user]


@pytest.mark.usefixtures("slow_hashes")
def test_passwords_are_hashed_with_argon2() -> None:
    user = accounts.create_user("alice", PASSWORD, categories=[])
    assert identify_hasher(user.password).algorithm == "argon2"
    assert not AbusePermission.filter(user=user).exists()


def test_who_was_created_can_log_in_and_sees_his_categories(root: Caller) -> None:
    run("bob", "--profile", "Read-only", "--category", "Spam")
    spam = a_ticket("Spam")
    a_ticket("Phishing")
    token = root.client.post("/api/auth", json={"name": "bob", "password": PASSWORD}).get_json()["token"]
    rows = root.client.get("/api/tickets", headers={"X-Api-Token": token}).get_json()
    assert [row["id"] for row in rows] == [spam.pk]
