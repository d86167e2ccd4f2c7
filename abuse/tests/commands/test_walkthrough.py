"""The way a newcomer goes, step by step, as the project's description tells it: every step in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from abuse.commands import COMMANDS, cli
from abuse.config import PROJECT_ROOT

EIGHT_CATEGORIES = ["Copyright", "Illegal", "Intrusion", "Malware", "Network Attack", "Other", "Phishing", "Spam"]

PHISHING_RULE = """\
config:
  actions:
    - name: set_ticket_phishtocheck
  conditions:
    all:
    - name: has_defendant
      operator: is_true
      value: true
    - name: report_category
      operator: equal_to
      value: phishing
    - name: urls_down
      operator: is_false
      value: true
    - name: has_urls
      operator: is_true
      value: true
name: phishing_phishtocheck
orderId: 22 # lower number means higher priority
rulesType: Report
"""

MY_VARIABLES = '''\
from ...engine.variables import boolean_rule_variable, BaseVariables


class MyVariables(BaseVariables):
    """
    This class implements My variables getters
    for rules engine
    """
    def __init__(self, parsed_email, report, ticket, is_trusted=False):
        """
        :param `cerberus.parsers.ParsedEmail` parsed_email: The parsed email
        :param `abuse.models.Report` report: A Cerberus report instance
        :param `abuse.models.Ticket` ticket: A Cerberus ticket instance
        :param bool is_trusted: if the report is trusted
        """
        self.report = report
        self.ticket = ticket

    @boolean_rule_variable(label='Check if report category is Phishing')
    def is_report_phishing(self):
        return self.report.category.lower() == 'phishing'
'''

RULE_WITH_MY_VARIABLE = """\
config:
  conditions:
    all:
    - name: is_report_phishing
      operator: is_true
      value: true
  actions:
    - name: set_report_status
      params: {status: ToValidate}
name: mine_first
orderId: 0
rulesType: Report
"""

MY_EMAIL_SERVICE = """\
from abuse.services.email.base import ConversationMail
from abuse.services.email.default import DatabaseEmailService


class MyEmailService(DatabaseEmailService):
    def get_emails(self, ticket):
        return ["mine", ticket]
"""

MY_TASKS = """\
from pathlib import Path

from abuse.models import Category


def count_categories(path):
    Path(path).write_text(str(Category.count()))
