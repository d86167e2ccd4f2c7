"""Every storage service that comes with Cerberus keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuse.services.contract import Check
from abuse.services.facade import ServiceBase

from .implementations import cases, hold_to_contract, name_of
from .minimal import EncryptedInS3, MemoryStorage

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("found", "check"), cases("StorageServiceBase", MemoryStorage, EncryptedInS3), ids=name_of)
def test_the_contract_is_kept(found: type[ServiceBase], check: Check, tmp_path: Path) -> None:
    hold_to_contract(found, check, tmp_path)
