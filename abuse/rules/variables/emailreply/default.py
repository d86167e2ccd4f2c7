"""The facts about an answer that come with Cerberus."""

from __future__ import annotations

from abuse.models import Ticket
from abuse.parsers.values import ParsedEmail

from ...engine.variables import BaseVariables, boolean_rule_variable, string_rule_variable


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

    @string_rule_variable(label="Address of the sender, lower case")
    def email_sender(self) -> str:
        return self.parsed_email.provider

    @string_rule_variable(label="Text of the answer")
    def email_body(self) -> str:
        return self.parsed_email.body

    @string_rule_variable(label="Subject of the answer")
    def email_subject(self) -> str:
        return self.parsed_email.subject
