"""The benchmark of lists, small, as a person would start it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from abuse.config import PROJECT_ROOT


def test_a_small_desk_is_filled_checked_and_asked(tmp_path: Path) -> None:
    figures, answers = tmp_path / "figures.json", tmp_path / "answers.json"
    before = set((PROJECT_ROOT / "var").glob("bench-*"))
    command = [sys.executable, "-m", "bench.lists", "--reports", "1000", "--tickets", "200", "--requests", "4"]
    command += ["--kinds", "todo", "--json", str(figures), "--answers", str(answers)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    kinds = json.loads(figures.read_text())["kinds"]
    assert {"floor: monitor", "todo", "todo: unassigned"} <= set(kinds)
    todo = kinds["todo"]
    assert todo["requests"] == 4
    assert 0 < todo["queries_at_most"] <= 10
    assert 0 < todo["database_p50"] < todo["processor_p50"]
    assert todo["times_the_floor"] > 1
    assert len(set(json.loads(answers.read_text())["todo"])) > 1, "other values give other answers"
    assert "todo: unassigned" in done.stdout
    left = set((PROJECT_ROOT / "var").glob("bench-*")) - before
    assert not left, "the benchmark left its data behind"


def test_a_directory_without_a_desk_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.lists", "--reuse", str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "no desk is there; expected a directory that --keep made" in done.stderr
