"""What the documents name is there: files, commands, and the rooms of the house."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abuse.commands import COMMANDS
from abuse.config import PROJECT_ROOT

DOCUMENTS = sorted(
    [*PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT / "docs").rglob("*.md"), PROJECT_ROOT / "demo/README.md"]
)
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
_COMMAND = re.compile(r"python main\.py ([a-z][a-z-]*)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_links_lead_somewhere_and_commands_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert [link for link in _LINK.findall(text) if not (document.parent / link).exists()] == []
    assert set(_COMMAND.findall(text)) - set(COMMANDS) == set()


def test_the_architecture_names_every_room() -> None:
    rooms = (PROJECT_ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## A mail")[0]
    package = PROJECT_ROOT / "abuse"
    names = {path.name for path in package.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    names |= {path.name for path in package.glob("*.py") if path.name != "__init__.py"}
    missing = {name for name in names if not re.search(rf"(?m)^  (\S+, )*{re.escape(name)}[/, ]", rooms)}
    assert missing == set()


def test_every_guide_can_be_found_from_the_readme_or_from_another() -> None:
    named = {
        (document.parent / link).resolve()
        for document in DOCUMENTS
        for link in _LINK.findall(document.read_text(encoding="utf-8"))
    }
    guides = {path.resolve() for path in (PROJECT_ROOT / "docs").rglob("*.md") if path.parent.name != "adr"}
    assert sorted(str(path) for path in guides - named) == []
