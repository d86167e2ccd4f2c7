"""What a rule was: every version that it had, and the way back to one."""

from __future__ import annotations

from typing import Any, Self

from apiflask import APIBlueprint
from pydantic import Field

from abuse.controllers.editing import Refused
from abuse.models import BusinessRules, BusinessRulesVersion
from abuse.policies import Right
from abuse.rules import store
from abuse.rules.engine.errors import DocumentError
from abuse.rules.texts import RuleTextError

from .access import current_user, needs
from .answers import Answer, EpochSeconds
from .bodies import not_found
from .filters import FiltersParameter, read_filters
from .objects import child
from .rule_edits import RULE_EXAMPLE, RuleAnswer

blueprint = APIBlueprint("rule_versions", __name__, url_prefix="/api/rules/<int:rule_id>/versions", tag="Rules")

MAX_VERSION = 2**31 - 1
_VERSION: dict[str, Any] = {"version": 2, "date": 1767229200, "user": "alice", "orderId": 50, "isActive": True}
_NO_SUCH = {404: "There is no such rule, or it had no such version."}


class RuleVersionRow(Answer):
    """A rule as it was from a moment on."""

    version: int
    date: EpochSeconds
    user: str | None = Field(description="Who wrote it; null: it came with the desk.")
    order_id: int
    is_active: bool

    @classmethod
    def of(cls, row: BusinessRulesVersion) -> Self:
        return cls(**_columns(row))


class RuleVersionDetail(RuleVersionRow):
    document: str = Field(description="The text as it was written, byte for byte.")

    @classmethod
    def of(cls, row: BusinessRulesVersion) -> Self:
        return cls(**_columns(row), document=row.document)


class RuleVersions(Answer):
    """Newest first; the first is the present one."""

    versions: list[RuleVersionRow]
    versions_count: int


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(RuleVersions, example={"versions": [_VERSION], "versionsCount": 2})
@blueprint.doc(description="Newest first. Of `filters`, `paginate` counts here.", responses=_NO_SUCH)
def list_rule_versions(rule_id: int, query_data: FiltersParameter) -> RuleVersions:
    """List what a rule was, and who changed it"""
    page = read_filters(query_data.filters).paginate
    rows = store.versions(_rule(rule_id))
    shown = rows.defer("document")[page.start : page.start + page.size]
    return RuleVersions(versions=[RuleVersionRow.of(row) for row in shown], versions_count=rows.count())


@blueprint.get("/<int:version>")
@needs(Right.LOOK)
@blueprint.output(RuleVersionDetail, example={**_VERSION, "document": RULE_EXAMPLE["document"]})
@blueprint.doc(responses=_NO_SUCH)
def show_rule_version(rule_id: int, version: int) -> RuleVersionDetail:
    """Show a rule as it was"""
    return RuleVersionDetail.of(_version(_rule(rule_id), version))


@blueprint.post("/<int:version>/restore")
@needs(Right.ADMINISTER)
@blueprint.output(RuleAnswer, example={**RULE_EXAMPLE, "version": 3})
@blueprint.doc(responses={**_NO_SUCH, 409: "It says what the desk does not know any more; each fault is named."})
def restore_rule(rule_id: int, version: int) -> RuleAnswer:
    """Make a rule what it was

    As a new version, so that this can be taken back as well.
    """
    kept = _version(_rule(rule_id), version)
    try:
        return RuleAnswer.of(store.roll_back(kept.business_rules, kept.version, user=current_user()))
    except (DocumentError, RuleTextError) as error:
        raise Refused(str(error)) from None


def _rule(rule_id: int) -> BusinessRules:
    return child(BusinessRules.all(), "rule", rule_id)


def _version(rule: BusinessRules, version: int) -> BusinessRulesVersion:
    rows = store.versions(rule).select_related("business_rules")
    found = rows.filter(version=version).first() if version <= MAX_VERSION else None
    if found is None:
        raise not_found("version", version)
    return found


def _columns(row: BusinessRulesVersion) -> dict[str, Any]:
    return {
        "version": row.version,
        "date": row.date,
        "user": row.user.username if row.user else None,
        "order_id": row.order_id,
        "is_active": row.is_active,
    }
