"""DMARC aggregate and TLS reports: statistics that accuse nobody."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from base64 import b64encode

import pytest

from abuse.parsers import MailKind

from ..samples import mail, multipart, read

NAME = "reporter.example.com!isp.example.net!1741046400!1741132799.xml"
REPORT = b"""<?xml version="1.0" encoding="UTF-8" ?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
 <report_metadata><org_name>Reporter</org_name><report_id>77</report_id>
  <date_range><begin>1741046400</begin><end>1741132799</end></date_range></report_metadata>
 <policy_published><domain>isp.example.net</domain><p>reject</p></policy_published>
 <record><row><source_ip>192.0.2.1</source_ip><count>40</count>
  <policy_evaluated><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row></record>
 <record><row><source_ip>192.0.2.2</source_ip><count>2</count>
  <policy_evaluated><dkim>fail</dkim><spf>Fail</spf></policy_evaluated></row></record>
</feedback>
"""


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(NAME, content)
    return buffer.getvalue()


def with_file(content: bytes, content_type: str, name: str) -> bytes:
    return multipart(
        "Content-Type: text/plain\n\nA report on malware and 203.0.113.9.\n",
        f'Content-Type: {content_type}; name="{name}"\nContent-Transfer-Encoding: base64\n\n'
        f"{b64encode(content).decode()}\n",
        subject="Report domain: isp.example.net Submitter: reporter.example.com Report-ID: 77",
    )


@pytest.mark.parametrize(
    "raw",
    [
        with_file(REPORT, "text/xml", NAME),
        with_file(gzip.compress(REPORT), "application/gzip", NAME + ".gz"),
        with_file(zipped(REPORT), "application/zip", NAME.replace(".xml", ".zip")),
        with_file(gzip.compress(REPORT), "application/octet-stream", "noname"),
        REPORT,
        gzip.compress(REPORT),
    ],
    ids=["xml", "gzip", "zip", "octet-stream", "bare", "bare gzip"],
)
def test_a_dmarc_report_accuses_nobody(raw: bytes) -> None:
    parsed = read(raw)
    assert (parsed.kind, parsed.template) == (MailKind.DMARC_AGGREGATE, "dmarc-aggregate")
    assert parsed.items == ()
    assert parsed.category is None
    assert parsed.reporter_reference == "77"
    assert parsed.kind_reason.endswith(
        "of Reporter on isp.example.net from 2025-03-04 00:00 to 2025-03-04 23:59 UTC: messages: 42, addresses: 2, "
        "not aligned: 2, from 192.0.2.2"
    )


@pytest.mark.parametrize("content", [b"\x1f\x8bdamaged", REPORT[:300]])
def test_a_damaged_report_is_known_by_its_name(content: bytes) -> None:
    parsed = read(with_file(content, "application/gzip", NAME + ".gz"))
    assert (parsed.kind, parsed.items) == (MailKind.DMARC_AGGREGATE, ())
    assert "cannot be read" in parsed.kind_reason


def test_a_complaint_with_another_file_is_none() -> None:
    raw = with_file(b"<html><body>x</body></html>", "text/html", "x.html").replace(b"Report domain:", b"Malware on")
    assert read(raw).kind is MailKind.ABUSE_REPORT


def test_a_tls_report_is_information() -> None:
    report = {
        "organization-name": "Reporter",
        "report-id": "tls-1",
        "policies": [
            {"summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303}},
            {"summary": {"total-successful-session-count": 4, "total-failure-session-count": 0}},
        ],
    }
    packed = gzip.compress(json.dumps(report).encode())
    parsed = read(with_file(packed, "application/tlsrpt+gzip", "tls.json.gz").replace(b"Report domain:", b"TLS for"))
    assert (parsed.kind, parsed.template, parsed.items) == (MailKind.INFORMATION, "tls-report", ())
    assert parsed.kind_reason.endswith("of Reporter: sessions that succeeded: 5330, that failed: 303")
    assert parsed.reporter_reference == "tls-1"


@pytest.mark.parametrize(
    ("notification", "kind"),
    [("Complaint", MailKind.FEEDBACK_REPORT), ("Bounce", MailKind.BOUNCE), ("Delivery", MailKind.INFORMATION)],
)
def test_notifications_of_a_mail_service(notification: str, kind: MailKind) -> None:
    content = {
        "notificationType": notification,
        "complaint": {"complaintFeedbackType": "abuse", "timestamp": "2025-03-04T06:00:00.000Z", "feedbackId": "f-1"},
        "mail": {"sourceIp": "192.0.2.9", "source": "x@example.net"},
    }
    parsed = read(mail(json.dumps(content) + "\n\n--\nIf you wish to stop receiving notifications, click here\n"))
    assert parsed.kind is kind
    assert [item.value for item in parsed.items] == (["192.0.2.9"] if kind is MailKind.FEEDBACK_REPORT else [])
