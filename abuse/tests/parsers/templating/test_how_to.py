"""The how-to, followed to the letter, and the commands it names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from abuse.parsers.templating.load import SHIPPED

PROJECT = Path(__file__).parents[4]
HOW_TO = (PROJECT / "docs/how-to/add-a-reporter.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"`templates/([\w./-]+)`(?:(?!`templates/).)*?\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A directory with the files of the how-to, and settings as it says."""
    for name, content in BLOCK.findall(HOW_TO):
        path = tmp_path / "templates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    settings = re.search(r"^( +)PARSER:\n\1  templates: .*$", HOW_TO, re.MULTILINE)
    assert settings is not None
    (tmp_path / "settings.yml").write_text(
        "\n".join(line.removeprefix(settings[1]) for line in settings[0].split("\n"))
    )
    return tmp_path


def cerberus(desk: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, with settings that name servers that do not exist: none may be asked for."""
    environment = {**os.environ, "APP_ENV": "dev", "APP_SETTINGS": str(desk / "settings.yml")}
    return subprocess.run(
        [sys.executable, str(PROJECT / "main.py"), *arguments],
        capture_output=True, text=True, timeout=60, cwd=desk, env=environment, check=False,
    )  # fmt: skip


def test_the_files_are_those_that_the_how_to_names(desk: Path) -> None:
    found = sorted(str(path.relative_to(desk)) for path in desk.rglob("*") if path.is_file())
    assert found == [
        "settings.yml",
        "templates/acme-cert.yml",
        "templates/samples/acme-cert/attack.eml",
        "templates/samples/acme-cert/attack.expected.json",
    ]


def test_check_templates(desk: Path) -> None:
    run = cerberus(desk, "check-templates")
    assert (run.returncode, run.stderr) == (0, "")
    assert re.search(r"^acme-cert +1  ok$", run.stdout, re.MULTILINE)
    assert not (desk / "var").exists(), "no server was started"


def test_parse_email_explains(desk: Path) -> None:
    mail = "templates/samples/acme-cert/attack.eml"
    run = cerberus(desk, "parse-email", "--explain", mail)
    assert run.returncode == 0
    assert "used       acme-cert: the first candidate that took anything (3 items)" in run.stdout
    assert "holds    sender: 'incidents+4711@cert.acme.example'" in run.stdout
    assert "IP from line 'IP Address': 192.0.2.10 (40022 2025-03-04T07:59:00+00:00)" in run.stdout
    seen = json.loads(cerberus(desk, "parse-email", "--json", "--explain", mail).stdout)
    assert (seen["template"], seen["explain"]["used"]) == ("acme-cert", "acme-cert")
    assert seen["explain"]["candidates"][0]["rank"] == "domain"
    assert "explain" not in json.loads(cerberus(desk, "parse-email", "--json", mail).stdout)


def test_a_sample_that_is_read_otherwise(desk: Path) -> None:
    expected = desk / "templates/samples/acme-cert/attack.expected.json"
    expected.write_text(expected.read_text().replace("192.0.2.10", "192.0.2.11"))
    run = cerberus(desk, "check-templates")
    assert run.returncode == 1
    assert f"{expected.with_name('attack.eml')}: ips: missing 192.0.2.11" in run.stdout
    assert "1 of 1 WRONG" in run.stdout


def test_a_broken_template_is_told_and_the_others_work(desk: Path) -> None:
    broken = desk / "templates/broken.yml"
    broken.write_text("description: x\nmatch: {body: '(?<=a)b'}\n")
    run = cerberus(desk, "check-templates")
    assert run.returncode == 1
    assert f"{broken}: match.body.1: '(?<=a)b'; expected a pattern that RE2 takes" in run.stdout
    assert re.search(r"^acme-cert +1  ok$", run.stdout, re.MULTILINE)
    mail = "templates/samples/acme-cert/attack.eml"
    seen = cerberus(desk, "parse-email", "--json", mail)
    assert json.loads(seen.stdout)["template"] == "acme-cert"


def test_other_directories_and_mails(desk: Path) -> None:
    (desk / "other").mkdir()
    run = cerberus(desk, "check-templates", "--dir", "other")
    assert (run.returncode, run.stdout.split()) == (0, ["template", "samples", "result"])
    everything = cerberus(desk, "check-templates", "--all").stdout
    assert re.search(r"^netcraft +\d", everything, re.MULTILINE)
    assert re.search(r"^acme-cert +\d", everything, re.MULTILINE)
    shown = cerberus(desk, "check-templates", "--mail", str(SHIPPED / "samples/netcraft/phishing.eml"))
    assert shown.returncode == 0
    assert "template   netcraft (domain) matches" in shown.stdout
    assert cerberus(desk, "check-templates", "--mail", "nowhere.eml").returncode == 1
    assert cerberus(desk, "check-templates", "--dir", "nowhere").returncode == 1


def test_a_missing_expectation_is_written(desk: Path) -> None:
    expected = desk / "templates/samples/acme-cert/attack.expected.json"
    before = json.loads(expected.read_text())
    expected.unlink()
    assert cerberus(desk, "check-templates").returncode == 1
    assert cerberus(desk, "check-templates", "--write-missing").returncode == 0
    assert json.loads(expected.read_text()) == before
