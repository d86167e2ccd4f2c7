"""The proof in tickets."""

from __future__ import annotations

from typing import Self

from apiflask import APIBlueprint
from django.db import transaction
from pydantic import Field, RootModel

from abuse.controllers import annotations as remarks
from abuse.controllers import items, proofs
from abuse.controllers.editing import Refused
from abuse.models import Proof, Ticket
from abuse.policies import Right

from .access import current_user, needs
from .answers import Answer, Message
from .bodies import MESSAGE, Body
from .filters import LongText
from .objects import FORBIDDEN, child, the_ticket, ticket_to_write

blueprint = APIBlueprint("ticket_proofs", __name__, url_prefix="/api/tickets/<int:ticket_id>", tag="Tickets")

MAX_PROOFS = 100
_EXAMPLE = {"id": 3, "content": "2026-01-01 12:00 UTC GET /login 200"}


class ProofAnswer(Answer):
    id: int
    content: str

    @classmethod
    def of(cls, proof: Proof) -> Self:
        return cls(id=proof.pk, content=proof.content)


class ProofAnswers(RootModel[list[ProofAnswer]]):
    """The proof in a ticket."""


class ProofText(Body):
    content: LongText = Field(min_length=1, max_length=proofs.MAX_PROOF)


class ProofTexts(RootModel[ProofText | list[ProofText]]):
    """One text or several."""


@blueprint.get("/proof")
@needs(Right.SEE_EVIDENCE)
@blueprint.output(ProofAnswers, example=[_EXAMPLE])
@blueprint.doc(responses=FORBIDDEN)
def list_proof(ticket_id: int) -> ProofAnswers:
    """List the proof in a ticket"""
    rows = Proof.filter(ticket=the_ticket(ticket_id, Right.SEE_EVIDENCE)).order_by("pk")
    return ProofAnswers([ProofAnswer.of(proof) for proof in rows])


@blueprint.post("/proof")
@needs(Right.WRITE_TICKET)
@blueprint.input(ProofTexts, example={"content": "2026-01-01 12:00 UTC GET /login 200"})
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def add_proof(ticket_id: int, json_data: ProofTexts) -> Message:
    """Add proof to a ticket

    E-mail addresses are taken out of it: customers will read it.
    """
    ticket = ticket_to_write(ticket_id)
    texts = json_data.root if isinstance(json_data.root, list) else [json_data.root]
    if len(texts) > MAX_PROOFS:
        raise Refused(f"proof: {len(texts)} texts; expected {MAX_PROOFS} at most")
    with transaction.atomic():
        for text in texts:
            _add(ticket, text.content)
    return Message(message="Proof added")


@blueprint.put("/proof/<int:proof_id>")
@needs(Right.WRITE_TICKET)
@blueprint.input(ProofText, example={"content": "2026-01-01 12:00 UTC GET /login 200"})
@blueprint.output(ProofAnswer, example=_EXAMPLE)
@blueprint.doc(responses=FORBIDDEN)
def update_proof(ticket_id: int, proof_id: int, json_data: ProofText) -> ProofAnswer:
    """Change one proof in a ticket"""
    proof = _proof(ticket_id, proof_id)
    remarks.update_proof(proof, json_data.content, actor=current_user())
    return ProofAnswer.of(proof)


@blueprint.delete("/proof/<int:proof_id>")
@needs(Right.WRITE_TICKET)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def delete_proof(ticket_id: int, proof_id: int) -> Message:
    """Take one proof out of a ticket"""
    remarks.delete_proof(_proof(ticket_id, proof_id), actor=current_user())
    return Message(message="Proof deleted")


@blueprint.post("/items/toproof")
@needs(Right.WRITE_TICKET)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def items_to_proof(ticket_id: int) -> Message:
    """Make proof of the items that are still the customer's service"""
    count = items.items_to_proof(ticket_to_write(ticket_id), actor=current_user())
    return Message(message=f"{count} items are proof now")


def _add(ticket: Ticket, content: str) -> None:
    try:
        proofs.add_proof(ticket, content, actor=current_user())
    except ValueError as error:
        raise Refused(str(error)) from None


def _proof(ticket_id: int, proof_id: int) -> Proof:
    rows = Proof.filter(ticket=ticket_to_write(ticket_id)).select_related("ticket")
    return child(rows, "proof", proof_id)
