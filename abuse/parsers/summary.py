"""A parsed mail as plain JSON values, for the command line and for comparing parsers."""

from __future__ import annotations

from typing import Any

from .feeds.layout import Feed, Role
from .values import ParsedEmail, ParsedItem


def to_json(parsed: ParsedEmail) -> dict[str, Any]:
    """All of `parsed` but headers, body and the contents of attachments, in types that `json.dumps` takes."""
    return {
        "kind": parsed.kind.value,
        "kind_reason": parsed.kind_reason,
        "category": parsed.category,
        "category_reason": parsed.category_reason,
        "provider": parsed.provider,
        "recipients": list(parsed.recipients),
        "subject": parsed.subject,
        "date": parsed.date.isoformat() if parsed.date else None,
        "message_id": parsed.message_id,
        "template": parsed.template,
        "reporter_reference": parsed.reporter_reference,
        "xarf_type": parsed.xarf_type,
        "rsit_class": parsed.rsit_class,
        "ips": parsed.ips,
        "urls": parsed.urls,
        "fqdns": parsed.fqdn,
        "items": [_item(item) for item in parsed.items],
        "attachments": [
            {"filename": file.filename, "content_type": file.content_type, "size": len(file.content)}
            for file in parsed.attachments
        ],
        "feed": _feed(parsed.feed) if parsed.feed else None,
        "defects": list(parsed.defects),
    }


def _feed(feed: Feed) -> dict[str, Any]:
    return {
        "name": feed.name,
        "is_whole": feed.is_whole,
        "unknown_columns": list(feed.unknown_columns),
        "tables": [
            {
                "place": table.place,
                "form": table.layout.form.value,
                "report_type": table.report_type.name if table.report_type else None,
                "columns": {
                    name: role.value
                    for name, role in zip(table.layout.columns, table.layout.roles, strict=False)
                    if role is not Role.KNOWN
                },
            }
            for table in feed.tables
        ],
    }


def _item(item: ParsedItem) -> dict[str, Any]:
    return {
        "kind": item.kind.value,
        "value": item.value,
        "raw": item.raw,
        "place": item.place,
        "port": item.port,
        "protocol": item.protocol,
        "seen_at": item.seen_at.isoformat() if item.seen_at else None,
        "category": item.category,
        "times": item.times,
        "confidence": item.confidence,
    }
