"""The whole day of an operator with the older client, in a real browser, from a page on another origin."""

from __future__ import annotations

import hashlib
import struct
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from django.db import connections
from werkzeug.serving import make_server

from abuse.api import access, origins, proxies, screenshots, session
from abuse.config import current
from abuse.controllers import history, moves, ownership, tickets
from abuse.controllers.defendants import ensure_services
from abuse.models import (
    AttachedDocument,
    MailTemplate,
    Profile,
    Resolution,
    ServiceAction,
    Tag,
    TicketStatus,
    UrlCheck,
)
from abuse.services.crm.base import ServiceInfo
from abuse.services.phishing.looks import url_key
from abuse.services.storage import StorageService
from abuse.tests.services.crm.directory import hold
from abuse.tests.services.phishing.lab import page, web_server
from abuse.tests.services.phishing.test_browsing import PROGRAM, needs_browser

from ..conftest import PASSWORD, MakeUser
from ..rows import START, a_defendant, a_provider, a_report, a_service, a_tag, a_ticket, an_item
from .browser import page_server, run_page

REPORTER = "cert+abuse@reporter.example"
URL = "http://192.0.2.7/login"
EVERYBODY = """
POST /auth; POST /logout; GET /users/me; GET /notifications; GET /toolbar; GET /dashboard; GET /status;
GET /status/Ticket; GET /status/Report; GET /tickets?F; GET /my-tickets?F; GET /defendants/top20;
GET /stats/tickets/{customerId}; GET /stats/reports/{customerId}; GET /news?F; POST /news; PUT /news/{id};
GET /search?F; GET /tickets/todo?F; GET /tickets/{id}/items, /reports/{id}/items; PUT /tickets/bulk; GET /providers?F;
GET /users; GET /categories; GET /tags; GET /priorities/ticket; GET /tickets/{id}; PUT /tickets/{id};
GET /tickets/{id}/providers; GET /tickets/{id}/proof; POST /tickets/{id}/proof; DELETE /tickets/{id}/proof/{proofId};
GET /tickets/{id}/emails; GET /tickets/{id}/items?F; PUT /tickets/{id}/items/{itemId}; GET /tickets/{id}/jobs;
DELETE /tickets/{id}/jobs/{jobId}; PUT /tickets/{id}/status/paused; PUT /tickets/{id}/status/unpaused;
PUT /tickets/{id}/status/closed; PUT /tickets/{id}/status/reopened; PATCH /tickets/{id}/snoozeDuration;
PATCH /tickets/{id}/pauseDuration; POST /tickets/{id}/comments; PUT /tickets/{id}/comments/{commentId};
POST /tickets/{id}/tags; DELETE /tickets/{id}/tags/{tagId}; POST /tickets; GET /tickets/{id}/actions/list;
GET /emailTemplates; GET /presets?F; GET /resolutions; GET /reports?F; GET /tickets/{id}/presets/{presetId};
GET /tickets/{id}/templates/{templateId}; POST /tickets/{id}/interact; GET /reports/{id}; PUT /reports/{id};
GET /reports/{id}/items?F; POST /reports/{id}/items; PUT /reports/{id}/items/{itemId};
DELETE /reports/{id}/items/{itemId}; GET /reports/{id}/attachments; GET /reports/{id}/attachments/{attId};
GET /reports/{id}/raw; GET /reports/{id}/dehtmlify; GET /reports/{id}/items/screenshots; POST /reports/{id}/feedback;
POST /reports/{id}/tags; DELETE /reports/{id}/tags/{tagId}; GET /reputation/ip/{ip}/rbl;
GET /reputation/ip/{ip}/external; GET /reputation/ip/{ip}/internal; GET /reputation/ip/{ip}/tool;
GET /reputation/ip/{ip}/external/{source}; POST /reputation/url/external; GET /tools/curl?url=; GET /tools/whois?item=;
GET /defendants/{id}; GET /defendants/{customerId}/services; POST /defendants/{id}/comments;
PUT /defendants/{id}/comments/{commentId}; DELETE /defendants/{id}/comments/{commentId};
POST /defendants/{id}/tags?Id={tagId}; DELETE /defendants/{id}/tags/{tagId}
"""
ADMINISTRATORS = """
DELETE /news/{id}; GET /users/{id}; PUT /users/{id}; GET /profiles; POST /categories; PUT /categories/{name};
DELETE /categories/{name}; PUT /providers/{email}; GET /priorities/provider; GET /tags?tagType=Provider;
POST /providers/{email}/tags; DELETE /providers/{email}/tags/{tagId}; GET /tags/types; POST /tags; PUT /tags/{id};
DELETE /tags/{id}; GET /emailTemplates?F; GET /emailTemplates/languages; GET /emailTemplates/recipientsType;
POST /emailTemplates; PUT /emailTemplates/{id}; DELETE /emailTemplates/{id}; POST /resolutions; PUT /resolutions/{id};
DELETE /resolutions/{id}; GET /presets/{id}; POST /presets; PUT /presets/{id}; PUT /presets/order;
DELETE /presets/{id}; GET /admin/threshold; POST /admin/threshold; PUT /admin/threshold/{id};
DELETE /admin/threshold/{id}; GET /mass-contact?F; POST /mass-contact
"""
"""The rows of the client's table of calls."""


def rows_of(text: str) -> set[str]:
    return {row.strip() for row in text.split(";")}


