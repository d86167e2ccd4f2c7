"""The presets that a desk starts with: all there, each works with one call, and what operators made of them stays."""

from __future__ import annotations

import pytest

from abuse.config import PROJECT_ROOT
from abuse.controllers.accounts import create_user
from abuse.controllers.interact import CODENAMES
from abuse.controllers.presets import delete_preset, presets_for
from abuse.models import Role, TicketWorkflowPreset, User
from abuse.seed import load_seed

pytestmark = pytest.mark.django_db

FIRST_LINE = {
    "first_notice", "first_alert", "second_alert", "ask_details", "close_fixed_by_customer", "close_fixed_by_isp",
    "close_no_more_content", "close_invalid",
}  # fmt: skip
SPECIALISTS = {"alert_then_measure", "measure_then_close"}


def shown_to(role: str) -> set[str]:
    user: User = create_user(f"one-of-{role}", "a-long-password-0", role=role)
    return {preset.codename for preset in presets_for(user)}


def test_each_role_has_the_presets_that_it_may_use() -> None:
    assert shown_to("run_level_1") == FIRST_LINE
    assert shown_to("run_level_3") == shown_to("admin") == FIRST_LINE | SPECIALISTS
    assert shown_to("read_only") == shown_to("auditor") == set()
    for preset in TicketWorkflowPreset.all():
        assert preset.config is not None
        action = preset.config.action.codename
        assert action in CODENAMES
        for role in preset.roles.all():
            assert action in role.models_authorizations["ticket"]["interact"], (preset, role)


def test_what_operators_changed_and_took_away_stays() -> None:
    TicketWorkflowPreset.filter(codename="first_notice").update(name="Ours")
    TicketWorkflowPreset.get(codename="first_alert").roles.set(Role.filter(codename="admin"))
    assert delete_preset("second_alert")
    assert load_seed() == 0
    left = set(TicketWorkflowPreset.all().values_list("codename", flat=True))
    assert left == (FIRST_LINE | SPECIALISTS) - {"second_alert"}
    assert TicketWorkflowPreset.get(codename="first_notice").name == "Ours"
    assert [role.codename for role in TicketWorkflowPreset.get(codename="first_alert").roles.all()] == ["admin"]


@pytest.mark.usefixtures("no_presets")
def test_a_desk_that_has_none_is_given_them() -> None:
    assert load_seed() == len(FIRST_LINE | SPECIALISTS)
    assert load_seed() == 0


def test_the_documentation_lists_them() -> None:
    documented = (PROJECT_ROOT / "docs/how-to/use-presets.md").read_text()
    for preset in TicketWorkflowPreset.all():
        assert f"| `{preset.codename}` |" in documented
