"""Whom the desk writes to by itself, and about what."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from abuse.controllers import moves, tickets
from abuse.controllers.catalogue_rows import save_provider
from abuse.controllers.history import robot
from abuse.controllers.providers import ensure_providers
from abuse.controllers.reporters import ReporterMail, may_be_told, wanted, why_not_told
from abuse.models import Category, History, OutgoingMessage, Priority, Provider, Report, Tag, Ticket

pytestmark = pytest.mark.django_db


def reported(email: str = "cert@reporter.example", **columns: object) -> Report:
    now = timezone.now()
    values = {"received_date": now, "created_at": now, "filename": "x", "category": Category.get(name="Spam")}
    provider, _ = Provider.get_or_create(email=email)
    return Report.create(provider=provider, **{**values, **columns})


def test_the_setting_counts_where_the_reporter_has_no_wish_of_his_own() -> None:
    provider = Provider.create(email="cert@reporter.example")
    assert [wanted(provider, mail) for mail in ReporterMail] == [True, True, True, False, True]
    own = {f"mail_{mail}": mail == ReporterMail.OUTCOME for mail in ReporterMail}
    Provider.filter(pk=provider.pk).update(**own)
    assert [wanted(Provider.get(), mail) for mail in ReporterMail] == [False, False, False, True, False]


def test_the_tag_goes_before_all_wishes() -> None:
    provider = Provider.create(email="cert@reporter.example", mail_acknowledge=True, mail_outcome=True)
    provider.tags.add(Tag.get(codename="never_auto_ack", tag_type="Provider"))
    assert not any(wanted(provider, mail) for mail in ReporterMail)


def test_a_new_reporter_takes_over_the_wishes_of_his_domain() -> None:
    Provider.create(email="*@reporter.example", mail_outcome=True, mail_acknowledge=False)
    made = ensure_providers(["new@reporter.example"])["new@reporter.example"]
    assert (made.mail_acknowledge, made.mail_already_known, made.mail_outcome) == (False, None, True)


@pytest.mark.parametrize("mail", list(ReporterMail))
@pytest.mark.parametrize(
    ("email", "columns", "reason"),
    [
        ("cert@reporter.example", {"authentication": "fail"}, "forged"),
        ("cert@reporter.example", {"no_answer_reason": "it has List-Id"}, "it has List-Id"),
        ("noreply@reporter.example", {}, "nobody reads"),
        ("mass_contact", {}, "nobody reads"),
        ("ticket+bcdfghjklm.plaintiff.token@example.net", {}, "talk to itself"),
    ],
)
def test_some_are_never_written_to(mail: ReporterMail, email: str, columns: dict[str, object], reason: str) -> None:
    Provider.create(email=email, mail_acknowledge=True, mail_already_known=True, mail_outcome=True)
    assert reason in why_not_told(reported(email, **columns), mail)


@pytest.mark.parametrize("authentication", ["", "none", "pass"])
def test_a_sender_of_whom_nothing_bad_is_shown_is_written_to(authentication: str) -> None:
    assert may_be_told(reported(authentication=authentication), ReporterMail.ACKNOWLEDGE)


def test_saving_a_reporter_changes_only_the_wishes_that_are_given() -> None:
    def save(provider: Provider | None, mail: dict[str, bool | None]) -> Provider:
        save_provider(
            "cert@reporter.example", name=None, trusted=False, priority=Priority.NORMAL, default_category=None,
            tags=None, mail=mail, provider=provider,
        )  # fmt: skip
        return Provider.get()

    made = save(None, {"mail_outcome": True, "mail_acknowledge": False})
    assert (made.mail_outcome, made.mail_acknowledge, made.mail_already_known) == (True, False, None)
    changed = save(made, {"mail_acknowledge": None})
    assert (changed.mail_outcome, changed.mail_acknowledge, changed.mail_already_known) == (True, None, None)


def told_of_closing(count: int, **columns: object) -> tuple[Ticket, int]:
    """A ticket of so many reporters, closed, and how many statements the closing took."""
    ticket = None
    for number in range(count):
        Provider.create(email=f"r{count}-{number}@reporter.example", mail_outcome=True)
        report = reported(f"r{count}-{number}@reporter.example", **columns)
        if ticket is None:
            ticket = tickets.create_ticket(report, actor=robot(), joinable=False)
        else:
            tickets.attach_report(report, ticket, actor=robot())
    assert ticket is not None
    with CaptureQueriesContext(connection) as queries:
        moves.close_ticket(ticket, "fixed", actor=robot())
    return ticket, len(queries)


def test_telling_many_reporters_the_outcome_takes_as_many_statements_as_telling_two() -> None:
    told_of_closing(1)  # the texts are read once, and kept
    _, few = told_of_closing(2)
    ticket, many = told_of_closing(40)
    assert many == few
    assert OutgoingMessage.filter(ticket=ticket, template_codename="case_outcome").count() == 40
    assert History.filter(ticket=ticket, action_type=History.Type.SEND_EMAIL).count() == 40


def test_each_reporter_of_whatever_language_hears_of_his_own_report() -> None:
    Provider.create(email="jo@reporter.example", lang="fr", mail_outcome=True)
    first = reported("jo@reporter.example", reporter_reference="OLD-1")
    ticket = tickets.create_ticket(first, actor=robot(), joinable=False)
    later = timezone.now()
    tickets.attach_report(
        reported("jo@reporter.example", reporter_reference="NEW-2", received_date=later), ticket, actor=robot()
    )
    moves.close_ticket(ticket, "no_more_content", actor=robot())
    mail = OutgoingMessage.get(template_codename="case_outcome")
    assert "Résultat : le contenu signalé n'est plus en ligne." in mail.body
    assert ("NEW-2" in mail.body, "OLD-1" in mail.body) == (True, False)


def test_a_ticket_that_is_closed_without_a_resolution_tells_nobody() -> None:
    Provider.create(email="cert@reporter.example", mail_outcome=True)
    ticket = tickets.create_ticket(reported(), actor=robot(), joinable=False)
    moves.set_status(ticket, moves.Status.CLOSED, actor=robot())
    assert not OutgoingMessage.filter(ticket=ticket).exists()


def test_whom_the_caller_tells_himself_is_not_told_twice() -> None:
    Provider.create(email="cert@reporter.example", mail_outcome=True)
    ticket = tickets.create_ticket(reported(), actor=robot(), joinable=False)
    moves.close_ticket(ticket, "fixed", actor=robot(), told=["CERT@reporter.example"])
    assert not OutgoingMessage.filter(ticket=ticket).exists()
