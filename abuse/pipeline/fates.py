"""How a mail ends: the columns of its row that the work fills in, written for a whole batch at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from abuse.models import EmailState
from abuse.models.fields import clipped
from abuse.models.prepared import Statement

from .reading import ReadMail

_WRITE = Statement("""
UPDATE abuse_email AS email
SET state = fate.state, reason = fate.reason, error = '', claim = NULL, postponed_since = NULL, done_at = fate.done_at,
    kind = fate.kind, provider = fate.provider, subject = fate.subject, sent_at = fate.sent_at,
    message_id = fate.message_id, template = fate.template, defects = fate.defects,
    authentication = fate.authentication, content_key = fate.content_key, duplicate_of_id = fate.duplicate_of_id,
    ticket_id = fate.ticket_id
FROM jsonb_to_recordset(%s::jsonb) AS fate(
    id bigint, state text, reason text, done_at timestamptz, kind text, provider text, subject text,
    sent_at timestamptz, message_id text, template text, defects jsonb, authentication jsonb, content_key text,
    duplicate_of_id bigint, ticket_id bigint)
WHERE email.id = fate.id
""")


@dataclass(frozen=True, slots=True)
class Fate:
    """The end of one mail: its state, why, and what it belongs to."""

    mail: ReadMail
    state: EmailState
    reason: str
    duplicate_of: int | None = None
    ticket_id: int | None = None


def write_fates(fates: Sequence[Fate]) -> None:
    """Write the ends of a batch in one statement."""
    done_at = timezone.now().isoformat()
    rows = [
        {
            "id": fate.mail.claim.email_id,
            "state": str(fate.state),
            "reason": clipped(fate.reason, 2000),
            "done_at": done_at,
            "kind": str(fate.mail.parsed.kind),
            "provider": clipped(fate.mail.parsed.provider, 255),
            "subject": clipped(fate.mail.parsed.subject, 2000),
            "sent_at": fate.mail.parsed.date.isoformat() if fate.mail.parsed.date else None,
            "message_id": clipped(fate.mail.parsed.message_id, 998) if fate.mail.parsed.message_id else None,
            "template": clipped(fate.mail.parsed.template, 128),
            "defects": [clipped(defect, 300) for defect in fate.mail.parsed.defects[:50]],
            "authentication": fate.mail.authentication.to_json(),
            "content_key": fate.mail.content_key,
            "duplicate_of_id": fate.duplicate_of,
            "ticket_id": fate.ticket_id,
        }
        for fate in fates
    ]
    with connection.cursor() as cursor:
        _WRITE.execute(cursor, [json.dumps(rows)])
