"""The bounded JSON form of facts and results."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from abuse.rules.engine.jsonable import bounded


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (Decimal("3"), 3),
        (Decimal("3.5"), 3.5),
        (2.0, 2),
        (0.25, 0.25),
        (float("nan"), "nan"),
        (Decimal("1e999999"), "1E+999999"),
        (10**400, "<integer of 1329 bits>"),
        ("é" * 500, "é" * 500),
        ("x" * 502, "x" * 500 + "… (2 more characters)"),
        (set("hgfedcba"), list("abcdefgh")),
        ((1, ["x"]), [1, ["x"]]),
        (list(range(22)), [*range(20), "… (2 more)"]),
        ({"k": {1: "v"}}, {"k": {"1": "v"}}),
        ([[[[[["deep"]]]]]], [[[[["…"]]]]]),
        (object(), "<object>"),
        (b"raw", "<bytes>"),
    ],
)
def test_bounded(value: object, shown: object) -> None:
    assert bounded(value) == shown
    json.dumps(bounded(value), allow_nan=False)


def test_an_object_of_many_keys_is_cut() -> None:
    shown = bounded({f"k{number}": number for number in range(25)})
    assert isinstance(shown, dict)
    assert len(shown) == 21
    assert shown["…"] == "5 more"
