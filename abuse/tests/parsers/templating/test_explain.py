"""What is said of the way to a result."""

from __future__ import annotations

import json
from typing import Any

from abuse.parsers import ParserContext
from abuse.parsers.flow import parse_with_reading
from abuse.parsers.templating import TemplateSet
from abuse.parsers.templating.compiled import Template
from abuse.parsers.templating.explain import explain, for_people

from ..samples import mail
from .building import SENDER, template


def explained(*templates: Template, raw: bytes) -> dict[str, Any]:
    context = ParserContext(templates=TemplateSet(templates))
    said = explain(*parse_with_reading(raw, context), context)
    assert json.loads(json.dumps(said)) == said
    return said


def test_every_candidate_is_shown_with_what_it_took_and_why() -> None:
    raw = mail("IP: 192.0.2.1\nIP: none\nIP: 192.0.2.9\nWhen: soon", sender=SENDER, subject="Case 1")
    said = explained(
        template("take: [{what: url, line: URL}]", "a-empty"),
        template("take: [{what: ip, line: IP, time: {line: When}}]\nignore: {ips: 192.0.2.9}", "b-winner"),
        template("take: [{what: ip, line: IP}]", "c-later"),
        template(f"match: {{sender: {SENDER}, subject: other}}", "d-near"),
        template("match: {sender: a@other.example}", "e-other"),
        raw=raw,
    )
    assert [(one["template"], one["won"], one["why"]) for one in said["candidates"]] == [
        ("a-empty", False, "no rule took anything"),
        ("b-winner", True, "the first candidate that took anything (1 item)"),
        ("c-later", False, "not tried"),
    ]
    (rule,) = said["candidates"][1]["rules"]
    assert (rule["rule"], rule["places"]) == ("IP from line 'IP'", 3)
    assert [item["value"] for item in rule["found"]] == ["192.0.2.1"]
    assert [(left["text"], left["reason"]) for left in rule["left"]] == [
        ("soon", "the time cannot be read"),
        ("none", "no value of the kind asked for stands there"),
        ("soon", "the time cannot be read"),
        ("192.0.2.9", "ignore.ips has 192.0.2.9/32"),
    ]
    assert [item["value"] for item in said["candidates"][2]["rules"][0]["found"]] == ["192.0.2.1", "192.0.2.9"]
    assert [(one["template"], [c["holds"] for c in one["conditions"]]) for one in said["near"]] == [
        ("d-near", [True, False]),
    ]  # fmt: skip
    assert said["others"] == 1
    text = for_people(said)
    assert "used       b-winner: the first candidate that took anything (1 item)" in text
    assert "FAILS    subject: 'Case 1'" in text
    assert "left   'none': no value of the kind asked for stands there" in text


def test_what_is_ignored_is_said_with_the_entry_that_does_it() -> None:
    text = "take: [{what: auto, line: See}]\nignore: {urls: '/help$', domains: own.example}"
    body = "See: http://a.example.org/help\nSee: http://www.own.example/"
    said = explained(template(text, fallback=False), raw=mail(body, sender=SENDER))
    left = said["candidates"][0]["rules"][0]["left"]
    assert [one["reason"] for one in left] == ["ignore.urls has /help$", "ignore.domains has own.example"]


def test_the_reason_where_no_template_won() -> None:
    raw = mail("IP: 192.0.2.1 spam", sender=SENDER)
    assert explained(raw=raw)["why"].startswith("no template is for this mail")
    empty = template("take: [{what: url, line: URL}]")
    assert explained(empty, raw=raw)["why"] == "no template took anything; the whole text was searched"
    strict = template("take: [{what: url, line: URL}]\nfallback: false")
    assert explained(strict, raw=raw)["why"] == "no rule took anything, and fallback is false: nothing else is tried"
    names_it = template("category: Spam")
    assert explained(names_it, raw=raw)["why"] == "it takes nothing itself: the whole text is searched for it"
    machine = mail('{"xarf_version": "4.2.0", "report_id": "1", "source_identifier": "192.0.2.1"}', sender=SENDER)
    said = explained(empty, raw=machine)
    assert (said["used"], said["candidates"][0]["won"]) == ("xarf-4", False)
    assert "machine-readable report (xarf-4)" in said["candidates"][0]["why"]
    bounce = explained(empty, raw=mail("x", sender=SENDER, extra="X-Failed-Recipients: a@example.org\n"))
    assert bounce["candidates"][0]["why"] == "a mail of this kind is not read by this template"
