"""Every CRM service that comes with Cerberus keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuse.services.contract import Check
from abuse.services.facade import ServiceBase
from abuse.tests.services.crm.directory import hold

from .implementations import cases, hold_to_contract, name_of

pytestmark = pytest.mark.django_db


KNOWN = ("203.0.113.7", "www.c1.example.org")
ASK_FOR_KNOWN = ("each query has its answer, in order", "any moment can be asked about")
CASES = [
    (found, check, known)
    for found, check in cases("CRMServiceBase")
    for known in (None, *(KNOWN if check.says in ASK_FOR_KNOWN or "--known" in check.says else ()))
    # Registries of domains name registrars, not customers.
    if not (found.__qualname__ == "RdapCRM" and known == KNOWN[1])
]


@pytest.mark.parametrize(("found", "check", "known"), CASES, ids=name_of)
def test_the_contract_is_kept(found: type[ServiceBase], check: Check, known: str | None, tmp_path: Path) -> None:
    hold("c1", "203.0.113.0/24")
    hold("c1", "c1.example.org")
    hold_to_contract(found, check, tmp_path, known)
