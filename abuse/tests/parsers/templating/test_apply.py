"""What a template's word counts for: beside formats, headers' verdicts, the whole text and its own failures."""

from __future__ import annotations

import pytest

from abuse.parsers import MailKind, ParserContext, parse
from abuse.parsers.templating import TemplateSet, apply

from ..samples import mail, multipart
from .building import SENDER, read_with, template

IP_LINE = "take: [{what: ip, line: IP}]\n"
BODY = "IP: 192.0.2.1\nMore at http://www.elsewhere.example.org/ and 192.0.2.9.\nIncident: 77/A.\nProblem: a BotNet"


def test_a_template_beats_the_text() -> None:
    parsed = read_with(template(IP_LINE), raw=mail(BODY, sender=SENDER))
    assert (parsed.template, parsed.ips, parsed.urls) == ("one", ["192.0.2.1"], [])
    assert (parsed.kind, parsed.kind_reason) == (MailKind.ABUSE_REPORT, "template one reads it")
    assert parsed.defects == ()


def test_nothing_taken() -> None:
    nothing = "take: [{what: ip, line: Address}]\ncategory: Spam\nreference: {line: Incident}\n"
    ignoring = "ignore: {ips: 192.0.2.9}\n"
    raw = mail(BODY, sender=SENDER)
    searched = read_with(template(nothing + ignoring), raw=raw)
    assert (searched.template, searched.ips) == ("default", ["192.0.2.1"])
    assert (searched.category, searched.reporter_reference) == ("Spam", "77/A")
    assert searched.defects == ("Template one is for this mail but took nothing; the whole text was searched.",)
    strict = read_with(template(nothing + "fallback: false"), raw=raw)
    assert (strict.template, strict.items, strict.kind) == ("one", (), MailKind.ABUSE_REPORT)
    assert strict.category == "Spam"
    assert strict.defects == ("Template one is for this mail but took nothing.",)


def test_a_known_reporters_new_layout_is_still_a_complaint() -> None:
    raw = mail("Nothing we know.", sender=SENDER, subject="Hello")
    assert parse(raw, ParserContext()).kind is MailKind.OTHER
    strict = template("take: [{what: ip, line: IP}]\nfallback: false")
    assert read_with(strict, raw=raw).kind is MailKind.ABUSE_REPORT


def test_without_rules_the_whole_text_is_searched_for_it() -> None:
    parsed = read_with(template("category: Illegal\nignore: {domains: example.org}"), raw=mail(BODY, sender=SENDER))
    assert (parsed.template, parsed.ips, parsed.urls, parsed.category) == (
        "one", ["192.0.2.1", "192.0.2.9"], [], "Illegal",
    )  # fmt: skip
    assert parsed.defects == ()


def test_fallback_false_ends_the_search_at_its_place() -> None:
    strict = template("take: [{what: ip, line: Address}]\nfallback: false", "a-strict")
    other = template(IP_LINE, "b-other")
    raw = mail(BODY, sender=SENDER)
    assert read_with(strict, other, raw=raw).items == ()
    assert read_with(template("take: [{what: ip, line: Address}]\nfallback: false", "c-strict"), other, raw=raw).ips


@pytest.mark.parametrize(
    ("category", "expected", "reason"),
    [
        ("Phishing", "Phishing", "template one says so"),
        ("guess", "Malware", "keywords of Malware occur once, first 'botnet'"),
        ("{from: {line: Problem}, map: {phish: Phishing, bot.et: Spam}}", "Spam", "line 'Problem' has 'bot.et'"),
        ("{from: {line: Problem}, map: {phish: Phishing}, default: Other}", "Other", "names none of its words"),
        ("{from: {line: Nowhere}, map: {phish: Phishing}}", "Malware", "keywords"),
        ("{map: {'IP: 192': Intrusion}}", "Intrusion", "the text has 'IP: 192'"),
        ("{from: {subject: '(.*)'}, map: {complaint: Illegal}}", "Illegal", "subject"),
        ("{map: {a: Spam, b: Phishing}}", "Spam", "has 'a'"),
    ],
)
def test_category(category: str, expected: str, reason: str) -> None:
    parsed = read_with(template(f"{IP_LINE}category: {category}"), raw=mail(BODY, sender=SENDER))
    assert parsed.category == expected
    assert reason in parsed.category_reason


def test_a_category_that_the_desk_does_not_have_is_guessed() -> None:
    raw = mail(BODY, sender=SENDER)
    parsed = read_with(template(f"{IP_LINE}category: Phishing"), raw=raw, categories=("Malware", "Other"))
    assert parsed.category == "Malware"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("{line: Incident}", "77/A"),
        ("{subject: 'case (\\S+)'}", "4-2"),
        ("{pattern: 'incident:\\s+(\\d+)'}", "77"),
        ("{header: {name: Message-ID}}", "<1@victim.example.com>"),
        ("{line: Nowhere}", None),
        ("[{line: Nowhere}, {subject: 'case (\\S+)'}, {line: Incident}]", "4-2"),
        ("[{subject: 'report (\\S+)'}, {line: Incident}]", "77/A"),
    ],
)
def test_reference(reference: str, expected: str | None) -> None:
    raw = mail(BODY, sender=SENDER, subject="Case 4-2")
    assert read_with(template(f"{IP_LINE}reference: {reference}"), raw=raw).reporter_reference == expected


