"""Mail servers for the tests of the intake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .dovecot import OLD_SERVER, Certificate, Dovecot, make_certificate
from .proxy import Proxy


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "DNS:localhost")


@pytest.fixture(scope="session")
def dovecot(certificate: Certificate) -> Iterator[Dovecot]:
    server = Dovecot(certificate=certificate)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def old_server() -> Iterator[Dovecot]:
    server = Dovecot(capability=OLD_SERVER)
    yield server
    server.stop()


@pytest.fixture
def proxy(dovecot: Dovecot) -> Iterator[Proxy]:
    proxy = Proxy(dovecot.port)
    yield proxy
    proxy.close()