def png() -> bytes:
    """A picture of one dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def stored(content: bytes) -> str:
    key = hashlib.sha256(content).hexdigest()
    StorageService.write(key, content)
    return key


def desk(make_user: MakeUser, *, is_admin: bool) -> dict[str, Any]:
    """A desk with work on it; what the page has to know of it."""
    role = "admin" if is_admin else "run_level_3"
    profiles = {} if is_admin else {"Phishing": "Expert", "Spam": "Expert"}
    me = make_user("me", profiles, role=role, is_superuser=is_admin)
    colleague = make_user("bob", {"Phishing": "Expert", "Spam": "Expert"}, email="bob@desk.example")
    a_tag("fraud"), a_tag("copied", Tag.Type.REPORT), a_tag("vip", Tag.Type.DEFENDANT), a_tag("src", Tag.Type.PROVIDER)
    hold("C-1+x", "192.0.2.0/28")
    customer = a_defendant(customer_id="C-1+x", email="jo@customer.example", lang="EN")
    customer.tags.add(Tag.get(name="vip"))
    (service,) = ensure_services([ServiceInfo("vps of C-1+x", "service-C-1+x")]).values()
    about: dict[str, Any] = {
        "defendant": customer, "service": service, "provider": a_provider(REPORTER), "subject": "a page & more",
        "body": "<p>It is about 192.0.2.7</p>", "filename": stored(b"From: a@x.example\n\nIt is about 192.0.2.7"),
    }  # fmt: skip
    report = a_report(**about)
    an_item(report, "192.0.2.7", ip_reverse="vps.customer.example")
    an_item(report, URL, "URL")
    file = b"a line"
    report.attachments.add(
        AttachedDocument.create(name="log.txt", filename=stored(file), filetype="text/plain", size=len(file))
    )
    ticket = tickets.create_ticket(report, actor=history.robot())
    a_report(provider=a_provider("other@reporter.example"), ticket=ticket)
    report.refresh_from_db()
    report.tags.add(Tag.get(name="copied"))
    ticket.tags.add(Tag.get(name="fraud"))
    action = ServiceAction.filter(module="VPS").get()
    for profile in Profile.all():
        profile.actions.add(action)
    a_ticket(escalated=True, moderation=True, defendant=customer)
    told = a_ticket(status=TicketStatus.WAITING_ANSWER)
    ownership.assign(told, me, actor=colleague)
    moves.set_status(told, TicketStatus.ALARM, actor=colleague)
    fresh = a_report(**{**about, "service": a_service("another"), "subject": "another"})
    phish = a_report(**{**about, "status": "PhishToCheck", "subject": "look"})
    for url in (URL, f"{URL}/other"):
        an_item(phish, url, "URL")
    UrlCheck.create(
        look_id="a" * 32, url_sha256=url_key(URL), url=URL, looked_at=START, direct_status="UP", http_code=200,
        score=0, headers={"server": "nginx"}, picture=stored(png()),
    )  # fmt: skip
    texts = {"subject": "Case {{ publicId }}", "recipient_type": "Defendant"}
    needs_proof = "{% for one in proof %}{{ one }}{% endfor %}"
    return {
        "name": me.username, "password": PASSWORD, "isAdmin": is_admin, "me": me.pk, "colleague": colleague.username,
        "ticket": ticket.pk, "publicId": ticket.public_id, "report": report.pk, "fresh": fresh.pk, "phish": phish.pk,
        "foreign": a_ticket("Copyright").pk, "bulk": [a_ticket().pk, a_ticket("Spam").pk],
        "customerId": customer.customer_id, "reporter": REPORTER,
        "resolution": Resolution.get(codename="fixed_by_isp").pk,
        "template": MailTemplate.create(codename="x", name="x", body="About {{ publicId }}", **texts).pk,
        "proofTemplate": MailTemplate.create(codename="proof", name="proof", body=needs_proof, **texts).pk,
        "news": 1,
    }  # fmt: skip


@pytest.fixture
def api(app: APIFlask, transactional_db: None) -> Iterator[str]:
    """The address of the API at a real door, which gives connections back after each call."""
    door = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=door.serve_forever, daemon=True)
    serving.start()
    app.teardown_appcontext_funcs.append(lambda error: connections.close_all())
    yield f"http://127.0.0.1:{door.server_port}/api"
    app.teardown_appcontext_funcs.pop()
    door.shutdown()
    door.server_close()
    serving.join(20)


@needs_browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("actions", "phishing", "reputation", "queue_server")
@pytest.mark.parametrize("is_admin", [True, False], ids=["administrator", "operator"])
def test_the_older_client_does_a_days_work_from_another_origin(
    api: str, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch, is_admin: bool
) -> None:
    assert PROGRAM is not None
    with page_server() as origin, web_server({"/login": page("x", X_Made_By="nobody")}) as looked_at:
        settings = current()
        allowed = settings.API.model_copy(update={"allowed_origins": (origin.origin,)})
        changed = settings.model_copy(update={"API": allowed})
        for module in (access, origins, proxies, screenshots, session):
            monkeypatch.setattr(module, "current", lambda: changed)
        given = desk(make_user, is_admin=is_admin)
        origin.given = {**given, "api": api, "page": looked_at.url("/login")}
        told = run_page(PROGRAM, origin)
    assert told["failures"] == [], "\n".join(told["failures"])
    expected = rows_of(EVERYBODY) | (rows_of(ADMINISTRATORS) if is_admin else set())
    assert expected - set(told["rows"]) == set()
