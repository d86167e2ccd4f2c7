"""`check-service` on classes of Cerberus, and on what is none."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from abuse.commands.check_service import command
from abuse.config import PROJECT_ROOT
from abuse.models import Ticket
from abuse.services.contract import CHECKS
from abuse.tests.services.contract.implementations import config_of

pytestmark = pytest.mark.django_db

STORAGE = "abuse.services.storage.default.FilesystemStorage"


def check(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_a_class_that_keeps_its_contract(tmp_path: Path) -> None:
    result = check(STORAGE, "--config", json.dumps({"directory": str(tmp_path / "objects")}))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == f"{STORAGE} as StorageServiceBase"
    assert {line.split()[0] for line in lines[1:]} == {"ok"}
    assert len(lines) == 1 + len(CHECKS["StorageServiceBase"])
    assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []


def test_a_class_that_does_not(tmp_path: Path) -> None:
    result = check("abuse.tests.services.contract.minimal.EagerActions", "--act")
    assert result.exit_code == 1
    broken = [line for line in result.output.splitlines() if line.startswith("BROKEN")]
    assert len(broken) == 1
    assert "a ticket or measure that does not exist is a permanent fault: apply_action_on_service of" in broken[0]
    assert Ticket.count() == 0


def test_nothing_is_done_without_leave(tmp_path: Path) -> None:
    book = tmp_path / "orders"
    config = json.dumps({"file": str(book)})
    dry = check("abuse.services.action.default.DryRunActionService", "--config", config)
    assert dry.exit_code == 0, dry.output
    assert "4 checks would have it do something: --act" in dry.output
    assert not book.exists()
    wet = check("abuse.services.action.default.DryRunActionService", "--config", config, "--act")
    assert wet.exit_code == 0, wet.output
    assert "skipped" not in wet.output
    assert len(book.read_text().splitlines()) == 9


@pytest.mark.parametrize(
    ("class_path", "base_name"),
    [
        ("abuse.services.email.sendmail.SendmailEmailService", "EmailServiceBase"),
        ("abuse.services.kpi.statsd.StatsdKPI", "KPIServiceBase"),
        ("abuse.services.phishing.urlscan.UrlscanPhishingService", "PhishingServiceBase"),
        ("abuse.services.reputation.external.ExternalReputation", "ReputationServiceBase"),
    ],
)
def test_neighbours_of_the_defaults_are_reported_well(class_path: str, base_name: str, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        config = config_of(class_path.rpartition(".")[2], stack, tmp_path)
        result = check(class_path, "--config", json.dumps(config), "--act")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == f"{class_path} as {base_name}"
    assert [line.split()[0] for line in lines[1:]] == ["ok"] * len(CHECKS[base_name])


def test_a_crm_is_asked_about_a_customer() -> None:
    result = check("abuse.services.crm.default.DirectoryCRM", "--known", "203.0.113.9")
    assert result.exit_code == 1
    assert "BROKEN  a customer is the same in every answer (--known): find 203.0.113.9: nobody has it" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "expected the dotted path of a class"),
        (["abuse.nowhere.Storage"], "expected the dotted path of a class"),
        (["abuse.services.storage.default.Nothing"], "expected the dotted path of a class"),
        (["abuse.services.storage.default.os"], "descends from no contract"),
        (["abuse.services.facade.ServiceBase"], "descends from none of ActionServiceBase"),
        (["abuse.services.storage.base.StorageServiceBase"], "lacks delete, exists, read, write"),
        ([STORAGE, "--config", "{"], "expected a JSON object"),
        ([STORAGE, "--config", "[]"], "expected a JSON object"),
        ([STORAGE, "--config", '{"dir": "x"}'], "config.dir: unknown key of FilesystemStorage; expected directory"),
        (["abuse.services.action.webhook.WebhookActionService"], "missing 2 required"),
        (["abuse.services.kpi.statsd.StatsdKPI"], "missing 1 required keyword-only argument: 'host'"),
        (["abuse.services.reputation.external.ExternalReputation"], "abuseipdb, safe_browsing: expected at least one"),
        (
            ["abuse.services.phishing.urlscan.UrlscanPhishingService", "--config", '{"scanner": {}}'],
            "scanner.key: Field",
        ),
        (
            ["abuse.services.email.sendmail.SendmailEmailService", "--config", '{"program": "x"}'],
            "program: 'x'; expected",
        ),
        (["abuse.services.phishing.default.HttpPhishingService", "--config", '{"ports": [0]}'], "ports: 0; expected"),
    ],
)
def test_what_is_no_class_of_a_service(arguments: list[str], said: str) -> None:
    result = check(*arguments)
    assert result.exit_code in (1, 2)
    assert said in result.output.replace("\n", " ")


def test_the_example_of_the_documentation_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PROJECT_ROOT / "docs/how-to/add-a-service.md").read_text(encoding="utf-8")
    code = next(block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "class MyCRM" in block)
    (customers,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (tmp_path / "mycrm.py").write_text(code)
    (tmp_path / "customers.json").write_text(customers)
    monkeypatch.syspath_prepend(str(tmp_path))
    config = json.dumps({"path": str(tmp_path / "customers.json")})
    run = check("mycrm.MyCRM", "--config", config, "--known", "203.0.113.9")
    assert (run.exit_code, "BROKEN" in run.output, "skipped" in run.output) == (0, False, False), run.output
    assert "a customer is the same in every answer (--known)" in run.output
