"""The templates that come with Cerberus: each is well, has samples, and reads them as it should."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

import pytest

from abuse.parsers import ItemKind, ParsedEmail, ParserContext, parse
from abuse.parsers.templating import check, load, shipped
from abuse.parsers.templating.load import SHIPPED

SAMPLES = sorted(SHIPPED.glob("samples/*/*.eml"))
CONTEXT = ParserContext(templates=load(None)[0])
DOCUMENTATION = [
    ipaddress.ip_network(block)
    for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "10.0.0.0/8")
]


def read(raw: bytes) -> ParsedEmail:
    return parse(raw, CONTEXT)


def test_all_are_well() -> None:
    assert [str(fault) for fault in shipped().faults] == []
    assert len(shipped().templates) >= 6


@pytest.mark.parametrize("name", [one.name for one in shipped().templates])
def test_each_has_samples_and_a_home(name: str) -> None:
    assert check.samples(SHIPPED, name), "expected samples/<name>/<any>.eml"
    assert CONTEXT.templates is not None
    assert CONTEXT.templates.by_name[name].spec.home


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_samples(path: Path) -> None:
    assert check.run(path, path.parent.name, read).differences == ()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_samples_name_only_documentation_addresses(path: Path) -> None:
    for item in parse(path.read_bytes(), CONTEXT).items:
        if item.kind in (ItemKind.IP, ItemKind.CIDR):
            network = ipaddress.ip_network(item.value)
            assert any(network.version == one.version and network.subnet_of(one) for one in DOCUMENTATION), item.value  # type: ignore[arg-type]


def test_no_sample_is_left_without_template() -> None:
    names = {one.name for one in shipped().templates}
    assert {path.name for path in (SHIPPED / "samples").iterdir()} == names
    for path in SHIPPED.glob("samples/*/*.expected.json"):
        assert path.with_name(path.name.removesuffix(check.EXPECTED_SUFFIX) + ".eml").exists(), path


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"ips": ["192.0.2.15"], "urls": ["http://bank.example.org/secure/index.html"]}, []),
        ({"ips": [], "urls": ["http://bank.example.org/secure/index.html"]}, ["ips: not expected 192.0.2.15"]),
        ({"urls": ["http://bank.example.org/secure/index.html"]}, ["ips: not expected 192.0.2.15"]),
        ({"ips": ["192.0.2.15", "192.0.2.16"], "urls": ["http://bank.example.org/secure/index.html"]},
         ["ips: missing 192.0.2.16"]),
        ({"ips": ["192.0.2.15"], "urls": ["http://bank.example.org/secure/index.html"], "kind": "feed"},
         ["kind: 'abuse_report'; expected 'feed'"]),
        ({"ips": ["192.0.2.15"], "urls": ["http://bank.example.org/secure/index.html"], "template": "x-arf"},
         ["template: 'netcraft'; expected 'x-arf'"]),
        ({"ips": ["192.0.2.15"], "urls": ["http://bank.example.org/secure/index.html"], "times": ["2025-01-01T00:00Z"]},
         ["times: missing 2025-01-01T00:00:00Z"]),
        ({"ip": []}, ["one.expected.json: unknown key ip; expected some of template, kind"]),
        ([], ["one.expected.json holds a list; expected an object"]),
        (None, ["has no one.expected.json; expected what must be read in it"]),
    ],
)  # fmt: skip
def test_differences_are_said(tmp_path: Path, expected: object, said: list[str]) -> None:
    mail = tmp_path / "one.eml"
    mail.write_bytes((SHIPPED / "samples/netcraft/phishing.eml").read_bytes())
    if expected is not None:
        check.expectation_of(mail).write_text(json.dumps(expected))
    differences = check.run(mail, "netcraft", read).differences
    assert len(differences) == len(said), differences
    for difference, start in zip(differences, said, strict=True):
        assert difference.startswith(start)


def test_a_missing_expectation_is_written_and_holds(tmp_path: Path) -> None:
    mail = tmp_path / "one.eml"
    mail.write_bytes((SHIPPED / "samples/cleanmx/table.eml").read_bytes())
    assert check.write_missing(mail, read) == tmp_path / "one.expected.json"
    assert check.run(mail, "cleanmx", read).differences == ()
    assert check.write_missing(mail, read) is None, "what is there is never overwritten"
