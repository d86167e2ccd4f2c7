"""`doctor`: is everything as it should be?"""

from __future__ import annotations

from collections.abc import Iterator

import click

from abuse.config import SettingsError, current

Finding = tuple[str, str | None]
"""What was looked at, and what is wrong with it; None when it is well."""


@click.command("doctor")
def command() -> None:
    """Check settings, servers, migrations, every configured class and what the desk may do where it stores.

    Exit code 1 when something is wrong. Example:

        python main.py doctor
    """
    wrong = 0
    # Without settings nothing else can be looked at.
    checks = (_settings, _classes, _templates, _database, _redis, _storage, _customers)
    for check in checks if _are_settings_read() else (_settings,):
        try:
            findings = list(check())
        except Exception as error:
            # A check that cannot be made is a finding like any other; the rest is still looked at.
            findings = [(check.__name__.lstrip("_"), f"{type(error).__name__}: {error}")]
        for what, fault in findings:
            wrong += fault is not None
            click.echo(f"{'ok   ' if fault is None else 'WRONG'} {what}{'' if fault is None else f': {fault}'}")
    if wrong:
        raise SystemExit(1)


def _are_settings_read() -> bool:
    try:
        current()
    except SettingsError:
        return False
    return True


def _settings() -> Iterator[Finding]:
    try:
        settings = current()
    except SettingsError as error:
        for fault in error.faults:
            yield f"settings {error.source}", fault
        return
    yield f"settings {settings.SOURCE}", None
    mode = settings.SOURCE.stat().st_mode & 0o777
    holds_secret = settings.DJANGO.SECRET_KEY is not None or any(settings.EMAIL_FETCHER.mailboxes)
    readable = settings.APP_ENV == "prod" and holds_secret and mode & 0o004
    yield (
        "settings file mode",
        f"{mode:04o} lets everybody read its secrets; expected 0640 or less" if readable else None,
    )


def _classes() -> Iterator[Finding]:
    from abuse.bootstrap import set_up, set_up_service

    try:
        set_up()
    except SettingsError as error:
        for fault in error.faults:
            yield "classes", fault
        return
    settings = current()
    for name in settings.IMPLEMENTATIONS:
        yield f"service {name}", set_up_service(settings, name)
    from abuse.models import RulesType
    from abuse.rules.catalogues import catalogue

    for rules_type in RulesType:
        try:
            known = catalogue(rules_type)
        except SettingsError as error:
            yield f"rules of type {rules_type}", "; ".join(error.faults)
            continue
        yield f"rules of type {rules_type}: {len(known.variables)} variables, {len(known.actions)} actions", None


def _templates() -> Iterator[Finding]:
    from abuse.parsers.templating import load

    found, faults = load(current().templates_directory)
    yield f"templates of reporters: {len(found)}", None
    for fault in faults:
        yield "template of a reporter", str(fault)


def _database() -> Iterator[Finding]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = str(cursor.fetchone()[0])
    yield f"PostgreSQL {version}", None if int(version.split(".")[0]) >= 15 else "too old; expected 15 or newer"
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    yield "migrations", f"{len(missing)} are not applied; run: python main.py initdb" if missing else None
    if missing:
        return
    from abuse.models import ROBOT_NAME, Category, RulesType, User
    from abuse.rules.engine.errors import DocumentError
    from abuse.rules.store import active_rules

    has_robot = User.objects.filter(username=ROBOT_NAME).exists() and Category.all().exists()
    yield "first rows", None if has_robot else "missing; run: python main.py initdb"
    for rules_type in RulesType:
        try:
            yield f"active {rules_type} rules: {len(active_rules(rules_type))}", None
        except DocumentError as error:
            yield f"active {rules_type} rules", str(error)


def _redis() -> Iterator[Finding]:
    from abuse.queues import connection

    info = connection().info("server")
    yield f"Redis {info.get('valkey_version') or info.get('redis_version')}", None


def _storage() -> Iterator[Finding]:
    import hashlib

    from abuse.services.storage import StorageService

    probe = b"cerberus storage probe"
    key = hashlib.sha256(probe).hexdigest()
    StorageService.write(key, probe)
    read = StorageService.read(key)
    StorageService.delete(key)
    yield "storage", None if read == probe else "gives back other bytes than were written"


def _customers() -> Iterator[Finding]:
    from datetime import UTC, datetime
    from ipaddress import ip_address

    from abuse.pipeline.claims import postponed
    from abuse.services.crm import CRMService, Query
    from abuse.services.facade import ServiceError

    try:
        # An address for documentation (RFC 5737), in the past: whether it is somebody's is of no interest.
        CRMService.find([Query(datetime(2000, 1, 1, tzinfo=UTC), ip_address("192.0.2.1"))])
        yield "customer database", None
    except ServiceError as error:
        yield "customer database", str(error)
    outage = postponed()
    if outage is not None:
        yield "mails", f"{outage[0]} wait for the customer database since {outage[1]:%Y-%m-%d %H:%M} UTC: {outage[2]}"
