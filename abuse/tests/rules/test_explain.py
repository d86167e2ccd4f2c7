"""Why something is where it is, for programs and for people; and the `rules` command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from abuse.commands.explain import command as explain
from abuse.commands.rules import command as rules
from abuse.models import BusinessRules, Defendant, Email, Report, Service, Ticket, User
from abuse.rules.apply import RulesRun
from abuse.rules.explain import explain_mail, explain_report, explain_ticket
from abuse.rules.store import find_rule, save_rule, text_of

from .conftest import make_provider, make_report
from .test_answers_and_networks import make_mail_row
from .test_replay import text
from .test_shadow_and_caps import HAS_DEFENDANT, rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(defendant: Defendant, service: Service, actor: User) -> Report:
    """A report from a mail, decided on, with a rule in shadow before."""
    rule("sleeper", 0, "close_service", mode="shadow")
    report = make_report(
        defendant=defendant, service=service, email_id=make_mail_row(),
        provider=make_provider("t@r.example", trusted=True),
    )  # fmt: skip
    run = RulesRun(actor)
    run.decide_report(report, None, None)
    run.write()
    return report


def test_a_report(report: Report) -> None:
    found = explain_report(report.pk)
    assert found["report"]["ticket"] == Ticket.get().public_id
    assert found["mail"]["id"] == report.email_id
    shadow, decision = found["decisions"]
    assert (shadow["rule"], shadow["shadow"], shadow["actions"]) == ("sleeper", True, [{"name": "close_service"}])
    assert (decision["rule"], decision["version"], decision["shadow"]) == ("default_defendant_trusted", 1, False)
    tried = {one["rule"]: one for one in decision["rules"]}
    assert tried["default_no_defendant"]["because"]["name"] == "has_defendant"
    assert [action["name"] for action in decision["actions"]] == ["create_ticket", "send_provider_ack"]
    assert [event["type"] for event in found["history"]] == ["CreateTicket", "AttachReport", "SendEmail"]
    json.dumps(found)


def test_a_ticket(report: Report, actor: User) -> None:
    from abuse.controllers import clocks

    ticket = Ticket.get()
    clocks.snooze(ticket, 60, actor=actor)
    found = explain_ticket(ticket.public_id.lower())
    assert found["ticket"]["status"] == "WaitingAnswer"
    assert [one["id"] for one in found["reports"]] == [report.pk]
    assert [one["rule"] for one in found["decisions"]] == ["sleeper", "default_defendant_trusted"]
    assert [one["kind"] for one in found["ahead"]] == ["snooze"]
    assert [one["to"] for one in found["mails"]] == ["t@r.example"]
    assert found["history"][-1]["type"] in {"SetDeadline", "ChangeStatus"}
    json.dumps(found)


def test_a_mail(report: Report) -> None:
    Email.filter(pk=report.email_id).update(state="processed", reason="1 report")
    assert report.email_id is not None
    found = explain_mail(report.email_id)
    assert (found["mail"]["state"], found["mail"]["reason"]) == ("processed", "1 report")
    assert [one["report"]["id"] for one in found["reports"]] == [report.pk]
    json.dumps(found)


def run(command: Any, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_people_read_the_deciding_fact(report: Report) -> None:
    ticket = Ticket.get()
    for arguments in (("report", str(report.pk)), ("ticket", ticket.public_id), ("mail", str(report.email_id))):
        result = run(explain, *arguments)
        assert result.exit_code == 0, result.output
        assert "default_no_defendant: no, has_defendant was true, not is_false" in result.output
        assert "default_defendant_trusted: yes" in result.output
        assert "In shadow on report" in result.output
        assert "would do close_service" in result.output
        assert "done: create_ticket" in result.output
    assert f"Ticket {ticket.public_id} is Open" in run(explain, "ticket", ticket.public_id).output
    assert json.loads(run(explain, "report", str(report.pk), "--json").output)["report"]["id"] == report.pk


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ticket", "BCDFGHJKLM"), "there is no ticket BCDFGHJKLM"),
        (("report", "4711"), "there is no report 4711"),
        (("mail", "4711"), "there is no mail 4711"),
        (("mail", "x"), "'x'; expected the number of a mail"),
        (("customer", "1"), "'customer' is not one of"),
    ],
)
def test_what_cannot_be_explained(arguments: tuple[str, str], said: str) -> None:
    result = run(explain, *arguments)
    assert result.exit_code != 0
    assert said in result.output


# --- python main.py rules … -------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rule.yml"
    lines = [
        "# why ü",
        "name: watch",
        "rulesType: Report",
        "orderId: 70",
        "config:",
        "  conditions: {name: has_urls, operator: is_true}",
        "  actions: [{name: do_nothing}]",
    ]
    path.write_bytes("\r\n".join([*lines, ""]).encode())
    return path


def test_a_file_goes_in_and_comes_out_byte_for_byte(file: Path, tmp_path: Path) -> None:
    result = run(rules, "import", str(file))
    assert "Report rule watch (order 70) added." in result.output
    assert run(rules, "show", "watch").stdout_bytes == file.read_bytes()
    run(rules, "export", str(tmp_path / "out"), "--type", "Report")
    written = next((tmp_path / "out").glob("report-070-watch-*.yml"))
    assert written.read_bytes() == file.read_bytes()
    BusinessRules.all().delete()
    again = run(rules, "import", str(tmp_path / "out"))
    assert again.exit_code == 0, again.output
    assert text_of(find_rule("watch")).encode() == file.read_bytes()


def test_a_rule_is_listed_moved_put_to_sleep_and_taken_back(file: Path) -> None:
    run(rules, "import", str(file))
    assert "Report        70  v1   watch" in run(rules, "list").output
    assert "is at 5 (version 2)" in run(rules, "order", "watch", "5").output
    assert "is inactive (version 3)" in run(rules, "deactivate", "watch").output
    assert "is active (version 4)" in run(rules, "activate", "watch").output
    assert "is in shadow mode (version 5)" in run(rules, "mode", "watch", "shadow").output
    assert "watch  shadow" in run(rules, "list", "--type", "Report").output
    history = run(rules, "history", "watch").output.splitlines()
    assert [line.split()[0] for line in history] == ["v5", "v4", "v3", "v2", "v1"]
    assert "order 5, inactive, by abuse.robot" in history[2]
    assert "that is version 6 now" in run(rules, "rollback", "watch", "1").output
    assert text_of(find_rule("watch")).encode() == file.read_bytes()


def test_files_are_checked_without_being_stored(file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text("name: x\n")
    result = run(rules, "check", str(file), str(bad))
    assert result.exit_code == 1
    assert "Report rule watch (order 70) is right" in result.output
    assert "'config' is missing" in result.output
    assert not BusinessRules.filter(name="watch").exists()


def test_nothing_of_a_faulty_import_is_stored(file: Path, tmp_path: Path) -> None:
    (tmp_path / "zz.yml").write_text("name: [\n")
    result = run(rules, "import", str(tmp_path))
    assert result.exit_code == 1
    assert "nothing was stored" in result.output
    assert not BusinessRules.filter(name="watch").exists()


def test_a_bare_document_needs_a_name_and_a_type(tmp_path: Path) -> None:
    path = tmp_path / "venmo.json"
    config = json.loads(text(HAS_DEFENDANT))["config"]
    path.write_text(json.dumps([config]))
    assert "say what it is with --name and --type" in run(rules, "import", str(path)).output
    assert "Report rule old-1 (order 80) added." in run(
        rules, "import", str(path), "--name", "old", "--type", "Report", "--order", "80"
    ).output  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nobody"), "rule 'nobody': there is none of that name"),
        (("rollback", "to_validate", "7"), "there is no version 7; expected one of 1"),
        (("test", "nobody"), "rule 'nobody': there is none"),
        (("test", "to_validate", "--last", "soon"), "expected a number and h, d or w"),
        (("test", "customer_answer"), "only Report rules can be tried"),
        (("order", "to_validate", "-1"), "-1"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], said: str) -> None:
    result = run(rules, *arguments)
    assert result.exit_code != 0
    assert said in result.output


def test_a_rule_is_tried_from_the_command_line(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "new.yml"
    path.write_text(text(HAS_DEFENDANT, "create_ticket", "close_service", limits={"close_service": {"day": 0}}))
    result = run(rules, "test", str(path), "--last", "1d")
    assert result.exit_code == 0, result.output
    assert "its conditions hold for 1; it would decide on 1." in result.output
    assert "create_ticket: Opens a ticket" in result.output
    assert "close_service stopped by its limit of 0 in a day" in result.output
    assert "default_defendant_trusted -> candidate" in result.output
    assert f"report {report.pk} of" in result.output
    assert "Nothing was changed." in result.output
    as_json = CliRunner().invoke(rules, ["test", str(path), "--json"])
    assert json.loads(as_json.stdout)["decides"] == 1
    assert BusinessRules.filter(name="candidate").count() == 0
    save_rule(path.read_text())
    assert "Decisions that would change: 0" in run(rules, "test", "candidate").output
