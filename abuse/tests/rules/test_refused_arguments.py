"""Arguments of actions that make no sense are refused when the rule is written, not when a mail comes."""

from __future__ import annotations

from typing import Any

import pytest

from abuse.rules.engine.errors import DocumentError

from .conftest import Do
from .descriptions import DESCRIPTION

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "params", "fault"),
    [
        ("enqueue_report_task", {"task_name": "os.system"}, "not a task with a report_id"),
        ("enqueue_report_task", {"task_name": "email.work_the_inbox"}, "not a task with a report_id"),
        ("enqueue_report_task", {"task_name": "rules.ticket_timeout"}, "not a task with a report_id"),
        ("enqueue_ticket_task", {"task_name": "rules.decide_again"}, "not a task with a ticket_id"),
        ("enqueue_ticket_task", {"task_name": "rules.robot"}, "not a task with a ticket_id"),
        ("enqueue_report_task", {"task_name": "rules.block_urls", "task_params": {"report_id": 1}}, "cannot be given"),
        ("enqueue_report_task", {"task_name": "rules.block_urls", "task_params": [1]}, "expected an object"),
        ("enqueue_report_task", {"task_name": "rules.block_urls", "seconds": -1}, "expected seconds from 0"),
        ("set_report_timeout", {"days": -1}, "expected days from 0 to 3650"),
        ("add_email_body_regex_proof", {"regex": "("}, "not a regular expression of RE2"),
        ("add_email_body_regex_proof", {"regex": ""}, "expected a regular expression of 1 to 1000"),
        ("send_email", {"template_codename": "fixed", "email": "nobody"}, "expected an e-mail address"),
        ("set_ticket_priority", {"priority": "Urgent"}, "is not an option"),
        ("set_report_status", {"status": "Lost"}, "is not an option"),
        ("schedule_service_action", {"description": []}, "expected a list of 1 to 100"),
        ("schedule_service_action", {"description": [{}]}, "service_delay_action"),
        (
            "schedule_service_action",
            {
                "description": [
                    {"defendant": {"age": 1}, "service_delay_action": DESCRIPTION[0]["service_delay_action"]}
                ]
            },
            r"\[0\].defendant",
        ),
        (
            "schedule_service_action",
            {"description": [{"service_delay_action": [{"action": {"module": "x"}, "delay": 1}]}]},
            "action: expected an object with level, module",
        ),
        (
            "schedule_service_action",
            {"description": [{"service_delay_action": [{"action": {"module": "x", "level": 1}, "delay": "1"}]}]},
            "delay: '1'; expected seconds",
        ),
        (
            "schedule_service_action",
            {
                "description": [
                    {
                        "defendant": {"country": "("},
                        "service_delay_action": [{"action": {"module": "x", "level": 1}, "delay": 1}],
                    }
                ]
            },
            "defendant.country: not a regular expression",
        ),
    ],
)
def test_arguments_that_make_no_sense_are_refused_when_the_rule_is_written(
    do: Do, name: str, params: dict[str, Any], fault: str
) -> None:
    with pytest.raises(DocumentError, match=fault):
        do(name, **params)
