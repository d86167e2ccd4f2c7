"""Machine-readable reports beat the text around them."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, ClassVar

import pytest

from abuse.parsers import ItemKind, MailKind, ParsedEmail

from .samples import mail, multipart, read, values

FOOTER = (
    "Content-Type: text/plain\n\nSee https://reporter.example.com/faq and http://192.0.2.200/help for 203.0.113.200.\n"
)
SPAM = (
    "Content-Type: message/rfc822\n\n"
    "Received: from mx1.victim.example.com (localhost [127.0.0.1]) by store; Mon, 3 Mar 2025 17:02:12 +0000\n"
    "Received: from out.bulk.example.org (out.bulk.example.org [198.51.100.150])\n"
    "\tby mx.victim.example.com with ESMTP id 1; Mon, 3 Mar 2025 17:02:11 +0000\n"
    "Received: from forged (forged [203.0.113.99]) by out.bulk.example.org; Mon, 3 Mar 2025 17:00:00 +0000\n"
    "From: offers@bulk.example.org\nDate: Mon, 3 Mar 2025 18:02:10 +0100\n\nBuy http://land.bulk.example.org/\n"
)


def arf(
    fields: str, *, label: str = "message/feedback-report", original: str = SPAM, report_type: bool = True
) -> bytes:
    raw = multipart(FOOTER, f"Content-Type: {label}\n\n{fields}", original, subtype="report")
    return raw.replace(b"multipart/report;", b"multipart/report; report-type=feedback-report;") if report_type else raw


class TestARF:
    FIELDS = (
        "Feedback-Type: abuse\nUser-Agent: X/1\nVersion: 1\nSource-IP: 192.0.2.25\nSource-Port: 40025\n"
        "Arrival-Date: Mon, 3 Mar 2025 14:00:00 -0500\nReported-Domain: bulk.example.org\n"
        "Reported-URI: http://land.bulk.example.org/?id=9\nReported-URI: mailto:offers@bulk.example.org\nIncidents: 3\n"
    )

    def test_items_come_from_the_report_part_alone(self) -> None:
        parsed = read(arf(self.FIELDS))
        assert [(i.kind, i.value, i.port) for i in parsed.items] == [
            (ItemKind.IP, "192.0.2.25", 40025),
            (ItemKind.URL, "http://land.bulk.example.org/?id=9", None),
            (ItemKind.FQDN, "bulk.example.org", None),
        ]
        assert {i.seen_at for i in parsed.items} == {datetime(2025, 3, 3, 19, tzinfo=UTC)}
        assert parsed.items[0].place == "part 2 Source-IP"
        assert (parsed.kind, parsed.category, parsed.template) == (MailKind.FEEDBACK_REPORT, "Spam", "feedback-report")

    @pytest.mark.parametrize(
        "label", ["text/plain", "application/octet-stream; name=report.txt", "text/rfc822-headers"]
    )
    def test_a_mislabelled_report_part_is_recognised(self, label: str) -> None:
        parsed = read(arf(self.FIELDS, label=label, report_type=False))
        assert values(parsed, ItemKind.IP) == ["192.0.2.25"]
        assert parsed.kind is MailKind.FEEDBACK_REPORT

    def test_ipv6_source(self) -> None:
        assert values(read(arf("Feedback-Type: abuse\nSource-IP: 2001:DB8::25\n"))) == ["2001:db8::25"]

    def test_without_source_the_hop_that_reached_the_receiver_counts(self) -> None:
        parsed = read(arf("Feedback-Type: abuse\nUser-Agent: X\nVersion: 1\n"))
        assert values(parsed) == ["198.51.100.150"]
        assert parsed.items[0].place == "message 3.1 Received"

    def test_without_any_source_there_is_no_item_rather_than_a_footer_link(self) -> None:
        original = "Content-Type: text/rfc822-headers\n\nFrom: x@example.org\n"
        assert read(arf("Feedback-Type: abuse\nVersion: 1\n", original=original)).items == ()

    def test_x_originating_ip_serves_when_no_hop_does(self) -> None:
        original = "Content-Type: text/rfc822-headers\n\nX-Originating-IP: [198.51.100.77]\n"
        assert values(read(arf("Feedback-Type: abuse\nVersion: 1\n", original=original))) == ["198.51.100.77"]

    @pytest.mark.parametrize(
        ("feedback_type", "category"),
        [("fraud", "Phishing"), ("virus", "Malware"), ("not-spam", "Other"), ("x-wibble", "Other"), ("ABUSE", "Spam")],
    )
    def test_categories(self, feedback_type: str, category: str) -> None:
        parsed = read(arf(f"Feedback-Type: {feedback_type}\nSource-IP: 192.0.2.1\n"))
        assert (parsed.category, parsed.kind) == (category, MailKind.FEEDBACK_REPORT)

    def test_authentication_failures_have_a_kind_of_their_own(self) -> None:
        parsed = read(arf("Feedback-Type: auth-failure\nAuth-Failure: dkim\nSource-IP: 192.0.2.1\n"))
        assert parsed.kind is MailKind.AUTH_FAILURE_REPORT

    def test_a_private_source_is_kept_unless_its_network_is_ignored(self) -> None:
        raw = arf("Feedback-Type: abuse\nSource-IP: 10.1.2.3\n")
        assert values(read(raw)) == ["10.1.2.3"]
        assert "10.1.2.3" not in values(read(raw, networks_to_ignore=(ip_network("10.0.0.0/8"),)))

    def test_junk_mail_reporting_by_subject(self) -> None:
        parsed = read(multipart(SPAM, subject="complaint about message from 192.0.2.31"))
        assert (parsed.kind, parsed.template, values(parsed)) == (MailKind.FEEDBACK_REPORT, "jmrp", ["192.0.2.31"])


class TestXARFMail:
    YAML = (
        "---\nReported-From: soc@victim.example.com\nCategory: abuse\nReport-Type: login-attack\nService: ssh\n"
        "Version: 0.2\n"
        "Date: Mon,  3 Mar 2025 22:32:19 +0200\nSource-Type: ipv4\nSource: 203.0.113.77\nPort: 22\n"
        "Report-ID: 103499@victim.example.com\nSchema-URL: http://www.x-arf.org/schema/abuse_login-attack_0.1.2.json\n"
    )

    def report(self, yaml: str, head: str = 'Content-Type: text/plain; name="report.txt"') -> ParsedEmail:
        return read(multipart(FOOTER, f"{head}\n\n{yaml}", extra="Auto-Submitted: auto-generated\nX-XARF: PLAIN\n"))

    def test_the_yaml_part_is_the_report(self) -> None:
        parsed = self.report(self.YAML)
        (item,) = parsed.items
        assert (item.kind, item.value, item.protocol) == (ItemKind.IP, "203.0.113.77", "ssh")
        assert item.port is None, "the attacked port is not the source's"
        assert item.seen_at == datetime(2025, 3, 3, 20, 32, 19, tzinfo=UTC)
        assert (parsed.kind, parsed.category, parsed.template) == (MailKind.ABUSE_REPORT, "Intrusion", "x-arf")
        assert parsed.reporter_reference == "103499@victim.example.com"

    def test_a_url_as_source_has_its_port_and_domain(self) -> None:
        yaml = (
            "Reported-From: a@example.com\nCategory: fraud\nReport-Type: phishing\nSource-Type: uri\n"
            "Source: http://bad.example.org/login.html\nDomain: bad.example.org\nPort: 80\n"
        )
        parsed = self.report(yaml)
        assert [(i.kind, i.value, i.port) for i in parsed.items] == [
            (ItemKind.URL, "http://bad.example.org/login.html", 80),
            (ItemKind.FQDN, "bad.example.org", None),
        ]
        assert parsed.category == "Phishing"

    @pytest.mark.parametrize(
        "head", ["Content-Type: text/plain", "Content-Type: application/x-yaml", "Content-Type: text/yaml"]
    )
    def test_whatever_the_label(self, head: str) -> None:
        assert values(self.report(self.YAML, head)) == ["203.0.113.77"]

    def test_broken_yaml_is_read_line_by_line(self) -> None:
        parsed = self.report(self.YAML + "\tUser-Agent: : [broken\n")
        assert values(parsed) == ["203.0.113.77"]
        assert "The X-ARF part is no valid YAML; it is read line by line." in parsed.defects

    def test_several_documents_give_all_sources(self) -> None:
        assert values(self.report(self.YAML + self.YAML.replace(".77", ".78"))) == ["203.0.113.77", "203.0.113.78"]

    def test_tags_and_aliases_construct_nothing(self) -> None:
        hostile = self.YAML + "x: !!python/object/apply:os.system ['exit 1']\ny: &a [1]\nz: *a\n"
        assert values(self.report(hostile)) == ["203.0.113.77"]

    def test_a_masked_source_is_no_item_and_no_footer_link_takes_its_place(self) -> None:
        assert self.report(self.YAML.replace("203.0.113.77", "203.0.113.xxx")).items == ()


class TestXARFJSON:
    V3: ClassVar[dict[str, Any]] = {
        "Version": "3",
        "ReporterInfo": {"ReporterOrg": "X", "ReporterOrgEmail": "x@reporter.example.com"},
        "Report": {
            "ReportClass": "Content",
            "ReportType": "Phishing",
            "Date": "2025-03-04T07:00:00Z",
            "SourceIp": "192.0.2.55",
            "SourcePort": 54321,
            "SourceUrl": "http://bad.example.org/login",
            "DestinationIp": "198.51.100.33",
            "ReporterCaseID": "C-17",
        },
    }
    V4: ClassVar[dict[str, Any]] = {
        "xarf_version": "4.2.0",
        "report_id": "f4a82ca4-28fb-4f09-a29c-0fe0706ac974",
        "timestamp": "2025-03-04T07:00:00Z",
        "reporter": {"org": "X", "contact": "x@reporter.example.com", "domain": "reporter.example.com"},
        "source_identifier": "2001:db8::55",
        "source_port": 45621,
        "category": "connection",
        "type": "login_attack",
        "protocol": "tcp",
        "destination_ip": "198.51.100.33",
    }

    def test_version_3(self) -> None:
        encoded = b64encode(json.dumps(self.V3).encode()).decode()
        part = f"Content-Type: application/json; name=xarf.json\nContent-Transfer-Encoding: base64\n\n{encoded}"
        parsed = read(
            multipart(FOOTER, "Content-Type: message/feedback-report\n\nFeedback-Type: xarf\nVersion: 3\n", part)
        )
        assert [(i.kind, i.value, i.port) for i in parsed.items] == [
            (ItemKind.IP, "192.0.2.55", 54321),
            (ItemKind.URL, "http://bad.example.org/login", None),
        ]
        assert (parsed.kind, parsed.category, parsed.template) == (MailKind.ABUSE_REPORT, "Phishing", "xarf-3")
        assert parsed.reporter_reference == "C-17"

    def test_version_4_as_the_bare_body(self) -> None:
        parsed = read(mail(json.dumps(self.V4)))
        (item,) = parsed.items
        assert (item.value, item.port, item.protocol) == ("2001:db8::55", 45621, "tcp")
        assert item.seen_at == datetime(2025, 3, 4, 7, tzinfo=UTC)
        assert (parsed.category, parsed.template) == ("Intrusion", "xarf-4")

    @pytest.mark.parametrize("prefix", ["", "\ufeff", "\n\n  "])
    def test_a_file_without_any_mail_around(self, prefix: str) -> None:
        assert values(read((prefix + json.dumps(self.V4, indent=1)).encode())) == ["2001:db8::55"]

    def test_a_list_of_reports(self) -> None:
        other = {**self.V4, "source_identifier": "bad.example.org"}
        assert values(read(json.dumps([self.V4, other, 7]).encode())) == ["2001:db8::55", "bad.example.org"]

    @pytest.mark.parametrize(
        ("type_", "category"),
        [
            ("spam", "Spam"),
            ("ddos", "Network Attack"),
            ("csam", "Illegal"),
            ("p2p", "Copyright"),
            ("botnet", "Malware"),
            ("cve", "Other"),
        ],
    )
    def test_categories(self, type_: str, category: str) -> None:
        assert read(json.dumps({**self.V4, "category": "x", "type": type_}).encode()).category == category

    @pytest.mark.parametrize(
        "change",
        [
            {"SourceIp": 7},
            {"SourceIp": ["192.0.2.1"]},
            {"SourceIp": "x" * 100_000},
            {"SourcePort": "PORT"},
            {"Date": {}},
        ],
    )
    def test_wrong_types_lose_the_field_and_nothing_else(self, change: dict[str, Any]) -> None:
        document = {**self.V3, "Report": {**self.V3["Report"], **change}}
        assert "http://bad.example.org/login" in values(read(json.dumps(document).encode()))

    def test_broken_json_falls_back_to_the_text(self) -> None:
        parsed = read(mail('{"xarf_version": "4", "source_identifier": "192.0.2.9", '))
        assert values(parsed) == ["192.0.2.9"]
        assert "Part 0 is no valid JSON." in parsed.defects

    def test_nul_and_surrogates_do_not_come_through(self) -> None:
        document = {**self.V4, "report_id": "a\u0000b\ud800"}
        reference = read(json.dumps(document).encode()).reporter_reference
        assert reference is not None
        assert "\0" not in reference
        reference.encode("utf-8")
