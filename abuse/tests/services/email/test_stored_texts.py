"""Texts are read again only when one of them was written, however it was written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from abuse.models import MailTemplate
from abuse.services.email.texts.stored import stored_texts, texts_looked_at_once

Type = MailTemplate.RecipientType


def _a_text(codename: str = "one", lang: str = "EN", kind: str = Type.PLAINTIFF, body: str = "body") -> MailTemplate:
    return MailTemplate.create(codename=codename, name="n", lang=lang, subject="s", body=body, recipient_type=kind)


def _bodies(*codenames: str) -> list[str]:
    return [row.body for row in stored_texts(codenames)]


@pytest.mark.django_db
def test_all_texts_of_the_codenames_come_those_made_last_first() -> None:
    for body, codename, kind in (
        ("1", "one", Type.PLAINTIFF),
        ("2", "two", Type.PARTIAL),
        ("3", "one", Type.DEFENDANT),
    ):
        _a_text(codename, kind=kind, body=body)
    assert _bodies("one") == ["3", "1"]
    assert _bodies("two", "one") == ["3", "2", "1"]
    assert _bodies("none") == [] == _bodies()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "write",
    [
        lambda row: MailTemplate.filter(pk=row.pk).update(body="other"),
        lambda row: MailTemplate.filter(pk=row.pk).delete(),
        lambda _: _a_text(lang="DE"),
    ],
)
def test_a_text_that_was_written_is_read_again(write: Callable[[MailTemplate], object]) -> None:
    row = _a_text()
    assert _bodies("one") == ["body"]
    write(row)
    assert _bodies("one") == [one.body for one in MailTemplate.filter(codename="one").order_by("-pk")]


@pytest.mark.django_db
def test_what_was_rolled_back_was_never_written() -> None:
    row = _a_text()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        MailTemplate.filter(pk=row.pk).update(body="rolled back")
        assert _bodies("one") == ["rolled back"]
        raise ZeroDivisionError
    assert _bodies("one") == ["body"]
    MailTemplate.filter(pk=row.pk).update(body="another")
    assert _bodies("one") == ["another"]


@pytest.mark.django_db
def test_texts_that_nobody_wrote_are_not_read_again_and_looked_at_once_in_a_batch() -> None:
    _a_text()
    _bodies("one", "none")
    with CaptureQueriesContext(connection) as asked:
        assert _bodies("one") == ["body"]
        assert _bodies("none") == []
    assert [one["sql"] for one in asked.captured_queries if "body" in one["sql"]] == []
    with CaptureQueriesContext(connection) as asked, texts_looked_at_once():
        for _ in range(3):
            assert _bodies("one") == ["body"]
    assert len(asked.captured_queries) == 1
    with texts_looked_at_once():
        MailTemplate.all().update(body="other")
        assert _bodies("one") == ["other"]
