"""For the OpenAPI document: what reports can be handed in as, besides the form as JSON."""

from __future__ import annotations

from typing import Any

_XARF = {
    "xarf_version": "4.2.0",
    "report_id": "550e8400-e29b-41d4-a716-446655440000",
    "timestamp": "2026-01-01T00:00:00Z",
    "reporter": {"org": "Example CERT", "contact": "soc@cert.example", "domain": "cert.example"},
    "source_identifier": "203.0.113.9",
    "category": "connection",
    "type": "login_attack",
}
_ARF = """--b\r
Content-Type: text/plain\r
\r
Spam from 203.0.113.9\r
--b\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: abuse\r
User-Agent: Example/1\r
Version: 1\r
Source-IP: 203.0.113.9\r
--b--\r
"""
_MAIL = "From: soc@cert.example\r\nTo: abuse@example.net\r\nSubject: Spam from 203.0.113.9\r\n\r\nHello\r\n"
_FORM = {
    "category": "Phishing",
    "items": "https://shop.example.net/login\n203.0.113.9",
    "description": "A copy of our login page.",
    "date": "1767225600",
    "reporter": "case 4711",
}
_FIELDS: dict[str, Any] = {
    "category": {"type": "string", "maxLength": 32},
    "items": {"type": "string", "description": "One a line; the field may also come several times."},
    "description": {"type": "string", "minLength": 1},
    "date": {"type": "string", "pattern": "^[0-9]{1,12}$", "description": "Seconds since 1970."},
    "reporter": {"type": "string", "maxLength": 255},
}
_NEEDED = ["category", "items", "description"]
_FILES = {"type": "array", "items": {"type": "string", "format": "binary"}, "description": "Under any name."}


def describe(document: dict[str, Any]) -> None:
    """Add the bodies to the document, each with an example."""
    text = {"type": "string", "format": "binary"}
    reports = {"title": "XARF", "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}
    form = {"type": "object", "required": _NEEDED, "properties": _FIELDS}
    with_files = {**form, "properties": {**_FIELDS, "attachments": _FILES}}
    document["paths"]["/api/submissions"]["post"]["requestBody"]["content"].update(
        {
            "application/xarf+json": {"schema": reports, "example": _XARF},
            "message/rfc822": {"schema": text, "example": _MAIL},
            "multipart/report": {"schema": text, "example": _ARF},
            "application/x-www-form-urlencoded": {"schema": form, "example": _FORM},
            "multipart/form-data": {"schema": with_files, "example": _FORM},
        }
    )
