"""The command line. Each command is a file of its own; it is imported, with Django ready, only when it is called."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
from typing import NamedTuple

import click
from flask.cli import AppGroup

import abuse
from abuse.config import SettingsError


class Entry(NamedTuple):
    """Where a command lives. `needs_setup`: whether Django and the services must be ready before it is imported."""

    module: str
    summary: str
    needs_setup: bool = True


COMMANDS: dict[str, Entry] = {
    "add-rule": Entry("add_rule", "Add or update a Cerberus rule from file."),
    "check-templates": Entry("check_templates", "Check templates of reporters and their samples.", needs_setup=False),
    "check-service": Entry("check_service", "Check a class of your own against the contract of its service."),
    "check-texts": Entry("check_texts", "Check the mail texts: those that ship, and those stored."),
    "create-user": Entry("create_user", "Create a user, or give one a new password."),
    "doctor": Entry("doctor", "Check settings, servers, migrations, classes and permissions.", needs_setup=False),
    "explain": Entry("explain", "Say why a ticket, a report or a mail is where it is."),
    "fetch-email": Entry("fetch_email", "Runs Cerberus email fetcher."),
    "import-customers": Entry("import_customers", "Import customers and what they rent."),
    "import-email": Entry("import_email", "Take in mails from files, directories, mbox, Maildir or standard input."),
    "initdb": Entry("initdb", "Init Cerberus database."),
    "outbox": Entry("outbox", "Show mails that did not arrive; send them again or take them back."),
    "parse-email": Entry("parse_email", "Show what the parser reads in mails; stores nothing.", needs_setup=False),
    "resolve-again": Entry("resolve_again", "Ask again whose the things are in reports without a customer."),
    "reindex": Entry("reindex", "Make all reports findable anew."),
    "retry-email": Entry("retry_email", "Give failed or ignored mails another try."),
    "rq-info": Entry("rq_info", "Show queues, workers and jobs (RQ's own view)."),
    "rules": Entry("rules", "List, check, change, try and exchange business rules."),
    "run": Entry("run", "Runs a development server."),
    "run-scheduler": Entry("run_scheduler", "Runs what falls due: deadlines, retries, lost doorbells."),
    "run-worker": Entry("run_worker", "Runs a Cerberus worker."),
    "shell": Entry("shell", "Runs a shell in the app context."),
    "status": Entry("status", "Show mails by state, reports, tickets and queues."),
    "stop-servers": Entry("stop_servers", "Stop the embedded PostgreSQL and Valkey.", needs_setup=False),
    "storage": Entry("storage", "Check and move stored mails and attachments."),
    "test": Entry("test", "Runs tests.", needs_setup=False),
    "ticket-workflow": Entry("ticket_workflow", "Runs Cerberus ticket workflow."),
    "up": Entry("up", "Runs everything: servers, API, worker, scheduler and fetcher."),
}


class CerberusGroup(AppGroup):
    """Flask's command group, with commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        entry = COMMANDS.get(name)
        if entry is None:
            return None
        if entry.needs_setup:
            from abuse.bootstrap import set_up

            try:
                set_up()
            except SettingsError as error:
                click.echo(str(error), err=True)
                ctx.exit(1)
        module = importlib.import_module(f"abuse.commands.{entry.module}")
        commands = (value for value in vars(module).values() if isinstance(value, click.Command))
        return next(command for command in commands if command.name == name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in sorted(COMMANDS.items())])


def _show_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    click.echo(f"Cerberus {abuse.__version__}\nPython {platform.python_version()}")
    for name in ("Flask", "Django", "RQ"):
        click.echo(f"{name} {importlib.metadata.version(name)}")
    ctx.exit()


_EPILOG = """
\b
Environment:
  APP_SETTINGS  The settings file; without it settings.yml in the project's root, else the sample.
  APP_ENV       dev (without it), prod or test.

\b
First steps:
  initdb, import-customers FILE, create-user NAME, doctor, up

COMMAND --help says more, with an example. docs/how-to/install.md goes through it all.
"""


@click.group(cls=CerberusGroup, help="Cerberus CLI", epilog=_EPILOG)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the flask version"
)
def cli() -> None:
    """Cerberus CLI"""
