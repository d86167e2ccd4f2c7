"""What bulk mail services send instead of a mail: notifications of bounces and complaints in JSON (Amazon SES)."""

from __future__ import annotations

from typing import Any

from .. import dates
from ..context import ParserContext
from ..values import ItemKind, MailKind
from . import building
from .arf import offence_of_type
from .carriers import Document
from .finding import Finding


def read(document: Document, context: ParserContext) -> Finding | None:
    """A notification about a mail sent by the service: a complaint is a feedback report, a bounce is a bounce."""
    content = document.json
    if content is None or not isinstance(content.get("mail"), dict):
        return None
    match str(content.get("notificationType") or content.get("eventType")).lower():
        case "complaint":
            return _complaint(content, document.place, context)
        case "bounce" | "deliverydelay" | "reject":
            return Finding("ses", MailKind.BOUNCE, f"{document.place} is a mail service's notification of a bounce")
        case "delivery" | "send" | "open" | "click":
            return Finding("ses", MailKind.INFORMATION, f"{document.place} is a mail service's notification")
    return None


def _complaint(content: dict[str, Any], place: str, context: ParserContext) -> Finding:
    mail = content["mail"]
    complaint = content.get("complaint")
    complaint = complaint if isinstance(complaint, dict) else {}
    type_ = str(complaint.get("complaintFeedbackType") or "abuse").lower()[:40]
    seen_at, _ = dates.parse(str(complaint.get("arrivalDate") or complaint.get("timestamp") or ""), context.tzdefault)
    source = building.item(
        mail.get("sourceIp"), f"{place} mail.sourceIp", context, seen_at=seen_at, kinds=(ItemKind.IP,)
    )
    offence = offence_of_type(type_)
    return Finding(
        template="ses",
        kind=MailKind.FEEDBACK_REPORT,
        kind_reason=f"{place} is a mail service's notification of a complaint of type {type_!r}",
        items=building.unique([source], 1),
        category=offence.category if offence else "Other",
        category_reason=f"complaintFeedbackType is {type_!r}",
        reporter_reference=str(complaint.get("feedbackId") or "")[:200] or None,
        xarf_type=offence.xarf_type if offence else None,
        rsit_class=offence.rsit_class if offence else None,
    )
