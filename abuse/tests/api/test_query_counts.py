"""What an answer with a list costs does not depend on how long the list is. Lists are found in the OpenAPI document."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from apiflask import APIFlask
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from flask.testing import FlaskClient

from abuse.models import (
    AttachedDocument,
    AuditEntry,
    DefendantComment,
    MailTemplate,
    News,
    Notification,
    Proof,
    ReceivedMessage,
    Resolution,
    ServiceAction,
    ServiceActionJob,
    Tag,
)

from .conftest import Caller, MakeUser
from .rows import a_comment, a_defendant, a_provider, a_report, a_service, a_tag, a_ticket, an_item
from .test_matrix import World

FIFTY = 50
MOST = 10
"""Statements for a page of a list: who calls and what he may see among them."""
MOST_IN_DETAIL = 25
"""For one thing with several lists in it."""
LONG = {
    "/api/tickets", "/api/reports", "/api/search", "/api/tickets/todo", "/api/my-tickets", "/api/news",
    "/api/providers",
    "/api/users", "/api/notifications", "/api/audit", "/api/emailTemplates", "/api/resolutions", "/api/tags",
    "/api/tickets/{ticket_id}/items", "/api/tickets/{ticket_id}/emails", "/api/tickets/{ticket_id}/proof",
    "/api/tickets/{ticket_id}/jobs", "/api/tickets/{ticket_id}/attachments", "/api/reports/{report_id}/items",
    "/api/reports/{report_id}/attachments",
}  # fmt: skip
"""Lists that `_fifty_of_all` makes long. The others are counted as they are."""


def _answers_with_lists(app: APIFlask) -> dict[str, bool]:
    """The paths of GETs that answer with a list, and whether the answer is the list itself or a page of it."""
    with app.app_context():
        document: Any = app.spec
    schemas = document["components"]["schemas"]
    found = {}
    for path, item in document["paths"].items():
        answer = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).get("application/json", {})
        schema = schemas.get(answer.get("schema", {}).get("$ref", "").split("/")[-1], {})
        lists = [name for name, one in schema.get("properties", {}).items() if one.get("type") == "array"]
        if schema.get("type") == "array" or lists:
            found[path] = schema.get("type") == "array" or "id" not in schema["properties"]
    return found


def _fifty_of_all(world: World, caller: Caller) -> None:
    ticket, report, now = world.ticket, world.report, timezone.now()
    defendant = ticket.defendant
    for number in range(FIFTY):
        other = a_ticket(defendant=a_defendant(), service=a_service(), treated_by=caller.user)
        other.tags.add(a_tag(f"t{number}"))
        one = a_report(ticket=other, provider=a_provider(f"r{number}@example.com"))
        an_item(one)
        an_item(report, f"http://h{number}.example.net/", "URL")
        for owner in (ticket, other):
            a_comment(owner, caller.user)
        own = a_report(ticket=ticket, provider=one.provider)
        own.tags.add(a_tag(f"r{number}", Tag.Type.REPORT))
        an_item(own, f"192.0.2.{number}")
        for reported in (report, own):
            reported.attachments.add(
                AttachedDocument.create(name="a", filename=f"{number:064}", filetype="text/plain", size=1)
            )
        tag = a_tag(f"d{number}", Tag.Type.DEFENDANT)
        assert defendant is not None
        defendant.tags.add(tag)
        one.provider.tags.add(a_tag(f"p{number}", Tag.Type.PROVIDER))
        DefendantComment.create(defendant=defendant, comment=a_comment(other, caller.user).comment)
        ticket.jobs.add(ServiceActionJob.create(action=ServiceAction.get(), creation_date=now))
        Proof.create(ticket=ticket, content=f"seen {number}")
        ReceivedMessage.create(
            ticket=ticket, category="Defendant", sender="jo@customer.example", recipient="ticket", subject="Re",
            body="Done.", date=now,
        )  # fmt: skip
        News.create(author=caller.user, title=f"News {number}", content="None.", date=now)
        Notification.create(user=caller.user, kind="alarm", ticket=other, message="Look", date=now)
        AuditEntry.create(date=now, user=caller.user, method="GET", endpoint="tickets.show_ticket", status=200)
        Resolution.create(codename=f"reason {number}")
        MailTemplate.create(
            codename=f"text_{number}", name="Text", lang="EN", recipient_type="Other", subject="S", body="B"
        )


@pytest.mark.django_db
def test_a_list_of_fifty_costs_few_queries(app: APIFlask, client: FlaskClient, make_user: MakeUser) -> None:
    caller = Caller(client, make_user("alice", {"Phishing": "Expert"}, role="admin", is_superuser=True))
    for number in range(FIFTY):
        make_user(f"user{number}", {"Phishing": "Expert"})
    world = World(caller, Caller(client, make_user("bystander")), "Phishing")
    _fifty_of_all(world, caller)
    filters = {"filters": json.dumps({"paginate": {"resultsPerPage": FIFTY, "currentPage": 1}})}
    costly: list[str] = []
    short: set[str] = set()
    lists = _answers_with_lists(app)
    assert set(lists) >= LONG
    for path, is_list in lists.items():
        names = {**world.names, "webhook_id": 2**40}
        url = re.sub(r"{(\w+)}", lambda match: str(names.get(match[1], "none")), path)  # noqa: B023 - used at once
        with CaptureQueriesContext(
            connection,
        ) as captured:
            response = caller.client.get(url, query_string=filters, headers={"X-Api-Token": caller.token})
        most = MOST if is_list else MOST_IN_DETAIL
        if len(captured) > most:
            costly.append(f"{path}: {len(captured)} statements, expected {most} at most")
        if is_list and response.status_code == 200 and _rows(response.get_json()) < FIFTY:
            short.add(path)
    assert not costly, "\n".join(costly)
    assert LONG & short == set(), "make fifty of them in _fifty_of_all"


def _rows(answer: Any) -> int:
    return (
        len(answer) if isinstance(answer, list) else max(len(one) for one in answer.values() if isinstance(one, list))
    )
