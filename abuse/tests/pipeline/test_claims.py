"""Claiming, giving back, parking; and the same mail again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from abuse.config import current
from abuse.controllers.inbox import receive
from abuse.models import Email, MoveRefused, Report
from abuse.pipeline.claims import claim_fresh, claim_retry, give_back, lock_claimed, lock_ours, retry, waiting_count
from abuse.pipeline.inbox import work
from abuse.services.storage import StorageService

from .conftest import Deliver, make_mail

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isp")]
PIPELINE = current().PIPELINE


def stored(text: str = "Spam from 203.0.113.1") -> Email:
    return Email.get(pk=receive(make_mail(text), source="test", ring=False).email_id)


def test_a_claimed_mail_is_not_claimed_again_until_its_lease_is_over() -> None:
    mail = stored()
    (claim,) = claim_fresh(PIPELINE)
    assert (claim.email_id, claim.attempts) == (mail.pk, 1)
    assert claim_fresh(PIPELINE) == []
    assert claim_retry(PIPELINE) == []
    assert waiting_count() == 0
    Email.filter(pk=mail.pk).update(next_attempt_at=timezone.now())
    assert waiting_count() == 1
    (again,) = claim_retry(PIPELINE)
    assert again.attempts == 2
    assert lock_claimed([claim]) == {}, "the first worker has lost it"
    assert lock_ours([claim]) == set() == lock_ours([])
    assert set(lock_claimed([again])) == {mail.pk} == lock_ours([again])


def test_failures_wait_longer_each_time_and_end_visibly() -> None:
    stored()
    waits = []
    for _ in range(PIPELINE.max_attempts):
        Email.all().update(next_attempt_at=timezone.now())
        (claim,) = claim_fresh(PIPELINE) or claim_retry(PIPELINE)
        give_back(claim, "the reason", PIPELINE)
        waits.append(Email.get().next_attempt_at - timezone.now())
    mail = Email.get()
    assert (mail.state, mail.error) == ("failed", "the reason")
    assert mail.reason == f"gave up after {PIPELINE.max_attempts} attempts"
    seconds = [round(wait / timedelta(seconds=PIPELINE.retry_seconds)) for wait in waits[:-1]]
    assert seconds == [1, 2, 4, 8]


def test_a_mail_whose_bytes_are_gone_fails_alone_and_can_be_retried(deliver: Deliver) -> None:
    lost = stored("Spam from 203.0.113.1, number one")
    raw = StorageService.read(lost.sha256)
    StorageService.delete(lost.sha256)
    other = deliver("Spam from 203.0.113.1, number two")
    lost.refresh_from_db()
    assert (other.state, lost.state) == ("processed", "received")
    assert lost.attempts >= 1, "on a slow machine the second attempt comes in the same round"
    assert "no object" in lost.error
    Email.filter(pk=lost.pk).update(state="failed")
    StorageService.write(lost.sha256, raw)
    assert retry([lost.pk]) == 1
    work(current())
    lost.refresh_from_db()
    assert (lost.state, lost.error, Report.count()) == ("processed", "", 2)


def test_a_processed_mail_is_not_retried(deliver: Deliver) -> None:
    mail = deliver("Spam from 203.0.113.1")
    with pytest.raises(MoveRefused, match="processed -> received is not allowed"):
        retry([mail.pk])


def test_the_same_bytes_again_are_counted_and_nothing_else(deliver: Deliver) -> None:
    raw = make_mail("Spam from 203.0.113.1")
    for _ in range(10):
        mail = deliver(raw)
    assert (mail.deliveries, mail.attempts, mail.state, Report.count()) == (10, 1, "processed", 1)


def test_the_same_mail_over_another_way_is_a_duplicate(deliver: Deliver) -> None:
    raw = make_mail("Spam from 203.0.113.1")
    first = deliver(raw)
    second = deliver(b"Received: from other.example by mx.example.net; Mon, 23 Nov 2026 10:00:01 +0000\r\n" + raw)
    assert (second.state, second.duplicate_of_id) == ("duplicate", first.pk)
    assert str(first.pk) in second.reason
    assert Report.count() == 1


def test_duplicates_within_one_batch() -> None:
    raw = make_mail("Spam from 203.0.113.1")
    for number in range(3):
        receive(b"X-Way: %d\r\n" % number + raw, source="test", ring=False)
    work(current())
    assert sorted(Email.all().values_list("state", flat=True)) == ["duplicate", "duplicate", "processed"]
    assert Report.count() == 1


def test_another_text_under_the_same_message_id_is_no_duplicate(deliver: Deliver) -> None:
    deliver("Spam from 203.0.113.1", message_id="<same@reporter.example>")
    second = deliver("Spam from 203.0.113.2", message_id="<same@reporter.example>")
    assert (second.state, Report.count()) == ("processed", 2)
