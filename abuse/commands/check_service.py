"""`check-service`: does a class do what the contract of its service says?"""

from __future__ import annotations

import importlib
import json
from typing import Any

import click

from abuse.bootstrap import SERVICE_PACKAGES
from abuse.config import current
from abuse.services.contract import CHECKS, Subject, run_checks
from abuse.services.facade import ServiceBase, ServiceError


@click.command("check-service")
@click.argument("class_path", metavar="CLASS")
@click.option("--config", metavar="JSON", help="What its constructor takes; else what the settings say for this class.")
@click.option(
    "--act", is_flag=True, help="Also have it send, suspend, block and so on, for customers that do not exist."
)
@click.option("--known", metavar="ADDRESS", help="An address or host name of a customer, for a CRM service.")
def command(class_path: str, config: str | None, act: bool, known: str | None) -> None:
    """Check a class of your own against the contract of its service.

    Rows that are made for it are taken back. Without --act nothing is sent, suspended or blocked. Exit code 1 when the
    contract is broken. Examples:

        python main.py check-service abuse.services.crm.mycrm.MyCRM --known 192.0.2.7

        python main.py check-service mine.MyStorage --config '{"directory": "/tmp/try"}'
    """
    found = _import(class_path)
    base_name = _contract_of(found, class_path)
    try:
        service = found.create(_config(class_path, base_name, config))
    except (ServiceError, TypeError, ValueError, OSError) as error:
        raise click.ClickException(f"{class_path}: {error}") from None
    click.echo(f"{class_path} as {base_name}")
    broken = skipped = 0
    for finding in run_checks(Subject(service, known), CHECKS[base_name], acting=act):
        skipped += finding.skipped
        broken += finding.fault is not None
        mark = "skipped" if finding.skipped else "ok" if finding.fault is None else "BROKEN"
        click.echo(f"{mark:7} {finding.says}{f': {finding.fault}' if finding.fault else ''}")
    if skipped:
        click.echo(f"{skipped} checks would have it do something: --act")
    if broken:
        raise SystemExit(1)


def _import(class_path: str) -> type[ServiceBase]:
    module_name, _, class_name = class_path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise click.BadParameter(
            f"{class_path!r} cannot be imported ({error}); expected the dotted path of a class", param_hint="CLASS"
        ) from None
    if not (isinstance(found, type) and issubclass(found, ServiceBase)):
        raise click.BadParameter(f"{class_path!r} descends from no contract", param_hint="CLASS")
    return found


def _contract_of(found: type[ServiceBase], class_path: str) -> str:
    for base_name, package in SERVICE_PACKAGES.items():
        if issubclass(found, getattr(importlib.import_module(package), base_name)):
            missing = found.missing_methods()
            if missing:
                raise click.ClickException(f"{class_path} lacks {', '.join(missing)}")
            return base_name
    raise click.BadParameter(f"{class_path!r} descends from none of {', '.join(SERVICE_PACKAGES)}", param_hint="CLASS")


def _config(class_path: str, base_name: str, text: str | None) -> dict[str, Any]:
    if text is None:
        configured = current().implementation(base_name)
        return dict(configured.config) if configured is not None and configured.class_ == class_path else {}
    try:
        config = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; expected a JSON object", param_hint="--config") from None
    if not isinstance(config, dict):
        raise click.BadParameter(f"{text[:80]!r}; expected a JSON object", param_hint="--config")
    return config
