"""Template files: what is wrong with one is said with file, key, value and expectation, and keeps no other out."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import get_args

import pytest

from abuse.parsers import MailKind
from abuse.parsers.context import CATEGORIES
from abuse.parsers.templating import load, read_directory, read_file, schema, shipped
from abuse.parsers.templating.load import SHIPPED

from .building import write

GOOD = "description: For a test.\nmatch: {sender: soc@reporter.example}\ntake: [{what: ip, line: IP}]\n"


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (GOOD + "tke: 1", "tke", "unknown key"),
        (GOOD + "time: {zone: UTC, zonee: 1}", "time.zonee", "unknown key"),
        ("description: x", "match", "missing; expected a value"),
        (GOOD + "kind: complaint", "kind", "'complaint'; expected 'abuse_report', 'feed'"),
        (GOOD + "category: Fishing", "category", "'Fishing'; expected 'Copyright'"),
        (GOOD + "category: {map: {phish: Fishing}}", "category.map.phish", "'Fishing'; expected 'Copyright'"),
        (GOOD + "category: {from: body}", "category.from", "'body'; expected 'text'"),
        (GOOD + "category: {from: {line: a, subject: '(a)'}}", "category.from", "expected exactly one of line"),
        (GOOD + "fallback: maybe", "fallback", "'maybe'; expected"),
        (GOOD + "name: other", "name", "'other'; expected the name of the file, 'one'"),
        (GOOD + "time: {zone: Paris}", "time.zone", "'Paris'; expected a zone name such as Europe/Paris, or an offset"),
        (GOOD + "time: {zone: '+25:00'}", "time.zone", "an offset such as +02:00"),
        (GOOD + "ignore: {ips: 192.0.2.1/24}", "ignore.ips.1", "'192.0.2.1/24'; expected an address or network"),
        (GOOD + "ignore: {domains: 'http://a.example'}", "ignore.domains.1", "expected a domain such as example.com"),
        (GOOD + "ignore: {urls: '[a'}", "ignore.urls.1", "'[a'; expected a pattern that RE2 takes: missing ]: [a"),
        ("description: x\nmatch: {}", "match", "expected at least one of sender, dkim_domain, subject, body, header"),
        ("description: x\nmatch: {sender: '*@*'}", "match.sender.1", "'*@*'; expected an address (soc@example.com)"),
        ("description: x\nmatch: {sender: '*'}", "match.sender.1", "expected an address"),
        ("description: x\nmatch: {sender: '*@com'}", "match.sender.1", "expected an address"),
        ("description: x\nmatch: {sender: 'a*@b.example'}", "match.sender.1", "expected an address"),
        ("description: x\nmatch: {sender: [a@b.example, 7]}", "match.sender.2", "7; expected a text; put it in quotes"),
        ("description: x\nmatch: {sender: {a: b}}", "match.sender", "expected a list, or a single value"),
        ("description: x\nmatch: {dkim_domain: '*.'}", "match.dkim_domain.1", "'*.'; expected a domain"),
        ("description: x\nmatch: {subject: ''}", "match.subject.1", "expected a pattern that is not empty"),
        ("description: x\nmatch: {body: '(?<=a)b'}", "match.body.1", "RE2 has no look-behind"),
        ("description: x\nmatch: {body: '(?=a)b'}", "match.body.1", "RE2 has no look-ahead"),
        ("description: x\nmatch: {body: '(?:a)(b)\\1'}", "match.body.1", "RE2 has no back-reference"),
        ("description: x\nmatch: {body: 'a++'}", "match.body.1", "RE2 has no possessive repetition"),
        ("description: x\nmatch: {body: 'a{1,2000}'}", "match.body.1", "a repetition counts at most 1000"),
        ("description: x\nmatch: {body: '(?:.{900}x){1}'}", "match.body.1", "expected a smaller pattern"),
        ("description: x\nmatch: {body: 'a)(b'}", "match.body.1", "expected a pattern that RE2 takes: unexpected )"),
        ("description: x\nmatch: {header: {'a b': x}}", "match.header.a b", "expected the name of a header field"),
        (GOOD + "take: []\ntake: []", "", "the key 'take' stands twice"),
        (GOOD.replace("line: IP", "pattern: '(a)(b)'"), "take.1.pattern", "expected one group in brackets"),
        (GOOD.replace("line: IP", "pattern: 'ab'"), "take.1.pattern", "expected one group in brackets"),
        (GOOD.replace("line: IP", "pattern: '(?P<ip>a)'"), "take.1.pattern", "expected named groups of value (needed)"),
        (GOOD.replace("line: IP", "line: IP, subject: '(a)'"), "take.1", "expected one of line, pattern, subject"),
        (GOOD.replace("line: IP", "many: true"), "take.1", "expected a source: one of line, pattern"),
        (GOOD.replace("line: IP", "line: IP, lines: 2"), "take.1", "lines: expected after beside it"),
        (GOOD.replace("line: IP", "subject: '(a)', after: b"), "take.1", "subject and header: expected no after"),
        (GOOD.replace("line: IP", "line: ''"), "take.1.line.1", "expected a text of 1 to 300 characters"),
        (GOOD.replace("line: IP", "line: IP, port: '80'"), "take.1.port", "'80'; expected a valid integer"),
        (GOOD.replace("line: IP", "line: IP, port: 70000"), "take.1.port", "70000; expected less than or"),
        (GOOD.replace("line: IP", "line: IP, port: {column: a}"), "take.1", "port: a column needs a table"),
        (GOOD.replace("line: IP", "line: IP, time: {lin: a}"), "take.1.time.lin", "unknown key"),
        (GOOD.replace("what: ip", "what: ips"), "take.1.what.1", "'ips'; expected 'ip', 'cidr', 'url'"),
        (GOOD.replace("line: IP", "table: {column: a}"), "take.1.table", "expected either columns"),
        (GOOD.replace("line: IP", "table: {columns: [a, b], column: c}"), "take.1.table", "expected one of a, b"),
        (GOOD.replace("line: IP", "table: {columns: [a, b], column: a}, time: {column: c}"), "take.1", "column 'c'"),
        (GOOD.replace("line: IP", "table: {header: [a], column: a, delimiter: ab}"), "take.1.table", "one character"),
        (GOOD.replace("line: IP", "attachment: {}"), "take.1.attachment", "expected name, type or both"),
        ("- a", "", "holds a list; expected keys and values"),
        ("a: [", "", "is not YAML"),
        ("match: {body: \"\\d\"}", "", "a pattern with a backslash needs single quotes"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, text: str, key: str, said: str) -> None:
    path = write(tmp_path, "one", text)
    template, faults = read_file(path)
    assert template is None
    matching = [fault for fault in faults if fault.key == key and said in fault.message]
    assert matching, [str(fault) for fault in faults]
    assert str(matching[0]).startswith(f"{path}: {key + ': ' if key else ''}")


def test_all_faults_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path, "one", "kind: a\nfoo: 1\nmatch: {sender: b}\ntake: [{what: ip, line: IP}, {what: url, linee: a}]"
    )
    _, faults = read_file(path)
    assert {fault.key for fault in faults} >= {"description", "kind", "foo", "match.sender.1", "take.2.linee"}


@pytest.mark.parametrize("name", ["default", "x-arf", "xarf-4", "feedback-report", "Upper", "a b", "-a", "a" * 61])
def test_names(tmp_path: Path, name: str) -> None:
    template, faults = read_file(write(tmp_path, name, GOOD))
    assert template is None
    assert [fault.key for fault in faults] == ["name"]


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "latin.yml").write_bytes("description: é".encode("latin-1"))
    (tmp_path / "large.yml").write_text("#" * 300_000)
    (tmp_path / "deep.yml").write_text("[" * 20_000)
    (tmp_path / "gone.yml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.yml").mkdir()
    write(tmp_path, "good", GOOD)
    loaded = read_directory(tmp_path)
    assert [one.name for one in loaded.templates] == ["good"]
    assert sorted((fault.file.name, fault.message.partition(" ")[0]) for fault in loaded.faults) == [
        ("deep.yml", "is"), ("large.yml", "300000"), ("latin.yml", "is"),
    ]  # fmt: skip


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    templates, faults = load(tmp_path / "nowhere")
    assert "expected a directory" in str(faults[-1])
    assert len(templates) == len(shipped().templates), "the shipped ones are used all the same"


def test_a_broken_file_is_left_out_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "good", GOOD)
    broken = write(tmp_path, "broken", GOOD + "match: {body: '(?<!a)b'}".replace("match", "foo"))
    for _ in range(3):
        templates, faults = load(tmp_path)
    assert "good" in templates.by_name
    assert "broken" not in templates.by_name
    assert [fault.file for fault in faults if fault.file.parent == tmp_path] == [broken]
    assert [record.levelname for record in caplog.records if str(tmp_path) in record.getMessage()] == ["WARNING"]
    assert f"template left out: {broken}: foo: unknown key" in caplog.text


def test_changed_files_are_read_again_and_others_are_not(tmp_path: Path) -> None:
    path = write(tmp_path, "one", GOOD)
    first, _ = load(tmp_path)
    assert load(tmp_path)[0] is first
    path.write_text(GOOD.replace("line: IP", "line: Address"))
    os.utime(path, ns=(1, 1))
    second, _ = load(tmp_path)
    assert second.by_name["one"].spec.take[0].line == ("Address",)
    write(tmp_path, "two", GOOD)
    assert "two" in load(tmp_path)[0].by_name
    path.unlink()
    assert "one" not in load(tmp_path)[0].by_name


def test_a_template_of_the_name_of_a_shipped_one_replaces_it(tmp_path: Path) -> None:
    assert load(None)[0].by_name["netcraft"].is_shipped
    path = write(tmp_path, "netcraft", GOOD)
    own = load(tmp_path)[0].by_name["netcraft"]
    assert (own.is_shipped, own.origin) == (False, str(path))


def test_the_same_name_twice(tmp_path: Path) -> None:
    write(tmp_path, "one", GOOD)
    (tmp_path / "one.yaml").write_text(GOOD)
    loaded = read_directory(tmp_path)
    assert len(loaded.templates) == 1
    assert loaded.faults[0].message == "'one'; expected a name that no other file has"


def test_the_schema_for_editors_is_up_to_date() -> None:
    kept = json.loads((SHIPPED / "schema.json").read_text(encoding="utf-8"))
    assert kept == schema.json_schema(), (
        "write it anew: json.dumps(json_schema(), indent=2, ensure_ascii=False) of abuse.parsers.templating.schema"
    )
    assert kept["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    match = kept["$defs"]["Match"]["properties"]["sender"]["anyOf"]
    assert {"type": "string"} in match, "one value and a list are both allowed"


def test_the_words_of_the_schema_are_those_of_the_parser() -> None:
    assert get_args(schema.CategoryName) == CATEGORIES
    assert get_args(schema.CategoryOrGuess) == (*CATEGORIES, "guess")
    assert set(get_args(schema.Kind)) <= {kind.value for kind in MailKind}


def test_the_how_to_names_every_key() -> None:
    how_to = (Path(__file__).parents[4] / "docs/how-to/add-a-reporter.md").read_text(encoding="utf-8")
    words = set(re.findall(r"[a-z_]+", how_to))
    sections = (schema.TemplateFile, schema.Match, schema.Take, schema.Table, schema.FieldSource, schema.Ignore,
                schema.Time, schema.CategoryMap, schema.Attachment, schema.HeaderValue)  # fmt: skip
    keys = {info.alias or name for section in sections for name, info in section.model_fields.items()}
    assert keys - words == set()
    assert {*get_args(schema.Kind), *get_args(schema.What)} <= words