XARF = (
    "Content-Type: application/json; name=xarf.json\n\n"
    '{"xarf_version": "4.2.0", "report_id": "%s", "timestamp": "2025-03-04T07:00:00Z", '
    '"reporter": {"org": "X"}, "source_identifier": "192.0.2.55", "category": "%s", "type": "%s"}'
)
NAMED = f"{IP_LINE}category: Copyright\nreference: {{line: Incident}}"


def test_a_machine_readable_report_beats_templates() -> None:
    raw = multipart(f"Content-Type: text/plain\n\n{BODY}", XARF % ("r-1", "content", "phishing"), sender=SENDER)
    parsed = read_with(template(NAMED), raw=raw)
    assert (parsed.template, parsed.ips) == ("xarf-4", ["192.0.2.55"])
    assert (parsed.category, parsed.reporter_reference) == ("Phishing", "r-1")


def test_a_template_says_what_a_machine_readable_report_does_not() -> None:
    raw = multipart(f"Content-Type: text/plain\n\n{BODY}", XARF % ("", "x", "unheard-of"), sender=SENDER)
    parsed = read_with(template(NAMED), raw=raw)
    assert (parsed.template, parsed.ips) == ("xarf-4", ["192.0.2.55"])
    assert (parsed.category, parsed.reporter_reference) == ("Copyright", "77/A")
    assert parse(raw, ParserContext()).category == "Other"


def test_kinds() -> None:
    raw = mail("The address 192.0.2.1 was taken from our list.\nIP: 192.0.2.1", sender=SENDER)
    told = read_with(template("kind: information"), raw=raw)
    assert (told.kind, told.items, told.template, told.category) == (MailKind.INFORMATION, (), "one", "Other")
    letter = read_with(template("kind: newsletter"), raw=raw)
    assert (letter.kind, letter.category) == (MailKind.NEWSLETTER, None)
    back = read_with(template(f"{IP_LINE}kind: retraction\ncategory: Spam"), raw=raw)
    assert (back.kind, back.ips, back.category) == (MailKind.RETRACTION, ["192.0.2.1"], "Spam")
    feed = read_with(template(f"{IP_LINE}kind: feed"), raw=raw)
    assert (feed.kind, feed.ips) == (MailKind.FEED, ["192.0.2.1"])


def test_marks_of_the_header_come_first() -> None:
    one = template(IP_LINE)
    for extra, kind in (
        ("Auto-Submitted: auto-replied\n", MailKind.AUTO_REPLY),
        ("X-Failed-Recipients: a@example.org\n", MailKind.BOUNCE),
    ):
        parsed = read_with(one, raw=mail(BODY, sender=SENDER, extra=extra))
        assert (parsed.kind, parsed.items, parsed.template) == (kind, (), "default")


def test_answers_are_read_by_templates_for_answers_alone() -> None:
    raw = mail(
        "The site is at IP: 192.0.2.1\nIP: 192.0.2.2\n> IP: 192.0.2.3", sender=SENDER, to="ticket+ABCDEF@example.net"
    )
    plain = read_with(template(IP_LINE), raw=raw)
    assert (plain.kind, plain.template) == (MailKind.REPLY_TO_TICKET, "default")
    answer = template("take: [{what: ip, pattern: 'is at IP: (\\S+)'}]\nkind: reply_to_ticket")
    parsed = read_with(answer, raw=raw)
    assert (parsed.kind, parsed.template, parsed.ips) == (MailKind.REPLY_TO_TICKET, "one", ["192.0.2.1"])
    assert read_with(answer, raw=mail(BODY, sender=SENDER)).template == "default"


def test_a_template_that_fails_costs_only_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    raw = mail(BODY, sender=SENDER)
    context = ParserContext(templates=TemplateSet([template(IP_LINE)]))
    monkeypatch.setattr(apply, "take", fail)
    parsed = parse(raw, context)
    assert (parsed.template, parsed.ips) == ("default", ["192.0.2.1", "192.0.2.9"])
    assert "Template one failed; the log says why." in parsed.defects
    assert "a fault of ours" in caplog.text
    monkeypatch.setattr(TemplateSet, "candidates", fail)
    assert "The templates could not be tried; the log says why." in parse(raw, context).defects


def test_time_for_all_templates_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "MAX_SECONDS", -1.0)
    raw = mail("IP: 192.0.2.1\nIP: 192.0.2.2\nURL: http://a.example.org/", sender=SENDER)
    parsed = parse(raw, ParserContext(templates=TemplateSet([template(IP_LINE)])))
    assert parsed.ips == ["192.0.2.1"], "what was taken until then is kept"
    assert any(sentence.endswith("they were stopped.") for sentence in parsed.defects)
