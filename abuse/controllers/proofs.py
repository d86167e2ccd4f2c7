"""Proof: texts with a ticket that show what is wrong, for mails to customers. No reporter's address stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import re2
from django.db import transaction

from abuse.models import History, Proof, Report, Ticket, User

from .history import record

REMOVED = "email-removed@provider.com"
"""Stands where an e-mail address stood."""
MAX_PROOF = 50_000
"""Characters of one proof."""

# The host of a URL is what the proof is about, so it is passed over, whatever stands before its @. An address has a
# local part, an @ (also as forms and archives spell it) and a host. RE2: linear, whatever the sender wrote.
_URL_HOST = r"[a-z][a-z0-9+.\-]{1,20}://[^\s/?#<>\"']{1,500}"
_PART = r"[^\s@<>()\[\]{},;:\"'`|=/?&#]"
_ADDRESS = re2.compile(rf"(?i)({_URL_HOST})|{_PART}{{1,64}}(?:@|%40|&#64;|\[at\]|\(at\)){_PART}{{1,255}}")


def scrub(text: str) -> str:
    """The text with every e-mail address replaced by REMOVED, cut to MAX_PROOF characters."""
    readable = text.encode("utf-8", "replace").decode("utf-8")
    scrubbed = _ADDRESS.sub(lambda match: match.group(1) or REMOVED, readable[: 2 * MAX_PROOF])
    return str(scrubbed)[:MAX_PROOF]


@transaction.atomic(savepoint=False)
def add_proof(ticket: Ticket, content: str, *, actor: User) -> Proof:
    """Keep a text as proof, addresses removed.

    :raises ValueError: when there is nothing in it.
    """
    clean = scrub(content).strip()
    if not clean:
        raise ValueError(f"{ticket}: an empty text proves nothing")
    proof = Proof.create(ticket=ticket, content=clean)
    record(History.Type.ADD_PROOF, actor=actor, ticket=ticket, proof=proof.pk, characters=len(clean))
    return proof


@transaction.atomic(savepoint=False)
def remove_proofs(ticket: Ticket, *, actor: User) -> int:
    """Take all proof away from a ticket; how many texts."""
    count, _ = Proof.filter(ticket=ticket).delete()
    if count:
        record(History.Type.DELETE_PROOF, actor=actor, ticket=ticket, count=count)
    return count


@contextmanager
def proof_for_the_moment(ticket: Ticket, report: Report) -> Iterator[None]:
    """Within the block a ticket without proof has the report itself as proof, for a mail that is written there."""
    if Proof.filter(ticket=ticket).exists():
        yield
        return
    text = f"From: {report.provider_id}\nDate: {report.received_date:%Y-%m-%d %H:%M %Z}\nSubject: {report.subject}\n\n"
    proof = Proof.create(ticket=ticket, content=scrub(text + report.body))
    yield
    proof.delete()
