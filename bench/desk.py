"""A desk for the benchmark alone: settings, servers and data in a directory of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_SETTINGS = """\
DATA_DIRECTORY: .
LOGGERS: {stdout: {level: ERROR}}
MAIL: {ticket_domain: example.net}
"""
SPAM_THRESHOLD = 3
"""Reports within 30 days that open a ticket without a trusted reporter: low, so that the benchmark sees it happen."""


def use_directory(directory: Path) -> None:
    """Make this process and those it starts use the desk in `directory`. Before anything of `abuse` is imported.

    :raises RuntimeError: when settings were read already.
    """
    if "abuse.config" in sys.modules:
        raise RuntimeError("the settings are read: the benchmark needs a process of its own")
    directory.mkdir(parents=True, exist_ok=True)
    settings = directory / "settings.yml"
    settings.write_text(_SETTINGS)
    os.environ["APP_SETTINGS"] = str(settings)
    os.environ["APP_ENV"] = "prod"


def create_tables() -> None:
    """Start the servers and make an empty, seeded database."""
    from django.core.management import call_command

    from abuse.seed import load_seed

    call_command("migrate", verbosity=0, interactive=False)
    load_seed()


def import_cast() -> None:
    """Import the customers and the known reporters, and lower the threshold for spam."""
    from abuse.controllers.directory import import_customers
    from abuse.models import Provider, ReportThreshold, Tag
    from abuse.services.crm.records import read_record

    from .cast import KNOWN_REPORTERS, make_customers

    records = [read_record(one.customer_id, one.to_json()) for one in make_customers()]
    faults = [record for record in records if isinstance(record, list)]
    result = import_customers(record for record in records if not isinstance(record, list))
    if faults or result.faults:
        raise RuntimeError(f"the benchmark's customers are not importable: {faults or result.faults}")
    for reporter in KNOWN_REPORTERS:
        values = {"trusted": reporter.trusted, "default_category_id": reporter.category}
        provider, _ = Provider.objects.update_or_create(email=reporter.email, defaults=values)
        provider.tags.set(Tag.filter(tag_type=Tag.Type.PROVIDER, codename__in=reporter.tags))
    ReportThreshold.objects.update_or_create(category_id="Spam", defaults={"threshold": SPAM_THRESHOLD, "interval": 30})
