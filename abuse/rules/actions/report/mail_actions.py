"""Actions that write to people. What they write is sent after the commit."""

from __future__ import annotations

from abuse.controllers import clocks, correspondence, questions
from abuse.controllers.annotations import add_comment
from abuse.models import TicketStatus

from ...checks import check_address, check_days, check_seconds
from ...engine.actions import rule_action
from ...engine.fields import FIELD_BOOLEAN, FIELD_NUMERIC, FIELD_TEXT
from ..deferred import SETTLE_MISROUTED, put_report_task
from .base import ReportActionsBase

TWO_DAYS = 172_800


class MailActions(ReportActionsBase):
    """Writing to the reporter, to the customer and to others."""

    @rule_action(label="Acknowledge to the reporter", params={"template_codename": FIELD_TEXT, "lang": FIELD_TEXT})
    def send_provider_ack(self, template_codename: str = "ack_report_received", lang: str | None = None) -> str | None:
        """Once a ticket, and never to a reporter who is tagged never_auto_ack."""
        return correspondence.acknowledge(
            self.report,
            self._needed_ticket(),
            codename=template_codename,
            lang=lang or self.report.provider.lang or self.ack_lang,
            actor=self.actor,
        )

    @rule_action(label="Tell the reporter that the case is known")
    def tell_already_known(self) -> str | None:
        """Where the ticket had a report of another reporter before; once a ticket, and as he wants it."""
        return correspondence.tell_already_known(
            self.report, self._needed_ticket(), lang=self.report.provider.lang or self.ack_lang, actor=self.actor
        )

    @rule_action(label="Tell the reporter whose the addresses are")
    def tell_misrouted(self) -> None:
        """Once the registries were asked, after the commit; where MAIL says so the report is sent on, too."""
        put_report_task(self.report, SETTLE_MISROUTED, seconds=0, params={}, actor=self.actor)

    @rule_action(
        label="Ask the reporter for what is missing, and wait",
        params=[{"name": "days", "fieldType": FIELD_NUMERIC, "label": "Wait (days)", "check": check_days}],
    )
    def ask_reporter(self, days: float = 7) -> str:
        """Once a report. When no answer came in time the rules decide again; see `can_ask_reporter`."""
        return questions.ask(self.report, days=float(days), actor=self.actor)

    @rule_action(
        label="Write to the customer and wait for his answer",
        params=[
            {"name": "template_codename", "fieldType": FIELD_TEXT},
            {"name": "snooze_duration", "fieldType": FIELD_NUMERIC, "label": "Wait (seconds)", "check": check_seconds},
            {"name": "force_snooze", "fieldType": FIELD_BOOLEAN, "label": "Start the time again if it runs"},
        ],
    )
    def send_defendant_email(
        self, template_codename: str, snooze_duration: float = TWO_DAYS, force_snooze: bool = False
    ) -> str | None:
        """In the customer's language. The ticket waits from now on, or goes on waiting as it did.

        Where the CRM knows no address of his, a comment says so, and the ticket stays for a person.
        """
        ticket = self._needed_ticket()
        details = self._needed_defendant().details
        if details is None:
            raise ValueError(f"report {self.report.pk}: no address is known of the defendant")
        address = details.email or details.spare_email
        if not address:
            add_comment(ticket, f"{template_codename}: no address of the customer is known.", actor=self.actor)
            return None
        # The time begins first: the mail says by when an answer is expected.
        if force_snooze or ticket.status != TicketStatus.WAITING_ANSWER or ticket.snooze_start is None:
            clocks.snooze(ticket, max(1, int(snooze_duration)), actor=self.actor)
        return correspondence.send_template(
            ticket,
            template_codename,
            address,
            cause=f"report:{self.report.pk}",
            actor=self.actor,
            report=self.report,
            acknowledges=False,
        )

    @rule_action(
        label="Write to an address",
        params=[
            {"name": "template_codename", "fieldType": FIELD_TEXT},
            {"name": "email", "fieldType": FIELD_TEXT, "check": check_address},
            {"name": "lang", "fieldType": FIELD_TEXT},
        ],
    )
    def send_email(self, template_codename: str, email: str, lang: str | None = None) -> str:
        """In the language given, else in that of whom the text is written for: the customer's or the reporter's."""
        return correspondence.send_template(
            self._needed_ticket(),
            template_codename,
            email,
            cause=f"report:{self.report.pk}",
            actor=self.actor,
            lang=lang,
            report=self.report,
        )
