"""`create-user`: make an operator, or give one a new password."""

from __future__ import annotations

import sys

import click

from abuse.controllers import accounts
from abuse.models import Profile, User


@click.command("create-user")
@click.argument("name")
@click.option("--email", default="", help="The address of the user.")
@click.option("--superuser", is_flag=True, help="Sees and may do everything.")
@click.option("--role", default="admin", show_default=True, help="The codename of the role.")
@click.option(
    "--profile",
    type=click.Choice(Profile.Name.values),
    default=Profile.Name.EXPERT.value,
    show_default=True,
    help="What the user may do in the categories.",
)
@click.option("--category", "categories", multiple=True, help="A category to work on; may be repeated.  [default: all]")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--reset-password", is_flag=True, help="NAME exists: give a new password and end all logins.")
def command(
    name: str,
    email: str,
    superuser: bool,
    role: str,
    profile: str,
    categories: tuple[str, ...],
    password_stdin: bool,
    reset_password: bool,
) -> None:
    """Create a user, or give one a new password.

    NAME is what the user logs in with. The password is asked for twice.

    \b
    Examples:
      python main.py create-user alice --email alice@example.net
      python main.py create-user bob --profile Beginner --category Spam --category Phishing
      pass show cerberus/alice | python main.py create-user alice --reset-password --password-stdin

    Exit status: 0 done; 1 a value cannot be used, which is named; nothing was changed.
    """
    existing = User.objects.filter(username=User.normalize_username(name)).first()
    if reset_password and existing is None:
        raise click.ClickException(f"NAME: there is no user {name!r}; leave out --reset-password to create one")
    if existing is not None and not reset_password:
        raise click.ClickException(f"NAME: {name!r} exists already; add --reset-password to give a new password")
    password = _password(from_stdin=password_stdin)
    try:
        if existing is not None:
            accounts.set_password(existing, password)
            click.echo(f"{name} has a new password; all logins are ended")
            return
        accounts.create_user(
            name,
            password,
            email=email,
            superuser=superuser,
            role=role,
            profile=profile,
            categories=categories or None,
        )
    except accounts.AccountError as error:
        raise click.ClickException(str(error)) from None
    where = ", ".join(categories) or "all categories"
    click.echo(f"{name} can log in as {profile} in {where}{' and is a superuser' if superuser else ''}")


def _password(*, from_stdin: bool) -> str:
    if not from_stdin:
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt="The same again")
        return password
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise click.ClickException("--password-stdin: standard input is empty; expected the password on its first line")
    return line
