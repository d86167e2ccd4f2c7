"""Versions of what can be edited: a short text that is another after every change of what is shown of it.

PostgreSQL writes a new row for every change, with the transaction (`xmin`) and the place (`ctid`) that wrote it, so
whoever changes a row, by whatever way, changes its version, and no writer has to think of it. What is shown along with
a row, such as its tags, is part of its version by the same token. A restored backup has other versions, which costs
one more reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection, models

from abuse.models import (
    BusinessRules,
    Category,
    Defendant,
    DirectoryCustomer,
    MailTemplate,
    News,
    Provider,
    Report,
    ReportThreshold,
    Role,
    Tag,
    Ticket,
    TicketWorkflowPreset,
    User,
    Webhook,
)


@dataclass(frozen=True, slots=True)
class Versioned:
    """A kind of thing that has versions. `it` is its row in the SQL below, which is ours and takes no words."""

    what: str
    model: type[models.Model]
    parts: Sequence[str] = ()
    """Queries for what is shown along: their first column is `v`."""
    lock_before: str = ""
    """What is locked before the row, as everybody does it."""
    whole: bool = field(default=False)
    """Whether an edit replaces rows that hang on it: those are kept out while it is locked."""
    key: str = ""
    """The column by which it is named, where that is not its primary key."""
    said: str = ""
    """An expression for what counts of the row itself, where it is also written to for reasons of no interest."""


def _rows(alias: str) -> str:
    return f"{alias}.xmin::text || {alias}.ctid::text AS v"


_ROW, _OTHER = _rows("one"), _rows("other")


def _linked(link: str, column: str, table: str, other: str) -> str:
    """Rows of a table that are linked to the row by another table."""
    return (
        f"SELECT {_OTHER} FROM abuse_{link} one JOIN abuse_{table} other ON other.id = one.{other} "  # noqa: S608
        f"WHERE one.{column} = it.id"
    )


def _of(table: str, condition: str) -> str:
    return f"SELECT {_ROW} FROM abuse_{table} one WHERE {condition}"  # noqa: S608


_CUSTOMER = (
    _of("defendant", "one.id = it.defendant_id"),
    _of("defendantrevision", "one.id = (SELECT details_id FROM abuse_defendant d WHERE d.id = it.defendant_id)"),
    "SELECT t.name || t.level || t.tag_type || t.codename AS v FROM abuse_defendant_tags one "
    "JOIN abuse_tag t ON t.id = one.tag_id WHERE one.defendant_id = it.defendant_id",
    f"SELECT {_OTHER} FROM abuse_defendantcomment one JOIN abuse_comment other ON other.id = one.comment_id "  # noqa: S608
    "WHERE one.defendant_id = it.defendant_id",
)
_SERVICE = _of("service", "one.id = it.service_id")

TICKET = Versioned(
    "ticket",
    Ticket,
    (
        *_CUSTOMER,
        _SERVICE,
        _of("resolution", "one.id = it.resolution_id"),
        _of("history", "one.ticket_id = it.id"),
        _of("businessruleshistory", "one.ticket_id = it.id"),
        _of("report", "one.ticket_id = it.id"),
        _of("starredticket", "one.ticket_id = it.id"),
        _linked("ticket_tags", "ticket_id", "tag", "tag_id"),
        _linked("ticketcomment", "ticket_id", "comment", "comment_id"),
        _linked("ticket_jobs", "ticket_id", "serviceactionjob", "serviceactionjob_id"),
        f"SELECT {_OTHER} FROM abuse_report one JOIN abuse_report_tags link ON link.report_id = one.id "  # noqa: S608
        "JOIN abuse_tag other ON other.id = link.tag_id WHERE one.ticket_id = it.id",
        f"SELECT {_OTHER} FROM abuse_report one "  # noqa: S608
        "JOIN abuse_businessruleshistory other ON other.report_id = one.id WHERE one.ticket_id = it.id",
        "SELECT id || username AS v FROM abuse_user",
    ),
)
REPORT = Versioned(
    "report",
    Report,
    (
        *_CUSTOMER,
        _SERVICE,
        _of("provider", "one.email = it.provider_id"),
        _of("businessruleshistory", "one.report_id = it.id"),
        _linked("report_tags", "report_id", "tag", "tag_id"),
    ),
    lock_before=(
        "SELECT id FROM abuse_ticket WHERE id = (SELECT ticket_id FROM abuse_report WHERE id = %s) FOR NO KEY UPDATE"
    ),
)
DEFENDANT = Versioned("customer", Defendant, tuple(part.replace("it.defendant_id", "it.id") for part in _CUSTOMER[1:]))
PROVIDER = Versioned(
    "provider",
    Provider,
    (
        f"SELECT {_OTHER} FROM abuse_provider_tags one JOIN abuse_tag other ON other.id = one.tag_id "  # noqa: S608
        "WHERE one.provider_id = it.email",
    ),
    whole=True,
)
USER = Versioned(
    "user",
    User,
    (_linked("operator", "user_id", "role", "role_id"), _of("abusepermission", "one.user_id = it.id")),
    whole=True,
)
PRESET = Versioned(
    "preset",
    TicketWorkflowPreset,
    (
        _linked("ticketworkflowpreset_templates", "ticketworkflowpreset_id", "mailtemplate", "mailtemplate_id"),
        _linked("ticketworkflowpreset_roles", "ticketworkflowpreset_id", "role", "role_id"),
        _of("ticketworkflowpresetconfig", "one.id = it.config_id"),
        f"SELECT {_OTHER} FROM abuse_ticketworkflowpresetconfig_params one "  # noqa: S608
        "JOIN abuse_ticketactionparams other ON other.id = one.ticketactionparams_id "
        "WHERE one.ticketworkflowpresetconfig_id = it.config_id",
    ),
    whole=True,
)
RULE = Versioned("rule", BusinessRules)
TEMPLATE = Versioned("template", MailTemplate)
TAG = Versioned("tag", Tag)
THRESHOLD = Versioned("threshold", ReportThreshold)
NEWS = Versioned("news", News, (_of("user", "one.id = it.author_id"),))
CATEGORY = Versioned("category", Category)
ROLE = Versioned(
    "role",
    Role,
    (
        "SELECT other.method || other.endpoint || other.is_dead AS v FROM abuse_role_allowed_routes one "
        "JOIN abuse_apiroute other ON other.id = one.apiroute_id WHERE one.role_id = it.id",
        _of("operator", "one.role_id = it.id"),
    ),
)
WEBHOOK = Versioned(
    "webhook",
    Webhook,
    (_of("user", "one.id = it.owner_id"),),
    # It is noted in the row when something is sent; that is no edit.
    said=(
        "ROW(it.url, it.secret, it.kinds, it.categories, it.confidential, it.description, it.is_active, "
        "it.disabled_reason, it.failures, it.failing_since)::text"
    ),
)
CUSTOMER = Versioned(
    "customer in the directory",
    DirectoryCustomer,
    (
        _of("directoryservice", "one.customer_id = it.id"),
        f"SELECT {_OTHER} FROM abuse_directoryservice one "  # noqa: S608
        "JOIN abuse_directoryresource other ON other.service_id = one.id WHERE one.customer_id = it.id",
    ),
    key="customer_id",
)
ALL = (
    TICKET, REPORT, DEFENDANT, PROVIDER, USER, PRESET, RULE, TEMPLATE, TAG, THRESHOLD, NEWS, CATEGORY, ROLE, WEBHOOK,
    CUSTOMER,
)  # fmt: skip


def version_of(kind: Versioned, key: int | str) -> str | None:
    """The version of one thing: 32 hexadecimal digits, another after every change. None when there is no such thing."""
    hashed = [
        f"(SELECT count(*) || '.' || coalesce(sum(hashtextextended(part.v, 0)), 0) FROM ({part}) part)"  # noqa: S608
        for part in kind.parts
    ]
    table, column = _names(kind)
    shown = ", ".join([kind.said or "it.xmin::text, it.ctid::text", *hashed])
    return _first(f"SELECT md5(concat_ws('|', {shown})) FROM {table} it WHERE it.{column} = %s", key)  # noqa: S608


def lock(kind: Versioned, key: int | str) -> None:
    """Lock one thing until the end of the transaction, so that its version stays what it is.

    :raises django.db.transaction.TransactionManagementError: outside of a transaction.
    """
    connection.validate_no_broken_transaction()
    if kind.lock_before:
        _first(kind.lock_before, key)
    table, column = _names(kind)
    strength = "UPDATE" if kind.whole else "NO KEY UPDATE"
    _first(f"SELECT 1 FROM {table} it WHERE it.{column} = %s FOR {strength}", key)  # noqa: S608


def _names(kind: Versioned) -> tuple[str, str]:
    quoted = connection.ops.quote_name
    primary_key = kind.model._meta.pk
    assert primary_key is not None  # noqa: S101 - every model has one
    return quoted(kind.model._meta.db_table), quoted(kind.key or str(primary_key.column))


def _first(statement: str, key: int | str) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [key])
        found = cursor.fetchone()
    return None if found is None else str(found[0])
