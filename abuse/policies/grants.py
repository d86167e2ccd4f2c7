"""Which calls of the API the roles of the seed may make: what a call is granted to when it is first seen."""

from __future__ import annotations

from abuse.models import Role

from .rights import SAFE_METHODS, Right

FIRST_LINE, SPECIALIST, READER, AUDITOR = "run_level_1", "run_level_3", "read_only", "auditor"
_FOR_FEW = frozenset({Right.ADMINISTER, Right.SEE_RECORD})
_NOT_FIRST_LINE = frozenset({Right.CONTACT_MANY, Right.SEE_ALL})


def granted_to(right: Right, method: str) -> frozenset[str]:
    """The codenames of the roles that may make a call with this right and HTTP method, from the start.

    Later changes of a role are the desk's own: nothing that was seen once is granted again.
    """
    roles = {Role.ADMIN}
    if right is Right.SEE_RECORD:
        return frozenset({*roles, AUDITOR})
    if right not in _FOR_FEW:
        roles.add(SPECIALIST)
        if right not in _NOT_FIRST_LINE:
            roles.add(FIRST_LINE)
        if method in SAFE_METHODS:
            roles |= {READER, AUDITOR}
    return frozenset(roles)
