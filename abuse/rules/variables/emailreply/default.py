"""The facts about an answer that come with Cerberus."""

from __future__ import annotations

from django.utils import timezone

from abuse.models import CdnRequest, Ticket
from abuse.parsers.values import ParsedEmail

from ...engine.fields import FIELD_TEXT
from ...engine.variables import BaseVariables, boolean_rule_variable, string_rule_variable
from ...networks import check_network_name


class DefaultEmailReplyVariables(BaseVariables):
    """What an EmailReply rule may ask."""

    def __init__(
        self, ticket: Ticket, parsed_email: ParsedEmail, recipient: str, category: str, sender_is_known: bool = False
    ) -> None:
        """
        :param ticket: the ticket that was written to
        :param parsed_email: the answer
        :param recipient: the ticket's address as the sender wrote it
        :param category: with whom the conversation is: Defendant, Plaintiff, Other or Masscontact
        :param sender_is_known: whether the sender's address belongs to the ticket
        """
        self.ticket = ticket
        self.parsed_email = parsed_email
        self.recipient = recipient
        self.answer_category = category
        self.is_known = sender_is_known

    @string_rule_variable(label="With whom the conversation is, lower case")
    def category(self) -> str:
        return self.answer_category.lower()

    @boolean_rule_variable(label="The sender's address belongs to the ticket")
    def sender_is_known(self) -> bool:
        return self.is_known

    @string_rule_variable(label="What kind of mail it is, such as bounce, reply_to_ticket")
    def mail_kind(self) -> str:
        return str(self.parsed_email.kind)

    @string_rule_variable(label="Status of the ticket, lower case")
    def ticket_status(self) -> str:
        return self.ticket.status.lower()

    @string_rule_variable(label="Address of the sender, lower case")
    def email_sender(self) -> str:
        return self.parsed_email.provider.lower()

    @string_rule_variable(label="Text of the answer")
    def email_body(self) -> str:
        return self.parsed_email.body

    @string_rule_variable(label="Subject of the answer")
    def email_subject(self) -> str:
        return self.parsed_email.subject

    @boolean_rule_variable(
        label="The ticket asks a content network for an address",
        params=[{"name": "provider", "fieldType": FIELD_TEXT, "label": "Name of it", "check": check_network_name}],
    )
    def ticket_in_cdn_cache(self, provider: str) -> bool:
        return CdnRequest.filter(
            ticket=self.ticket, provider=provider.lower(), expires_at__gt=timezone.now()
        ).exists()  # fmt: skip
