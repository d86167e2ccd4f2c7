"""Whether the desk is alive."""

from __future__ import annotations

from apiflask import APIBlueprint
from django.db import connection

from abuse.policies import Right

from .access import needs
from .answers import Message

blueprint = APIBlueprint("monitor", __name__, url_prefix="/api", tag="Health")


@blueprint.get("/monitor")
@needs(Right.PUBLIC)
@blueprint.output(Message, example={"message": "ok"})
@blueprint.doc(responses={503: "The database cannot be used."})
def ping() -> Message:
    """Ask whether the server and its database work

    Needs no login.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return Message(message="ok")
