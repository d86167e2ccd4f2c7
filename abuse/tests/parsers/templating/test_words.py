"""Where the words of a template may stand in a mail."""

from __future__ import annotations

import pytest

from .building import taken, template

SITES = """\
The following sites, which we saw today:
http://power.example.org/
> We ask you to act. http://own.example.net/
"""


@pytest.mark.parametrize("labels", ["[IP, IP Address]", "[IP Address, IP]"])
def test_the_longest_label_is_meant_in_whatever_order_they_stand(labels: str) -> None:
    assert taken(f"take: [{{what: ip, line: {labels}}}]", "IP Address: 192.0.2.1\nIP: 192.0.2.2") == [
        "192.0.2.1", "192.0.2.2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("We", []),
        ("'^We'", ["http://power.example.org/"]),
        ("'^ We ask'", ["http://power.example.org/"]),
        ("['^W', '^ask']", ["http://power.example.org/", "http://own.example.net/"]),
    ],
)
def test_a_text_may_be_asked_for_at_the_start_of_a_line(until: str, expected: list[str]) -> None:
    assert taken(f"take: [{{what: url, after: following sites, until: {until}}}]", SITES) == expected


def test_a_block_may_start_at_the_start_of_a_line() -> None:
    body = "Our links: http://own.example.net/\nliens observés\nhttp://a.example.org/"
    assert taken("take: [{what: url, after: ['^links', '^liens observés']}]", body) == ["http://a.example.org/"]


@pytest.mark.parametrize("key", ["after", "until"])
def test_a_start_of_a_line_without_words_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="expected words after the"):
        template(f"take: [{{what: url, {key}: '^ '}}]")
