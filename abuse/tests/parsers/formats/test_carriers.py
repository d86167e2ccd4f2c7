"""Where documents are found, and how much of them is read."""

from __future__ import annotations

import json
import time

import pytest

from abuse.parsers import Limits, MailKind

from ..samples import mail, multipart, read, values
from .test_acns import NOTICE


def test_many_documents_are_bounded_together() -> None:
    big = "<feedback>" + "<a/>" * 60_000 + "</feedback>"
    raw = multipart(*[f"Content-Type: text/xml\n\n{big}" for _ in range(30)], subject="Malware on 192.0.2.1")
    start = time.process_time()
    parsed = read(raw)
    assert time.process_time() - start < 3
    assert any("elements of XML are read" in defect for defect in parsed.defects)


def test_broken_documents_are_bounded_together() -> None:
    big = "<feedback>" + "<a/>" * 60_000 + "</wrong>"
    raw = multipart(*[f"Content-Type: text/xml\n\n{big}" for _ in range(30)], subject="Malware on 192.0.2.1")
    start = time.process_time()
    assert read(raw).kind is MailKind.ABUSE_REPORT
    assert time.process_time() - start < 5


def test_what_is_too_large_is_said() -> None:
    limits = Limits(max_document_bytes=len(NOTICE) + 10)
    parts = [f"Content-Type: text/xml\n\n{NOTICE.replace('198.51.100.9', f'198.51.100.{n}')}" for n in (1, 2)]
    parsed = read(multipart(*parts), limits=limits)
    assert values(parsed) == ["198.51.100.1"]
    assert any("too large together" in defect for defect in parsed.defects)


@pytest.mark.parametrize("content", ['{"type": "bundle", ' * 3000, '{"type": "bundle", "objects": ' + "[" * 100_000])
def test_hostile_json(content: str) -> None:
    parsed = read(
        multipart(
            "Content-Type: text/plain\n\nMalware on 192.0.2.1\n",
            f'Content-Type: application/json; name="x.stix"\n\n{content}',
        )
    )
    assert values(parsed) == ["192.0.2.1"]
    assert any("JSON" in defect for defect in parsed.defects)


def test_an_object_of_another_kind_is_no_report() -> None:
    raw = mail(json.dumps({"type": "bundle", "objects": "none", "policies": []}), subject="Malware on 192.0.2.1")
    assert values(read(raw)) == ["192.0.2.1"]
