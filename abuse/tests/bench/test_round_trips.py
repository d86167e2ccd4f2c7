"""How often the pipeline asks the database: the one figure of its speed that no busy machine changes."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from abuse.config import current
from abuse.controllers.inbox import Delivery, receive_many
from abuse.models import Category, Email, EmailState, Ticket
from abuse.pipeline.inbox import work
from bench.counting import count_round_trips
from bench.desk import import_cast
from bench.mails import make_mails

MOST_ROUND_TRIPS = 6
"""Promised are 12. A desk that meets most of its customers for the first time, as here, needs about 4."""
BATCH = 20


def test_the_counter_counts_what_goes_over_the_wire(transactional_db: None) -> None:
    with count_round_trips() as trips, connection.cursor() as cursor:
        cursor.execute("SELECT 'B\t5\tReadyForQuery'")  # an answer that looks like what is counted
    assert trips.count == 1
    with count_round_trips() as trips, transaction.atomic():
        Category.filter(name="Spam").exists()
        with transaction.atomic():
            Category.filter(name="Phishing").exists()
    assert trips.count == 6  # BEGIN, a question, SAVEPOINT, a question, RELEASE, COMMIT


def test_a_replaced_connection_is_not_passed_over(transactional_db: None) -> None:
    with pytest.raises(RuntimeError, match="replaced"), count_round_trips():
        connection.close()
        connection.ensure_connection()


@pytest.mark.django_db(transaction=True)
def test_round_trips_a_mail() -> None:
    import_cast()
    assert current().PIPELINE.batch_size == BATCH
    mails = make_mails(3 * BATCH, seed=7)
    receive(mails[:BATCH])
    assert work(current()) == BATCH  # the rules are compiled, the first senders have their rows
    receive(mails[BATCH:])
    with count_round_trips() as trips:
        assert work(current()) == 2 * BATCH
    per_mail = trips.count / (2 * BATCH)
    assert not Email.filter(state__in=[EmailState.RECEIVED, EmailState.FAILED]).exists()
    assert Ticket.all().count() > 5
    assert per_mail <= MOST_ROUND_TRIPS, f"{per_mail:.1f} round trips a mail"


def receive(mails: list[bytes]) -> None:
    receive_many([Delivery(raw, "test") for raw in mails], ring=False)
