"""Every call of the API, made by everybody, about everything: each answers what the table says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from django.db import transaction
from django.utils import timezone
from flask.testing import FlaskClient

from abuse.api import declared
from abuse.controllers import webhooks
from abuse.models import (
    AttachedDocument,
    BusinessRules,
    Category,
    Comment,
    DefendantComment,
    MailTemplate,
    News,
    Proof,
    ReportThreshold,
    Resolution,
    Role,
    ServiceAction,
    ServiceActionJob,
    StarredTicket,
    Tag,
    TicketAction,
    TicketWorkflowPreset,
    TicketWorkflowPresetConfig,
)
from abuse.services.storage import StorageService

from .conftest import Caller, MakeUser
from .permission_table import CALLERS, TABLE, Pattern, Row
from .rows import (
    a_comment,
    a_defendant,
    a_mail,
    a_provider,
    a_report,
    a_service,
    a_tag,
    a_ticket,
    an_item,
    an_outgoing_mail,
)

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "permissions.md"
BEGIN, END = "<!-- the table of calls, from abuse/tests/api/permission_table.py -->", "<!-- end of the table -->"
EVIDENCE = "e" * 64
"""The key of the mail that all reports came with."""
_RULE = """\
name: trial
rulesType: Report
orderId: 95
config:
  conditions: {all: [{name: has_defendant, operator: is_true, value: true}]}
  actions: [{name: create_ticket}]
