"""Writing texts: refused with the place of each fault, kept with every version, previewed before they are sent."""

from __future__ import annotations

from typing import Any

import pytest

from abuse.controllers import texts
from abuse.controllers.editing import Refused
from abuse.controllers.texts import TextContent, TextRefused, delete_text, preview, restore_text, save_text, versions_of
from abuse.models import MailTemplate, User
from abuse.tests.rules.conftest import make_defendant, make_report, make_service, make_ticket

from .people import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return make_user("ann")


def content(**values: Any) -> TextContent:
    return TextContent(
        **{
            "codename": "own_text", "recipient_type": "Defendant", "lang": "EN", "name": "Own",
            "subject": "[Case {{ publicId }}] Own", "body": "About {{ service }}.", **values,
        }
    )  # fmt: skip


def test_a_text_is_kept_with_its_versions_and_authors(ann: User) -> None:
    row = save_text(content(), actor=ann)
    assert (row.version, row.shipped_digest) == (1, "")
    assert save_text(content(), actor=ann).version == 1
    row = save_text(content(body="Now {{ service }}."), actor=ann, expected_version=1)
    assert [(one.version, one.user, one.body) for one in versions_of(row)] == [
        (2, ann, "Now {{ service }}."),
        (1, ann, "About {{ service }}."),
    ]
    with pytest.raises(Refused, match="version: 1 was edited, but the text is at version 2 now"):
        save_text(content(), actor=ann, expected_version=1)
    assert restore_text(versions_of(row)[1], actor=ann).version == 3


def test_the_shipped_text_stays_as_a_version(ann: User) -> None:
    shipped = MailTemplate.get(codename="fixed", lang="EN")
    row = save_text(
        content(codename="fixed", recipient_type="Plaintiff", name=shipped.name, body="Done: {{ reference }}"),
        actor=ann,
    )
    assert [(one.version, one.user) for one in versions_of(row)] == [(2, ann), (1, None)]
    assert versions_of(row)[1].body == shipped.body


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"body": "a\n{{ servce }}"}, "body, line 2: unknown variable 'servce'; did you mean 'service'?"),
        ({"subject": "{{ publicid }}"}, "subject, line 1: unknown variable 'publicid'; did you mean 'publicId'?"),
        ({"body_html": "{{ service.x() }}"}, "body_html, line 1: a call"),
        ({"subject": " "}, "subject: empty"),
        ({"recipient_type": "Plaintiff"}, "unknown variable 'service'"),
        ({"recipient_type": "Nobody"}, "recipient_type: 'Nobody'; expected one of Defendant"),
        ({"lang": "fr"}, "lang: 'fr'; expected two capital letters"),
        ({"codename": "a b"}, "codename: 'a b'"),
        ({"name": ""}, "name: 0 characters"),
        (
            {"recipient_type": "Partial", "subject": "", "body": '{% include "signature" %}'},
            "a partial includes no other",
        ),
        ({"recipient_type": "Partial", "body": "x"}, "subject: a partial's subject is a plain text"),
    ],
)
def test_a_faulty_text_is_refused(ann: User, values: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused) as refused:
        save_text(content(**values), actor=ann)
    assert message in str(refused.value)
    assert not MailTemplate.filter(codename="own_text").exists()


def test_a_partial_is_tried_where_it_is_included(ann: User) -> None:
    values = {"codename": "signature", "recipient_type": "Partial", "subject": "", "lang": "EN"}
    with pytest.raises(TextRefused) as refused:
        save_text(content(**values, body="For {{ customer_name }}"), actor=ann)
    assert "in ack_report_received (EN): " in str(refused.value)
    row = save_text(content(**values, body="The desk of case {{ publicId }}"), actor=ann)
    assert row.version == 2


def test_a_how_to_fix_text_does_not_use_itself(ann: User) -> None:
    with pytest.raises(TextRefused, match="how_to_fix within a text that how_to_fix is made of"):
        save_text(
            content(codename="how_to_fix_spam", recipient_type="Partial", subject="spam", body="{{ how_to_fix }}"),
            actor=ann,
        )


def test_a_preview_shows_the_text_and_keeps_nothing(ann: User) -> None:
    shown = preview(content(body="{{ service }}", subject="Hello " * 40, body_html="<img src=x>{{ service }}"))
    assert shown.body == "vps-17 <small> & 'quick'\n"
    assert "&lt;small&gt;" in shown.body_html
    assert len(shown.warnings) == 3
    ticket = make_ticket(make_report(defendant=make_defendant(), service=make_service("a<b> & 'c'")))
    assert preview(content(), ticket=ticket).body == "About a<b> & 'c'.\n"
    with pytest.raises(TextRefused, match="unknown variable"):
        preview(content(body="{{ nothing }}"))
    assert not MailTemplate.filter(codename="own_text").exists()


def test_a_text_that_is_needed_is_not_deleted(ann: User) -> None:
    row = save_text(content(), actor=ann)
    delete_text(row, actor=ann)
    assert not MailTemplate.filter(pk=row.pk).exists()
    (last, _) = versions_of(row)
    assert (last.is_deletion, last.user, last.template) == (True, ann, None)
    MailTemplate.filter(codename="fixed").exclude(lang="EN").delete()
    with pytest.raises(Refused, match="the desk itself sends it"):
        delete_text(MailTemplate.get(codename="fixed"), actor=ann)


def test_texts_are_bounded_in_number(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MAX_TEXTS", 10)
    with pytest.raises(Refused, match="there are 10 texts"):
        save_text(content(), actor=ann)
