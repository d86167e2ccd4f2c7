"""STIX bundles and MISP events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

from abuse.parsers import ItemKind, MailKind, ParsedEmail

from ..samples import multipart, read, values


def attached(document: dict[str, Any], words: str = "Indicators attached.") -> ParsedEmail:
    return read(
        multipart(
            f"Content-Type: text/plain\n\n{words}\n",
            f'Content-Type: application/json; name="x.json"\n\n{json.dumps(document)}\n',
        )
    )


def bundle(*objects: dict[str, Any]) -> dict[str, Any]:
    return {"type": "bundle", "id": "bundle--1", "objects": list(objects)}


def indicator(pattern: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "indicator",
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": "2025-03-04T06:00:00Z",
        **fields,
    }


class TestSTIX:
    def test_patterns_of_indicators(self) -> None:
        sha256 = "ab" * 32
        parsed = attached(
            bundle(
                indicator("[ipv4-addr:value = '203.0.113.9']", confidence=80, indicator_types=["phishing"]),
                indicator("[ipv6-addr:value = '2001:DB8::9' OR domain-name:value = 'Bad.example.org']"),
                indicator("[url:value = 'http://bad.example.org/its']"),
                indicator(f"[file:hashes.'SHA-256' = '{sha256}']"),
                indicator("[ipv4-addr:value = '203.0.113.10']", revoked=True),
                indicator("alert tcp any", pattern_type="snort"),
                {"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "203.0.113.11"},
            )
        )
        assert [(item.kind, item.value) for item in parsed.items] == [
            (ItemKind.IP, "203.0.113.9"),
            (ItemKind.IP, "2001:db8::9"),
            (ItemKind.FQDN, "bad.example.org"),
            (ItemKind.URL, "http://bad.example.org/its"),
            (ItemKind.HASH, sha256),
        ]
        assert parsed.items[0].confidence == 0.8
        assert parsed.items[0].seen_at == datetime(2025, 3, 4, 6, tzinfo=UTC)
        assert (parsed.kind, parsed.template, parsed.category) == (MailKind.ABUSE_REPORT, "stix", "Phishing")
        assert (parsed.xarf_type, parsed.rsit_class, parsed.reporter_reference) == (
            "content-phishing",
            "fraud",
            "bundle--1",
        )

    def test_observations_of_both_versions(self) -> None:
        parsed = attached(
            bundle(
                {
                    "type": "observed-data",
                    "last_observed": "2025-03-04T07:00:00Z",
                    "number_observed": 12,
                    "objects": {"0": {"type": "ipv4-addr", "value": "203.0.113.1"}},
                },
                {"type": "observed-data", "number_observed": 3, "object_refs": ["url--1"]},
                {"type": "url", "id": "url--1", "value": "http://bad.example.org/"},
                {"type": "url", "id": "url--2", "value": "http://unseen.example.org/"},
            )
        )
        assert [(item.value, item.times) for item in parsed.items] == [
            ("203.0.113.1", 12),
            ("http://bad.example.org/", 3),
        ]

    def test_observables_alone(self) -> None:
        assert values(attached(bundle({"type": "domain-name", "value": "bad.example.org"}))) == ["bad.example.org"]

    def test_the_mail_says_the_category_that_the_bundle_does_not(self) -> None:
        parsed = attached(bundle(indicator("[ipv4-addr:value = '203.0.113.9']")), "Malware seen.")
        assert parsed.category == "Malware"

    def test_half_a_character_harms_nothing(self) -> None:
        parsed = attached(
            bundle(indicator("[domain-name:value = '\ud800.example.org' OR ipv4-addr:value = '192.0.2.3']"))
        )
        assert values(parsed) == ["192.0.2.3"]


class TestMISP:
    EVENT: ClassVar[dict[str, Any]] = {
        "Event": {
            "uuid": "5fa0-77",
            "info": "Campaign",
            "Tag": [{"name": "tlp:white"}, {"name": 'rsit:fraud="phishing"'}],
            "Attribute": [
                {"type": "ip-src|port", "value": "203.0.113.4|8080", "to_ids": True, "timestamp": "1741068000"},
                {"type": "url", "value": "http://bad.example.org/x", "to_ids": True},
                {"type": "domain", "value": "context.example.org", "to_ids": False},
                {"type": "comment", "value": "203.0.113.5", "to_ids": True},
                {"type": "ip-dst", "value": "203.0.113.6", "to_ids": True, "deleted": True},
            ],
            "Object": [{"Attribute": [{"type": "sha1", "value": "ab" * 20, "to_ids": True}]}],
        }
    }

    def test_what_is_to_be_acted_on(self) -> None:
        parsed = attached(self.EVENT)
        assert [(item.kind, item.value, item.port) for item in parsed.items] == [
            (ItemKind.IP, "203.0.113.4", 8080),
            (ItemKind.URL, "http://bad.example.org/x", None),
            (ItemKind.HASH, "ab" * 20, None),
        ]
        assert parsed.items[0].seen_at == datetime(2025, 3, 4, 6, tzinfo=UTC)
        assert (parsed.template, parsed.category, parsed.reporter_reference) == ("misp", "Phishing", "5fa0-77")

    def test_an_event_that_marks_nothing_means_all(self) -> None:
        event = {"Event": {"Attribute": [{"type": "domain", "value": "bad.example.org", "to_ids": False}]}}
        assert values(attached(event)) == ["bad.example.org"]
