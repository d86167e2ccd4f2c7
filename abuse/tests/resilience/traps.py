"""What a customer database and rules with faults do to the desk; the desk of these tests is set up with them."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from ipaddress import ip_address

from abuse.models import Report, Ticket, User
from abuse.rules.engine.actions import BaseActions, rule_action
from abuse.services.crm.base import CRMServiceException, Match, Query
from abuse.services.crm.default import DirectoryCRM

CRASHES = "203.0.113.66"
FAILS = "203.0.113.67"
REFUSES = "203.0.113.68"


class TrapCRM(DirectoryCRM):
    """The built-in directory, with three addresses that it must not be asked about."""

    def find(self, queries: Sequence[Query]) -> Sequence[Match | None]:
        asked = {query.address for query in queries}
        if ip_address(CRASHES) in asked:
            os._exit(9)
        if ip_address(FAILS) in asked:
            raise RuntimeError("the customer database fell over that address")
        if ip_address(REFUSES) in asked:
            raise CRMServiceException("the customer database takes no such address", permanent=True)
        return super().find(queries)


class TrapActions(BaseActions):
    """Actions that end badly after others have written."""

    def __init__(self, report: Report, ticket: Ticket | None, ack_lang: str = "EN", *, actor: User) -> None:
        self.trapped = report

    @rule_action(label="Fail")
    def trap_fail(self) -> None:
        raise RuntimeError(f"the action fails on {self.trapped.subject}")

    @rule_action(label="Kill the process")
    def trap_crash(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


RULE = """\
name: {name}
orderId: {order}
rulesType: Report
config:
  conditions:
    all:
    - name: report_subject
      operator: contains
      value: "{subject}"
  actions:
  - name: create_ticket
    params: {{create_new: false, attach_new: true}}
  - name: send_provider_ack
  - name: {action}
"""
