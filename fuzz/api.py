"""`--target api`: Schemathesis over the whole OpenAPI document, as everybody, for as long as it is given."""

from __future__ import annotations

import os

import pytest

TEST = "abuse/tests/api/test_schemathesis.py"


def run(examples: int, seed: int) -> int:
    """Runs so many examples for each operation, and as many chains of calls, for each kind of caller; 1 for a fault."""
    os.environ["CERBERUS_API_EXAMPLES"], os.environ["CERBERUS_API_SEED"] = str(examples), str(seed)
    return int(pytest.main(["-n", "0", "-s", TEST]))