"""


class World:
    """All that a path or a body may name, in one place."""

    def __init__(self, caller: Caller, bystander: Caller, category: str, *, confidential: bool = False) -> None:
        user = caller.user
        defendant, unused = a_defendant(), a_provider("unused@example.com")
        ticket = a_ticket(category, confidential=confidential, defendant=defendant, service=a_service())
        StorageService.write(EVIDENCE, b"From: a@example.com\r\n\r\nHello\r\n")
        whose = {"defendant": defendant, "service": ticket.service}
        report = a_report(category, ticket=ticket, filename=EVIDENCE, **whose)
        file = AttachedDocument.create(name="a.txt", filename=EVIDENCE, filetype="text/plain", size=30)
        report.attachments.add(file)
        comment = Comment.create(user=user, comment="a remark", date=timezone.now())
        provider_tag, defendant_tag = a_tag("seen", Tag.Type.PROVIDER), a_tag("seen", Tag.Type.DEFENDANT)
        unused.tags.add(provider_tag)
        defendant.tags.add(defendant_tag)
        tag, report_tag = a_tag("seen"), a_tag("seen", Tag.Type.REPORT)
        ticket.tags.add(tag)
        report.tags.add(report_tag)
        job = ServiceActionJob.create(action=ServiceAction.get(), creation_date=timezone.now())
        ticket.jobs.add(job)
        config = TicketWorkflowPresetConfig.create(action=TicketAction.get(codename="waiting_answer"))
        preset = TicketWorkflowPreset.create(codename=f"preset {ticket.pk}", name="preset", config=config)
        preset.roles.set(Role.all())
        wanted = webhooks.Wanted("https://hooks.example.net/", ["ticket.created"])
        delivery = webhooks.try_out(webhooks.create(wanted, actor=user)[0])
        self.ticket, self.report = ticket, report
        self.names: dict[str, Any] = {
            "ticket_id": ticket.pk,
            "report_id": report.pk,
            "item_id": an_item(report).pk,
            "comment_id": a_comment(ticket, user).comment.pk,
            "proof_id": Proof.create(ticket=ticket, content="seen").pk,
            "file_id": file.pk,
            "tag_id": tag.pk,
            "tag": {"id": tag.pk, "name": tag.name},
            "report_tag_id": report_tag.pk,
            "report_tag": {"id": report_tag.pk, "name": report_tag.name},
            "job_id": job.pk,
            "preset_id": preset.pk,
            "template_id": MailTemplate.get(codename="fixed", lang="EN").pk,
            "status": "paused",
            "key": "none",
            "customer_id": defendant.customer_id,
            "defendant_id": defendant.pk,
            "defendant_tag_id": defendant_tag.pk,
            "defendant_tag": {"id": defendant_tag.pk, "name": defendant_tag.name},
            "defendant_comment_id": DefendantComment.create(defendant=defendant, comment=comment).comment.pk,
            "threshold_id": ReportThreshold.get().pk,
            "name": Category.get_or_create(name="Unused")[0].name,
            "email": unused.email,
            "provider_tag_id": provider_tag.pk,
            "provider_tag": {"id": provider_tag.pk, "name": provider_tag.name},
            "resolution_id": Resolution.get(codename="invalid").pk,
            "rule_id": BusinessRules.all().order_by("pk")[0].pk,
            "version": 1,
            "ip": "192.0.2.7",
            "source": "none",
            "model": "Ticket",
            "priority_model": "ticket",
            "notification_id": 2**40,
            "news_id": News.create(author=bystander.user, title="News", content="None.", date=timezone.now()).pk,
            "username": user.username,
            "own_token_id": user.api_tokens.get().pk,
            "user_id": bystander.user.pk,
            "role_id": Role.create(codename=f"unused.{ticket.pk}", name="Unused").pk,
            "token_id": bystander.user.api_tokens.get().pk,
            "rule": _RULE,
            "email_id": a_mail(sha256=EVIDENCE).pk,
            "message_id": an_outgoing_mail().pk,
            "webhook_id": delivery.webhook.pk,
            "delivery_id": delivery.pk,
        }


@pytest.mark.django_db
@pytest.mark.parametrize("who", CALLERS)
def test_every_call_answers_as_the_table_says(client: FlaskClient, make_user: MakeUser, who: str) -> None:
    profiles = {"no profile": {}, "superuser": {}, "admin": {"Phishing": "Expert"}}.get(who, {"Phishing": who})
    user = make_user(
        "alice", profiles, role="admin" if who == "admin" else "run_level_3", is_superuser=who == "superuser"
    )
    caller, bystander = Caller(client, user), Caller(client, make_user("bystander"))
    worlds = {
        "own": World(caller, bystander, "Phishing"),
        "other": World(caller, bystander, "Malware"),
        "confidential": World(caller, bystander, "Phishing", confidential=True),
    }
    wrong = []
    for row in TABLE:
        for place in row.pattern.places:
            got, said = _answer(caller, row, worlds[place])
            expected = row.pattern.status(who, place, row.passes)
            if got != expected:
                wrong.append(f"{row.method} {row.path} {place}: {got}, expected {expected}: {said}")
    assert not wrong, "\n".join(wrong)


def _answer(caller: Caller, row: Row, world: World) -> tuple[int, str]:
    """The answer to one call, after which all is as before."""
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(world.names[row.ids.get(match[1], match[1])]), row.path)
    with transaction.atomic():
        if row.method == "DELETE" and path.endswith("/star"):
            StarredTicket.create(ticket=world.ticket, user=caller.user)
        response = caller.client.open(
            path, method=row.method, json=_filled(row.body, world.names), headers={"X-Api-Token": caller.token}
        )
        said = response.get_data(as_text=True)[:200]  # before the rollback: files are read from the database as they go
        transaction.set_rollback(True)
    # The client keeps cookies; the next call is to come with the token alone.
    caller.client.delete_cookie("cerberus_session")
    caller.client.delete_cookie("cerberus_csrf")
    return response.status_code, said


def _filled(body: Any, names: dict[str, Any]) -> Any:
    match body:
        case dict():
            return {key: _filled(value, names) for key, value in body.items()}
        case list():
            return [_filled(value, names) for value in body]
        case str() if body.startswith("{"):
            return names[body[1:-1]]
        case _:
            return body


def test_the_table_has_every_call_once_and_no_other(app: APIFlask) -> None:
    listed = [(row.method, row.path) for row in TABLE]
    assert len(listed) == len(set(listed))
    there = {(method, path) for method, path, _, _ in declared.calls(app)}
    assert there - set(listed) == set(), "add a Row to abuse/tests/api/permission_table.py"
    assert set(listed) - there == set()


def test_every_endpoint_declares_a_right_and_one_without_is_refused(app: APIFlask) -> None:
    fresh = APIFlask("fresh")
    fresh.add_url_rule("/api/open", "open", lambda: "")
    with pytest.raises(LookupError, match="open: the endpoint declares no right"):
        declared.routes(fresh)


def test_the_reference_shows_the_table() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == reference_table(), (
        "run: python -m abuse.tests.api.write_permissions"
    )


def reference_table() -> str:
    """The table as Markdown."""
    lines = ["| call | for whom |", "|---|---|"]
    for row in TABLE:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", row.path)
        lines.append(f"| `{row.method} {path}` | {row.pattern.name} |")
    used = list(dict.fromkeys(row.pattern for row in TABLE))
    lines += ["", f"| for whom | | {' | '.join(CALLERS)} |", f"|---|---|{'---|' * len(CALLERS)}"]
    for pattern in used:
        lines += [f"| {pattern.name} | {place} | {_cells(pattern, place)} |" for place in pattern.places]
    return "\n".join(lines)


def _cells(pattern: Pattern, place: str) -> str:
    statuses = [pattern.status(caller, place, 200) for caller in CALLERS]
    return " | ".join("yes" if status == 200 else str(status) for status in statuses)
