"""Rules: trying one on the reports of the past before it acts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint, HTTPError
from django.utils import timezone
from pydantic import Field

from abuse.policies import Right
from abuse.rules import replay, store
from abuse.rules.engine.errors import DocumentError
from abuse.rules.texts import RuleTextError

from .access import needs
from .answers import Answer
from .bodies import Order
from .filters import LongText

blueprint = APIBlueprint("rules", __name__, url_prefix="/api/rules", tag="Rules")

_EXAMPLE_RULE = """\
name: spam_of_new_customers
rulesType: Report
orderId: 95
config:
  conditions:
    all:
    - {name: has_defendant, operator: is_true, value: true}
    - {name: report_category, operator: equal_to, value: spam}
  actions:
  - name: create_ticket
"""


class TrialOrder(Order):
    document: LongText = Field(min_length=1, max_length=1_000_000, description="The rule as a YAML or JSON text.")
    last_days: int = Field(default=30, ge=1, le=366, description="How many days back the reports are taken from.")
    examples: int = Field(default=5, ge=0, le=50, description="So many reports are shown for each kind of change.")


class Trial(Answer):
    result: dict[str, Any] = Field(
        description="How many reports it would match and decide on, what its actions would do, which decisions of the "
        "present rules would change, with examples, and what could not be known any more."
    )


@blueprint.post("/test")
@needs(Right.SEE_ALL)
@blueprint.input(TrialOrder, example={"document": _EXAMPLE_RULE, "lastDays": 30, "examples": 3})
@blueprint.output(Trial, example={"result": {"rule": "spam_of_new_customers", "reports": 1200, "matches": 31}})
@blueprint.doc(responses={403: "The caller is no expert of every category, and the examples are of all."})
def test_rule(json_data: TrialOrder) -> Trial:
    """Try a rule on the reports of the past, and change nothing"""
    try:
        candidate = store.check_rule(json_data.document)
        since = timezone.now() - timedelta(days=json_data.last_days)
        result = replay.replay(candidate, since=since, examples=json_data.examples)
    except (DocumentError, RuleTextError, replay.ReplayRefused) as error:
        raise HTTPError(409, str(error)) from None
    return Trial(result=result.to_json())
