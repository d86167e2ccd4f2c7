"""The command: a table for people, an exit code for programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from abuse.commands.import_customers import import_customers_command
from abuse.models import DirectoryCustomer

pytestmark = pytest.mark.django_db

HEADER = "customer_id,email,creation_date,service_name,network\n"
FILE = HEADER + "c1,c1@mail.example,2020-01-01,vps,203.0.113.8/29\nc2,c2@mail.example,2020-01-01,vps,203.0.113.8/29\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_what_was_done_is_shown(file: Path) -> None:
    result = CliRunner().invoke(import_customers_command, [str(file)])
    assert result.exit_code == 0
    assert result.stdout == (
        f"{file}: imported\n"
        "                added  changed  unchanged  removed\n"
        "  customers         2        0          0        0\n"
        "  services          2        0          0        0\n"
        "  resources         2        0          0        0\n"
    )
    assert result.stderr.startswith("  warning: 203.0.113.8/29: both customer ")


def test_a_dry_run_changes_nothing(file: Path) -> None:
    result = CliRunner().invoke(import_customers_command, [str(file), "--dry-run"])
    assert result.exit_code == 0
    assert "would be imported; nothing was changed" in result.stdout
    assert DirectoryCustomer.count() == 0


def test_replace(file: Path) -> None:
    CliRunner().invoke(import_customers_command, [str(file)])
    file.write_text(HEADER + "c1,c1@mail.example,2020-01-01,vps,203.0.113.8/29\n", encoding="utf-8")
    result = CliRunner().invoke(import_customers_command, [str(file), "--replace"])
    assert result.exit_code == 0
    assert "  customers         0        0          1        1\n" in result.stdout
    assert DirectoryCustomer.count() == 1


def test_faults_end_it_with_one(file: Path) -> None:
    file.write_text(HEADER + "c1,c1@mail.example,2020-01-01,vps,203.0.113.9/29\n", encoding="utf-8")
    result = CliRunner().invoke(import_customers_command, [str(file)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "  line 2 (customer 'c1'): network: '203.0.113.9/29'; expected a network without host bits;"
        " 203.0.113.8/29 was probably meant\n"
        f"{file}: 1 fault(s); nothing was imported\n"
    )
    assert DirectoryCustomer.count() == 0


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(import_customers_command, [str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_help_has_an_example() -> None:
    assert "python main.py import-customers demo/customers.json --dry-run" in CliRunner().invoke(
        import_customers_command, ["--help"]
    ).stdout  # fmt: skip
