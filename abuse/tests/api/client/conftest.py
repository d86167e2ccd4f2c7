"""Services as an operator configures them, put behind their names for one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from abuse.services.facade import facade
from abuse.services.phishing.default import HttpPhishingService
from abuse.tests.controllers.action_services import BookActionService
from abuse.tests.services.contract.minimal import NoReputation

from ..conftest import Caller, MakeCaller


@pytest.fixture
def ann(make_caller: MakeCaller) -> Caller:
    """Expert in one category, beginner in another, reader in a third."""
    return make_caller("ann", {"Phishing": "Expert", "Spam": "Beginner", "Malware": "Read-only"})


@pytest.fixture
def actions(tmp_path: Path) -> Iterator[None]:
    """A service that carries out measures."""
    facade("ActionServiceBase").set_up(BookActionService(str(tmp_path / "book")))
    yield
    facade("ActionServiceBase").set_up(None)


@pytest.fixture
def phishing() -> Iterator[None]:
    """The service that looks at pages; the lab's own addresses are open to it."""
    facade("PhishingServiceBase").set_up(
        HttpPhishingService(allowed_networks=["127.0.0.0/8"], ports=range(1024, 65536), nameservers=["127.0.0.1:9"])
    )
    yield
    facade("PhishingServiceBase").set_up(None)


@pytest.fixture
def reputation() -> Iterator[None]:
    """A service that knows nothing about addresses."""
    before = facade("ReputationServiceBase")._implementation
    facade("ReputationServiceBase").set_up(NoReputation())
    yield
    facade("ReputationServiceBase").set_up(before)