"""

MAIL = b"""\
From: Jo Reporter <jo@reporter.example>\r
To: abuse@example.net\r
Subject: Phishing page\r
Message-ID: <walk-1@reporter.example>\r
Date: Mon, 23 Nov 2026 10:00:00 +0000\r
\r
A phishing page imitates our bank: http://203.0.113.77/login\r
"""


@dataclass(frozen=True)
class Desk:
    """A checkout of its own, so that the steps may add files to it."""

    root: Path

    def run(self, *arguments: str, stdin: str | None = None, check: bool = True, **environ: str) -> str:
        done = subprocess.run(
            [sys.executable, "main.py", *arguments],
            cwd=self.root,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "APP_ENV": "dev", "APP_SETTINGS": "settings-sample.yml", **environ},
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + ("" if check else done.stderr + f"exit {done.returncode}")

    def shell(self, lines: str) -> str:
        return self.run("shell", stdin=lines)

    def append(self, text: str) -> None:
        path = self.root / "settings-sample.yml"
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp("checkout") / "cerberus"
    root.mkdir()
    # With the byte code, which goes by time and size of a file; not with what other workers are just writing of it.
    ignored = shutil.ignore_patterns("*.pyc.*")
    for name in ("abuse", "bench", "demo", "docs", "fuzz"):
        shutil.copytree(PROJECT_ROOT / name, root / name, ignore=ignored)
    for name in ("main.py", "settings-sample.yml", "pyproject.toml"):
        shutil.copy(PROJECT_ROOT / name, root / name)
    desk = Desk(root)
    desk.run("initdb")
    yield desk
    desk.run("stop-servers")


def test_the_command_line_lists_its_commands(desk: Desk) -> None:
    text = desk.run(check=False)
    assert "Usage: main.py [OPTIONS] COMMAND [ARGS]..." in text
    assert "--version" in text
    for word in ("APP_SETTINGS", "APP_ENV", "import-customers FILE", "docs/how-to/install.md"):
        assert word in text.partition("\n  up ")[2]
    for name, summary in {
        "add-rule": "Add or update a Cerberus rule from file.",
        "fetch-email": "Runs Cerberus email fetcher.",
        "initdb": "Init Cerberus database.",
        "run": "Runs a development server.",
        "run-worker": "Runs a Cerberus worker.",
        "shell": "Runs a shell in the app context.",
        "test": "Runs tests.",
        "ticket-workflow": "Runs Cerberus ticket workflow.",
    }.items():
        assert f"{name} " in text
        assert summary in text


def test_version(desk: Desk) -> None:
    text = desk.run("--version")
    assert "Cerberus 0.1.0" in text
    assert "Flask 3" in text


def test_initdb_then_the_shell_shows_the_eight_categories(desk: Desk) -> None:
    lines = "from abuse.models import Category\nprint(list(Category.all().values_list('name', flat=True)))\n"
    assert desk.shell(lines).strip() == str(EIGHT_CATEGORIES)


def test_initdb_again_changes_nothing(desk: Desk) -> None:
    assert "ready already" in desk.run("initdb")


def test_the_phishing_rule_by_add_rule(desk: Desk) -> None:
    (desk.root / "phishing.yml").write_text(PHISHING_RULE)
    text = desk.run("add-rule", "--rule", "phishing.yml", stdin="y\n")
    assert "Report rule phishing_phishtocheck (order 22) updated to version 2." in text
    lines = "from abuse.models import BusinessRules as R\nprint(R.get(name='phishing_phishtocheck').document, end='')\n"
    assert desk.shell(lines) == PHISHING_RULE


def test_a_wrong_rule_is_refused_with_the_place(desk: Desk) -> None:
    (desk.root / "wrong.yml").write_text(PHISHING_RULE.replace("has_urls", "has_url"))
    text = desk.run("add-rule", "--yes", "wrong.yml", check=False)
    assert "config.conditions.all[3].name" in text
    assert "'has_url'" in text
    assert text.endswith("exit 1")


def test_a_class_of_variables_of_ones_own(desk: Desk) -> None:
    (desk.root / "abuse/rules/variables/report/myvar.py").write_text(MY_VARIABLES)
    settings = desk.root / "settings-sample.yml"
    default = "      - abuse.rules.variables.report.default.DefaultReportVariables\n"
    text = settings.read_text(encoding="utf-8")
    assert default in text
    settings.write_text(text.replace(default, default + "      - abuse.rules.variables.report.myvar.MyVariables\n"))
    (desk.root / "mine.yml").write_text(RULE_WITH_MY_VARIABLE)
    assert "Report rule mine_first (order 0) added." in desk.run("add-rule", "--yes", "mine.yml")
    (desk.root / "mail.eml").write_bytes(MAIL)
    assert "1 new" in desk.run("import-email", "mail.eml")
    desk.run("run-worker", "--queues", "default,email", "--burst")
    lines = (
        "from abuse.models import BusinessRulesHistory, Report\n"
        "report = Report.get()\n"
        "decision = BusinessRulesHistory.get(report=report)\n"
        "asked = {fact['name'] for fact in decision.trace['facts']}\n"
        "print(report.status, decision.business_rules.name, 'is_report_phishing' in asked)\n"
    )
    assert desk.shell(lines).strip() == "ToValidate mine_first True"


def test_a_service_of_ones_own(desk: Desk) -> None:
    (desk.root / "abuse/services/email/myemailservice.py").write_text(MY_EMAIL_SERVICE)
    settings = desk.root / "settings-sample.yml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace(
            "abuse.services.email.default.DatabaseEmailService", "'abuse.services.email.myemailservice.MyEmailService'"
        )
    )
    lines = "from abuse.services.email import EmailService\nprint(EmailService.get_emails('the ticket'))\n"
    assert desk.shell(lines).strip() == "['mine', 'the ticket']"


def test_a_wrong_service_fails_at_the_start(desk: Desk, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("IMPLEMENTATIONS: {StorageServiceBase: {class: abuse.services.crm.default.DirectoryCRM}}")
    text = desk.run("status", check=False, APP_SETTINGS=str(wrong))
    assert "IMPLEMENTATIONS.StorageServiceBase: 'abuse.services.crm.default.DirectoryCRM' does not descend from" in text
    assert text.endswith("exit 1")


def test_a_task_of_ones_own_that_another_program_enqueues(desk: Desk, tmp_path: Path) -> None:
    (desk.root / "abuse/tasks/mytasks.py").write_text(MY_TASKS)
    url = desk.shell("from abuse.queues import redis_url\nprint(redis_url())\n").strip()
    result = tmp_path / "result"
    program = (
        "import redis, rq, sys\n"
        "queue = rq.Queue('default', connection=redis.Redis.from_url(sys.argv[1]))\n"
        "queue.enqueue('abuse.tasks.mytasks.count_categories', sys.argv[2])\n"
    )
    subprocess.run([sys.executable, "-c", program, url, str(result)], cwd=tmp_path, check=True, timeout=60)
    desk.run("run-worker", "--queues", "default", "--burst")
    assert result.read_text() == str(len(EIGHT_CATEGORIES))


def test_rq_info(desk: Desk) -> None:
    text = desk.run("rq-info")
    assert "0 workers" in text


def test_ticket_workflow(desk: Desk) -> None:
    assert "deadlines were settled" in desk.run("ticket-workflow")


def test_doctor_finds_all_well(desk: Desk) -> None:
    text = desk.run("doctor")
    assert "WRONG" not in text
    for what in ("PostgreSQL 18", "migrations", "Redis", "storage", "rules of type Report"):
        assert what in text


def test_doctor_names_what_is_wrong(desk: Desk, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("RULES: {variables: {report: [abuse.nowhere.Nothing]}}")
    text = desk.run("doctor", check=False, APP_SETTINGS=str(wrong))
    assert "RULES.variables.report: 'abuse.nowhere.Nothing' cannot be imported" in text
    assert text.endswith("exit 1")


def test_doctor_says_of_settings_that_cannot_be_read_only_what_is_wrong_with_them(desk: Desk, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("MAIL: {relay: {host: smtp.example.net, password: '${NOWHERE_SET}'}}")
    lines = desk.run("doctor", check=False, APP_SETTINGS=str(wrong)).splitlines()
    missing = "MAIL.relay.password: ${NOWHERE_SET} is not set in the environment"
    assert lines == [f"WRONG settings {wrong}: {missing}", "exit 1"]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert f"main.py {name}" in result.output.partition("\n")[2]


def test_the_suite_by_the_test_command(desk: Desk) -> None:
    run = partial(desk.run, "test", APP_ENV="test", APP_SETTINGS="abuse/tests/settings-test.yml")
    listed = run("--pattern=test_*", "--", "--collect-only", "-q")
    assert "abuse/tests/commands/test_walkthrough.py::test_the_suite_by_the_test_command" in listed
    ran = run("--pattern=test_statuses*", "--", "-q")
    assert " passed" in ran
    assert "expected test" in desk.run("test", check=False)
