"""A report as XARF version 4 (https://xarf.org): a JSON document for each thing that was reported.

The desk itself stands as reporter and sender. Who reported it to us is not said: nobody asked him.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from abuse.models import Report, ReportItem
from abuse.parsers.taxonomy import xarf_type_of_category

from .base import Attachment
from .texts.reporters_identity import shown

VERSION = "4.2.0"
MAX_DOCUMENTS = 50
MAX_EVIDENCE = 100_000
"""Characters."""
_NAMESPACE = uuid.UUID("5b0f7f3c-0a34-4f7e-9d5c-6c1f0b6f5a11")


def xarf_files(report: Report, items: Sequence[ReportItem], evidence: str, *, domain: str) -> list[Attachment]:
    """The first 50 things as files `xarf-1.json` …; the same report always gives the same.

    :param evidence: what shows the abuse, without who reported it.
    :param domain: ours; its `abuse@` is where answers go.
    """
    group, _, kind = (report.xarf_type or xarf_type_of_category(report.category_id)).partition("-")
    desk = {"org": domain, "contact": f"abuse@{domain}", "domain": domain}
    shared: dict[str, Any] = {"xarf_version": VERSION, "reporter": desk, "sender": desk}
    shared |= {"category": group, "type": kind}
    proof = evidence[:MAX_EVIDENCE].encode("utf-8", "replace")
    if proof:
        shared["evidence"] = [
            {"content_type": "text/plain", "description": "What was reported to us", "size": len(proof),
             "payload": base64.b64encode(proof).decode()}
        ]  # fmt: skip
    return [
        Attachment(
            f"xarf-{number}.json",
            "application/json",
            json.dumps({**shared, **_about(report, item)}, ensure_ascii=False, indent=1).encode("utf-8", "replace"),
        )
        for number, item in enumerate(items[:MAX_DOCUMENTS], start=1)
    ]


def _about(report: Report, item: ReportItem) -> dict[str, Any]:
    seen_at, value = item.seen_at or report.received_date, shown(item, report.category_id)
    fields: dict[str, Any] = {
        "report_id": str(uuid.uuid5(_NAMESPACE, f"{report.pk}:{item.pk}")),
        "timestamp": _moment(seen_at),
        "source_identifier": value,
    }
    if item.item_type == ReportItem.Type.URL:
        fields |= {"source_identifier": urlsplit(value).hostname or value, "url": value}
    elif item.port is not None:
        fields["source_port"] = item.port
    if item.protocol:
        fields["protocol"] = item.protocol
    if item.seen_at is not None:
        fields |= {"first_seen": _moment(item.seen_at), "last_seen": _moment(item.seen_at)}
    return fields


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
