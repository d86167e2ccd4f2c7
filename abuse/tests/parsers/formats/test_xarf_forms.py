"""XARF 4's types and times, and the BULK and SECURE forms of X-ARF 0.2."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest

from abuse.parsers import MailKind, ParsedEmail

from ..samples import mail, multipart, read, values

REPORT: dict[str, Any] = {
    "xarf_version": "4.2.0",
    "report_id": "r-1",
    "timestamp": "2025-03-04T07:00:00Z",
    "reporter": {"org": "X", "contact": "x@reporter.example.com"},
    "source_identifier": "192.0.2.1",
    "category": "connection",
    "type": "login_attack",
}


def xarf(**fields: Any) -> ParsedEmail:
    return read(mail(json.dumps({**REPORT, **fields})))


@pytest.mark.parametrize(
    ("group", "type_", "category", "xarf_type", "rsit_class"),
    [
        ("messaging", "spam", "Spam", "messaging-spam", "abusive-content"),
        ("connection", "port_scan", "Intrusion", "connection-port_scan", "information-gathering"),
        ("connection", "ddos", "Network Attack", "connection-ddos", "availability"),
        ("content", "csam", "Illegal", "content-csam", "abusive-content"),
        ("content", "exposed_data", "Other", "content-exposed_data", "information-content-security"),
        ("copyright", "ugc-platform", "Copyright", "copyright-ugc_platform", "fraud"),
        ("vulnerability", "cve", "Other", "vulnerability-cve", "vulnerable"),
        ("infrastructure", "botnet", "Malware", "infrastructure-botnet", "malicious-code"),
        ("reputation", "blocklist", "Spam", "reputation-blocklist", "other"),
        ("x_new", "gadget", "Other", "x_new-gadget", "other"),
        ("x new", "../etc", "Other", None, "other"),
    ],
)
def test_types(group: str, type_: str, category: str, xarf_type: str | None, rsit_class: str) -> None:
    parsed = xarf(category=group, type=type_)
    assert (parsed.category, parsed.xarf_type, parsed.rsit_class) == (category, xarf_type, rsit_class)


@pytest.mark.parametrize(
    ("fields", "moment"),
    [
        ({"first_seen": "2025-03-04T05:00:00Z", "last_seen": "2025-03-04T06:30:00Z"}, (6, 30)),
        ({"first_seen": "2025-03-04T05:00:00Z"}, (7, 0)),
        ({"timestamp": "soon", "first_seen": "2025-03-04T05:00:00Z"}, (5, 0)),
    ],
)
def test_of_several_times_the_last_counts(fields: dict[str, str], moment: tuple[int, int]) -> None:
    assert xarf(**fields).items[0].seen_at == datetime(2025, 3, 4, *moment, tzinfo=UTC)


def test_counts_and_confidence() -> None:
    (item,) = xarf(attempt_count=2847, confidence=0.9).items
    assert (item.times, item.confidence) == (2847, 0.9)
    assert xarf(confidence=7).items[0].confidence is None


def test_older_reports_are_of_a_type_of_version_4_too() -> None:
    old = {"Version": "3", "ReporterInfo": {}, "Report": {"ReportType": "Login-Attack", "SourceIp": "192.0.2.1"}}
    parsed = read(mail(json.dumps(old)))
    assert (parsed.xarf_type, parsed.rsit_class) == ("connection-login_attack", "intrusion-attempts")


YAML = (
    "Reported-From: soc@victim.example.com\nCategory: abuse\nReport-Type: login-attack\nVersion: 0.2\n"
    "Source-Type: ipv4\nSource: {source}\nDate: Mon, 3 Mar 2025 22:32:19 +0200\nReport-ID: {source}\n"
)


def packed(kind: str) -> bytes:
    buffer = io.BytesIO()
    files = {f"{number}.yml": YAML.format(source=f"203.0.113.{number}").encode() for number in (1, 2)}
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_bulk_reports_in_an_archive(kind: str) -> None:
    parsed = read(
        multipart(
            "Content-Type: text/plain\n\nReports attached.\n",
            f"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"
            f"{b64encode(packed(kind)).decode()}\n",
            extra="X-XARF: BULK\n",
        )
    )
    assert (parsed.template, values(parsed)) == ("x-arf", ["203.0.113.1", "203.0.113.2"])
    assert parsed.kind_reason.endswith("the first of 2")


def test_a_signed_report_is_read() -> None:
    parsed = read(
        multipart(
            f"Content-Type: text/plain; name=report.txt\n\n{YAML.format(source='203.0.113.9')}",
            "Content-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----\n",
            subtype="signed",
            extra="X-XARF: SECURE\n",
        )
    )
    assert (parsed.template, values(parsed)) == ("x-arf", ["203.0.113.9"])


def test_an_encrypted_report_is_said_to_be_one() -> None:
    parsed = read(
        multipart(
            "Content-Type: application/pgp-encrypted\n\nVersion: 1\n",
            "Content-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n",
            subtype="encrypted",
            extra="X-XARF: SECURE\n",
        )
    )
    assert (parsed.kind, parsed.template, parsed.items) == (MailKind.ABUSE_REPORT, "x-arf", ())
    assert "The X-ARF report is encrypted, so that nothing of it could be read." in parsed.defects
