"""Who may what: one answer for every door. Reads rows, writes none; what no rule allows is refused."""

from .actors import Actor, RoleRights, actor_of
from .decisions import ALLOWED, Decision
from .fields import (
    REPORT_FIELDS,
    TICKET_FIELDS,
    changeable_fields,
    kept_fields,
    may_interact,
    may_order,
    may_set_status,
    orderable_actions,
)
from .grants import granted_to
from .rights import WITHOUT_ROLE, Right, Scope, scope_of
from .rulings import may

__all__ = [
    "ALLOWED",
    "REPORT_FIELDS",
    "TICKET_FIELDS",
    "WITHOUT_ROLE",
    "Actor",
    "Decision",
    "Right",
    "RoleRights",
    "Scope",
    "actor_of",
    "changeable_fields",
    "granted_to",
    "kept_fields",
    "may",
    "may_interact",
    "may_order",
    "may_set_status",
    "orderable_actions",
    "scope_of",
]
