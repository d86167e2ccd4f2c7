"""Rules: shown, written, put in order, taken away. What a rule says is never re-written: keys stay as they are."""

from __future__ import annotations

from typing import Any, Self

from apiflask import APIBlueprint
from django.db import transaction
from django.db.models import Max
from pydantic import ConfigDict, Field

from abuse.controllers.editing import Refused
from abuse.models import BusinessRules, RulesType
from abuse.policies import Right
from abuse.rules import catalogues, store
from abuse.rules.engine.errors import DocumentError
from abuse.rules.engine.operators import operators_to_json
from abuse.rules.texts import RuleTextError, read_text, write_text

from .access import current_user, needs
from .answers import Answer, EpochSeconds, Message, Paged
from .bodies import MESSAGE, Body
from .conditions import Condition, Kind
from .filters import FiltersParameter, LongText, Text, read_filters
from .listing import ONLY_ROWS_AND_PAGES, Listing
from .objects import child

blueprint = APIBlueprint("rule_edits", __name__, url_prefix="/api/rules", tag="Rules")

MAX_DOCUMENT = 1_000_000
_SAID_BY_SILENCE: dict[str, Any] = {"isActive": True, "mode": "live", "limits": {}}
_CONFIG: dict[str, Any] = {
    "conditions": {"all": [{"name": "has_defendant", "operator": "is_true", "value": True}]},
    "actions": [{"name": "create_ticket", "params": {"attach_new": True}}],
}
RULE_EXAMPLE: dict[str, Any] = {
    "id": 1,
    "name": "trusted_create_ticket",
    "rulesType": "Report",
    "orderId": 50,
    "isActive": True,
    "mode": "live",
    "version": 1,
    "updatedAt": 1767229200,
    "config": _CONFIG,
    "limits": {},
    "document": "name: trusted_create_ticket\n",
}
_ROW = {
    name: RULE_EXAMPLE[name]
    for name in ("id", "name", "rulesType", "orderId", "isActive", "mode", "version", "updatedAt")
}


class RuleRow(Answer):
    id: int
    name: str
    rules_type: str
    order_id: int = Field(description="Lower comes first.")
    is_active: bool
    mode: str
    version: int
    updated_at: EpochSeconds

    @classmethod
    def of(cls, row: BusinessRules) -> Self:
        return cls(**_columns(row))


class RuleAnswer(RuleRow):
    """A rule. `document` is the text it was written as, byte for byte; `config` what was read from it."""

    config: dict[str, Any]
    limits: dict[str, Any]
    document: str

    @classmethod
    def of(cls, row: BusinessRules) -> Self:
        return cls(**_columns(row), config=row.config, limits=row.limits, document=store.text_of(row))


class RulePage(Paged):
    total: int
    rules: list[RuleRow]


class RuleText(Body):
    """A rule as a text (`document`), else as the object that such a text holds."""

    model_config = ConfigDict(extra="ignore")

    document: LongText | None = Field(default=None, max_length=MAX_DOCUMENT)
    name: Text | None = None
    rules_type: Text | None = None
    order_id: int | None = None
    is_active: bool | None = None
    mode: Text | None = None
    config: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None


class Vocabulary(Answer):
    """What rules can be made of, by the type of rule."""

    entries: dict[str, Any]


RULES: Listing[BusinessRules] = Listing(
    fields=frozenset(RuleRow.json_names()),
    always=frozenset({"id"}),
    sorts={"id": "pk", "name": "name", "rulesType": "rules_type", "orderId": "order_id", "isActive": "is_active"},
    default_sort=("rules_type", "order_id"),
    conditions={
        "id": [Condition("pk", Kind.ID)],
        "name": [Condition("name")],
        "rulesType": [Condition("rules_type")],
        "isActive": [Condition("is_active", Kind.FLAG)],
    },
)


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(RulePage, example={"total": 1, "rules": [_ROW]})
@blueprint.doc(description=RULES.description("In the order in which they are asked.", passes_over=ONLY_ROWS_AND_PAGES))
def list_rules(query_data: FiltersParameter) -> RulePage:
    """List the rules"""
    filters = RULES.with_known_sorts(read_filters(query_data.filters))
    rows = RULES.chosen(BusinessRules.all(), filters)
    page = RULES.page(rows.defer("document", "config"), filters)
    return RulePage(total=rows.count(), rules=[RuleRow.of(row) for row in page], next=page.next)


@blueprint.get("/<int:rule_id>")
@needs(Right.LOOK)
@blueprint.output(RuleAnswer, example=RULE_EXAMPLE)
def show_rule(rule_id: int) -> RuleAnswer:
    """Show a rule"""
    return RuleAnswer.of(child(BusinessRules.all(), "rule", rule_id))


