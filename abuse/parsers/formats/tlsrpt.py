"""SMTP TLS reports (RFC 8460): statistics on deliveries to our mail servers, and no complaint."""

from __future__ import annotations

from typing import Any

from .. import charset
from ..context import ParserContext
from ..values import MailKind
from . import building
from .carriers import Document
from .finding import Finding


def read(document: Document, context: ParserContext) -> Finding | None:
    """The TLS report in a document; None when the document is none. It accuses nobody: there are no items."""
    report = document.json
    if report is None or "policies" not in report or not {"organization-name", "report-id"} & report.keys():
        return None
    succeeded, failed = _counts(report["policies"])
    organisation = charset.clean(str(report.get("organization-name", "")))[:100]
    return Finding(
        template="tls-report",
        kind=MailKind.INFORMATION,
        kind_reason=f"{document.place} is a TLS report{f' of {organisation}' if organisation else ''}: "
        f"sessions that succeeded: {succeeded}, that failed: {failed}",
        reporter_reference=charset.clean(str(report.get("report-id", "")))[:200] or None,
    )


def _counts(policies: Any) -> tuple[int, int]:
    succeeded = failed = 0
    for policy in policies if isinstance(policies, list) else []:
        summary = policy.get("summary") if isinstance(policy, dict) else None
        if isinstance(summary, dict):
            succeeded += building.count(summary.get("total-successful-session-count")) or 0
            failed += building.count(summary.get("total-failure-session-count")) or 0
    return succeeded, failed
