"""DMARC aggregate reports (RFC 7489, RFC 9990): statistics on mail in the name of our domains, and no complaint."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import re2

from .. import hosts
from ..context import ParserContext
from ..message import Message
from ..values import MailKind
from . import building
from .carriers import Document
from .finding import Finding
from .xmltree import Element

ROOT = "feedback"
MAX_NAMED = 5
"""Addresses named in the reason; all stand in the attached document."""

_SUBJECT = re2.compile(
    r"(?i)^(?:(?:fwd?|re): *)?(?:\[[^\]]{1,40}\] *)?(?:dmarc[ -]+(?:aggregate[ -]+)?)?"
    r"report[ -]+domain[:;]? *\S.*submitter[:;]?"
)
# receiver!domain!begin!end[!unique].xml, RFC 7489 section 7.2.1.1
_FILE_NAME = re2.compile(
    r"(?i)^[^!]{0,253}![^!]{1,253}!\d{9,11}!\d{9,11}(?:![^!]{1,100})?\.(?:xml|xml\.gz|zip|gz|xml\.zip)$"
)


def read(document: Document, context: ParserContext) -> Finding | None:
    """The aggregate report in a document; None when the document is none. It accuses nobody: there are no items."""
    report = document.xml
    if report is None or report.name != ROOT:
        return None
    if report.first("report_metadata") is None and report.first("record") is None:
        return None
    return _finding(
        f"{document.place} is a DMARC aggregate report{_about(report)}: {_counts(report, context)}",
        report.value("report_metadata", "report_id"),
    )


def by_name(message: Message, context: ParserContext) -> Finding | None:
    """A report whose document could not be read, by the names that senders must give mail and file."""
    for part in message.files:
        if _FILE_NAME.search(part.filename.rpartition("/")[2][:600]):
            return _finding(f"part {part.path} has the name of a DMARC aggregate report, but cannot be read as one", "")
    if _SUBJECT.search(message.subject[:500]) and message.files:
        return _finding("the subject is that of a DMARC aggregate report, but no document can be read as one", "")
    return None


def _finding(reason: str, reference: str) -> Finding:
    return Finding("dmarc-aggregate", MailKind.DMARC_AGGREGATE, reason, reporter_reference=reference[:200] or None)


def _about(report: Element) -> str:
    organisation = report.value("report_metadata", "org_name")[:100]
    domain = report.value("policy_published", "domain")[:100]
    begin, end = (_moment(report.value("report_metadata", "date_range", name)) for name in ("begin", "end"))
    words = f" of {organisation}" if organisation else ""
    words += f" on {domain}" if domain else ""
    return words + (f" from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC" if begin and end else "")


def _moment(text: str) -> datetime | None:
    seconds = text.partition(".")[0]
    if not seconds.isascii() or not seconds.isdecimal() or len(seconds) > 10:
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def _counts(report: Element, context: ParserContext) -> str:
    """How many messages from how many addresses passed, and which addresses failed most."""
    messages = 0
    sources: set[str] = set()
    failed: Counter[str] = Counter()
    for record in report.all("record"):
        address = hosts.ip(record.value("row", "source_ip")) or "unknown"
        times = building.count(record.value("row", "count")) or 1
        messages += times
        sources.add(address)
        results = [record.value("row", "policy_evaluated", name).lower() for name in ("dkim", "spf")]
        if "pass" not in results:
            failed[address] += times
    summary = f"messages: {messages}, addresses: {len(sources)}"
    if not failed:
        return f"{summary}, all aligned"
    named = ", ".join(address for address, _ in failed.most_common(MAX_NAMED))
    return f"{summary}, not aligned: {failed.total()}, from {named}{' …' if len(failed) > MAX_NAMED else ''}"
