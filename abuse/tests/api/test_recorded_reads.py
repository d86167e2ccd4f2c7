"""Whoever reads evidence is on record with it."""

from __future__ import annotations

import pytest
from apiflask import APIFlask

from abuse.api.declared import calls
from abuse.models import AuditEntry, MailTemplate, Proof
from abuse.policies.rulings import OBJECT_RIGHTS

from .conftest import MakeCaller
from .rows import a_defendant, a_service, a_ticket

pytestmark = pytest.mark.django_db

NO_EVIDENCE = {
    "/api/reports/<int:report_id>/attachments": "names of files",
    "/api/reports/<int:report_id>/items": "asked for each row of a list",
    "/api/tickets/<int:ticket_id>/actions/list": "what can be done",
    "/api/tickets/<int:ticket_id>/attachments": "names of files",
    "/api/tickets/<int:ticket_id>/items": "asked for each row of a list",
    "/api/tickets/<int:ticket_id>/jobs": "what was done",
    "/api/tickets/<int:ticket_id>/providers": "who complained",
    "/api/tickets/<int:ticket_id>/timeline": "what was done",
}
"""What is read of one ticket or report without a record, and why."""


def test_all_that_is_read_of_a_ticket_report_or_customer_is_on_record_but_for_lists(app: APIFlask) -> None:
    reads = {path for method, path, _, declared in calls(app) if method == "GET" and declared.right in OBJECT_RIGHTS
             and not declared.recorded}  # fmt: skip
    assert reads == set(NO_EVIDENCE)


def test_proof_and_mails_filled_with_it_are_on_record(make_caller: MakeCaller) -> None:
    ann = make_caller("ann", {"Phishing": "Expert"})
    ticket = a_ticket(defendant=a_defendant(), service=a_service())
    Proof.create(ticket=ticket, content="It was here.")
    template = MailTemplate.filter(codename="customer_notification")[0]
    for path in ("proof", f"templates/{template.pk}"):
        assert ann.get(f"/api/tickets/{ticket.pk}/{path}").status_code == 200
    rows = AuditEntry.all().order_by("pk").values_list("user__username", "endpoint", "about")
    assert list(rows) == [
        ("ann", "ticket_proofs.list_proof", f"ticket_id={ticket.pk}"),
        ("ann", "ticket_mail.fill_template", f"ticket_id={ticket.pk} template_id={template.pk}"),
    ]