@blueprint.post("")
@needs(Right.ADMINISTER)
@blueprint.input(RuleText, example={"name": "x", "rulesType": "Report", "config": _CONFIG})
@blueprint.output(RuleAnswer, example=RULE_EXAMPLE)
@blueprint.doc(responses={409: "Every fault of the rule, each with its place in it."})
def create_rule(json_data: RuleText) -> RuleAnswer:
    """Write a rule; an object without `document` stands last of its type"""
    if json_data.document is not None:
        text = json_data.document
    else:
        last = BusinessRules.filter(rules_type=json_data.rules_type or "").aggregate(last=Max("order_id"))["last"]
        text = write_text({**_as_document(json_data), "orderId": (last or 0) + 1})
    rule = _checked(text)
    if BusinessRules.filter(name=rule.name, rules_type=rule.rules_type).exists():
        raise Refused(f"name: there is a {rule.rules_type} rule {rule.name!r} already")
    return RuleAnswer.of(store.save_rule(text, user=current_user())[0])


@blueprint.put("/<int:rule_id>")
@needs(Right.ADMINISTER)
@blueprint.input(RuleText, example={"name": "x", "rulesType": "Report", "orderId": 50, "config": _CONFIG})
@blueprint.output(RuleAnswer, example=RULE_EXAMPLE)
@blueprint.doc(responses={409: "Every fault of the rule, each with its place in it."})
def update_rule(rule_id: int, json_data: RuleText) -> RuleAnswer:
    """Write a rule anew; its name and type stay. Rules that stand in its place move on by one"""
    row = child(BusinessRules.all(), "rule", rule_id)
    present = store.text_of(row)
    if json_data.document not in {None, present}:
        text = json_data.document or ""
    else:
        # Who sends the whole rule back sends the text, too: what he changed is in the object beside it. An object that
        # says what the text says leaves the text as it was written.
        said, wanted = read_text(present), _as_document(json_data)
        whole = {**_SAID_BY_SILENCE, **said}
        text = present if {**whole, **wanted} == whole else write_text({**said, **wanted})
    rule = _checked(text)
    if (rule.name, rule.rules_type) != (row.name, row.rules_type):
        raise Refused(f"name, rulesType: {rule.name!r}, {rule.rules_type}; expected {row.name!r}, {row.rules_type}")
    with transaction.atomic():
        if rule.order_id != row.order_id:
            store.make_room(row.rules_type, rule.order_id, but=row, user=current_user())
        if text != present or not row.document:
            row = store.save_rule(text, user=current_user())[0]
    return RuleAnswer.of(row)


@blueprint.delete("/<int:rule_id>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses={409: "It has decided on reports; it can be switched off."})
def delete_rule(rule_id: int) -> Message:
    """Take a rule away that never decided anything"""
    try:
        store.delete_rule(child(BusinessRules.all(), "rule", rule_id))
    except store.RuleInUse as error:
        raise Refused(str(error)) from None
    return Message(message="Rule deleted")


@blueprint.get("/conditions")
@needs(Right.LOOK)
@blueprint.output(Vocabulary, example={"entries": {"Report": [{"name": "has_defendant"}]}})
def list_conditions() -> Vocabulary:
    """List the variables that conditions can ask for"""
    return _vocabulary("variables")


@blueprint.get("/actions")
@needs(Right.LOOK)
@blueprint.output(Vocabulary, example={"entries": {"Report": [{"name": "create_ticket"}]}})
def list_rule_actions() -> Vocabulary:
    """List what rules can do"""
    return _vocabulary("actions")


@blueprint.get("/operators")
@needs(Right.LOOK)
@blueprint.output(Vocabulary, example={"entries": {"boolean": [{"name": "is_true"}]}})
def list_operators() -> Vocabulary:
    """List how values can be compared, by the kind of value"""
    return Vocabulary(entries=dict(operators_to_json()))


def _vocabulary(part: str) -> Vocabulary:
    return Vocabulary(entries={kind: catalogues.catalogue(kind).to_json()[part] for kind in RulesType.values})


def _columns(row: BusinessRules) -> dict[str, Any]:
    names = ("name", "rules_type", "order_id", "is_active", "mode", "version", "updated_at")
    return {"id": row.pk, **{name: getattr(row, name) for name in names}}


def _as_document(wanted: RuleText) -> dict[str, Any]:
    """The parts that were sent, by the names that they have in a text."""
    sent = wanted.model_dump(by_alias=True, exclude_unset=True, exclude={"document"})
    return {name: value for name, value in sent.items() if value is not None}


def _checked(text: str) -> Any:
    try:
        return store.check_rule(text)
    except (DocumentError, RuleTextError) as error:
        raise Refused(str(error)) from None
