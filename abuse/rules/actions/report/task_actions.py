"""Actions that put a task off."""

from __future__ import annotations

from collections.abc import Mapping

from ...checks import check_seconds
from ...engine.actions import rule_action
from ...engine.fields import FIELD_NO_INPUT, FIELD_NUMERIC, FIELD_TEXT
from ..deferred import check_report_task, check_task_params, check_ticket_task, put_report_task, put_ticket_task
from .base import ReportActionsBase

_SECONDS = {"name": "seconds", "fieldType": FIELD_NUMERIC, "label": "In so many seconds", "check": check_seconds}
_PARAMS = {"name": "task_params", "fieldType": FIELD_NO_INPUT, "label": "Arguments", "check": check_task_params}


class TaskActions(ReportActionsBase):
    """Letting a function of abuse.tasks look at the report or its ticket later."""

    @rule_action(
        label="Run a task on the report later",
        params=[{"name": "task_name", "fieldType": FIELD_TEXT, "check": check_report_task}, _SECONDS, _PARAMS],
    )
    def enqueue_report_task(
        self, task_name: str, seconds: float = 60, task_params: Mapping[str, object] | None = None
    ) -> str:
        return put_report_task(
            self.report, task_name, seconds=seconds, params=task_params or {}, actor=self.actor
        ).due_at.isoformat()

    @rule_action(
        label="Run a task on the ticket later",
        params=[{"name": "task_name", "fieldType": FIELD_TEXT, "check": check_ticket_task}, _SECONDS, _PARAMS],
    )
    def enqueue_ticket_task(
        self, task_name: str, seconds: float = 60, task_params: Mapping[str, object] | None = None
    ) -> str:
        return put_ticket_task(
            self._needed_ticket(), task_name, seconds=seconds, params=task_params or {}, actor=self.actor
        ).due_at.isoformat()
