"""The benchmarks, small, as a person would start them. In one file, for each looks whether it left its data behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from abuse.config import PROJECT_ROOT


def test_forty_mails_give_all_figures(tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    before = set((PROJECT_ROOT / "var").glob("bench-*"))
    command = [sys.executable, "-m", "bench", "--mails", "40", "--rounds", "2", "--json", str(target)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    figures = json.loads(target.read_text())
    rates = ("desk", "worker", "floor", "floor_20", "receive")
    assert all(figures[f"{name}_mails_per_second"] > 0 for name in rates)
    assert len(figures["desk_mails_per_second_each_round"]) == figures["rounds"] == 2
    assert 0 < figures["ratio_to_floor_20"] < figures["ratio_to_floor"] < 1
    assert 0 < figures["parse_milliseconds_p50"] <= figures["parse_milliseconds_p95"]
    assert figures["round_trips_per_mail"] > 0
    assert set(figures["targets"]) == {"round_trips_per_mail_at_most", "ratio_to_floor_at_least", "met"}
    assert sum(figures["states"].values()) == 80  # with the 40 to warm up
    assert figures["reports"] >= figures["tickets"] > 0
    assert "desk to floor" in done.stdout
    left = set((PROJECT_ROOT / "var").glob("bench-*")) - before
    assert not left, "the benchmark left its data behind"


def test_too_few_mails_are_refused() -> None:
    command = [sys.executable, "-m", "bench", "--mails", "3"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "'3'; expected a whole number, 8 or more" in done.stderr


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
