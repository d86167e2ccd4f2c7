"""Fuzzing of the parsers: random mails, feeds and texts, and what must hold for whatever is read of them.

`mutate` is the fast runner that counts to a million, `pieces` builds mails from parts for Hypothesis, `guided` lets
coverage lead (Atheris). All of them call the `targets`, and these the `invariants`.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FINDINGS = ROOT / "var" / "fuzz"
"""Inputs that broke something, as files."""
TARGET_NAMES = ("mail", "feed", "template", "text")
"""The keys of `targets.TARGETS`."""
