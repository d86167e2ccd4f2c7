"""One object per service, behind which the configured class works."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuse.bootstrap import SERVICE_PACKAGES, set_up_service
from abuse.config import SERVICE_NAMES, load
from abuse.services.facade import Facade, NotImplementedByConfiguration, ServiceBase, ServiceError, facade


class Base(ServiceBase):
    def answer(self) -> int:
        return 1


class Configured(Base):
    def __init__(self, number: int = 2) -> None:
        super().__init__()
        self.number = number

    def answer(self) -> int:
        return self.number


def test_calls_go_to_the_implementation() -> None:
    service = Facade(Base)
    assert not service.is_implemented()
    with pytest.raises(NotImplementedByConfiguration, match=r"IMPLEMENTATIONS\.Base: no class is configured"):
        service.answer()
    service.set_up(Configured.create({"number": 3}))
    assert service.is_implemented()
    assert service.answer() == 3
    service.set_up(None)
    assert not service.is_implemented()


def test_setting_up_twice_replaces() -> None:
    service = Facade(Base)
    service.set_up(Configured(1))
    service.set_up(Configured(2))
    assert service.answer() == 2


def test_a_class_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="does not descend from Base"):
        Facade(Base).set_up(ServiceBase())


def test_an_unknown_key_of_the_config_is_named() -> None:
    with pytest.raises(ServiceError, match=r"config.numbre: unknown key of Configured; expected number"):
        Configured.create({"numbre": 1})


def test_a_constructor_that_hands_keywords_on_takes_those_of_the_class_above() -> None:
    class Above(Configured):
        def __init__(self, *, other: int, **handed_on: int) -> None:
            super().__init__(**handed_on)
            self.other = other

    service = Above.create({"number": 7, "other": 8})
    assert (service.number, service.other) == (7, 8)
    with pytest.raises(ServiceError, match=r"config.handed_on: unknown key of .*Above; expected number, other"):
        Above.create({"handed_on": 1})


def test_every_service_has_its_facade_and_contract() -> None:
    assert set(SERVICE_PACKAGES) == set(SERVICE_NAMES)
    for name in SERVICE_NAMES:
        assert facade(name)._base.__name__ == name
        assert facade(name)._base.missing_methods(), f"{name} asks nothing"


@pytest.mark.parametrize(
    ("class_path", "expected"),
    [
        ("abuse.nowhere.Storage", "cannot be imported"),
        ("abuse.services.storage.default.Nothing", "cannot be imported"),
        ("abuse.services.crm.default.DirectoryCRM", "does not descend from"),
        ("abuse.services.storage.base.StorageServiceBase", "lacks delete, exists, read, write"),
    ],
)
def test_a_wrong_class_is_a_fault_in_words(tmp_path: Path, class_path: str, expected: str) -> None:
    path = tmp_path / "settings.yml"
    path.write_text(f"IMPLEMENTATIONS: {{StorageServiceBase: {{class: {class_path}}}}}")
    before = facade("StorageServiceBase")._implementation
    fault = set_up_service(load(path, environ={}), "StorageServiceBase")
    assert fault is not None
    assert fault.startswith("IMPLEMENTATIONS.StorageServiceBase")
    assert expected in fault
    assert facade("StorageServiceBase")._implementation is before


@pytest.mark.parametrize(
    ("base_name", "class_path", "config", "said"),
    [
        ("KPIServiceBase", "abuse.services.kpi.statsd.StatsdKPI", "{}", "'host'"),
        ("EmailServiceBase", "abuse.services.email.sendmail.SendmailEmailService", "{program: x}", "program: 'x'; "),
        ("ReputationServiceBase", "abuse.services.reputation.external.ExternalReputation", "{abuseipdb: {}}",
         "abuseipdb.key: Field required"),
        ("PhishingServiceBase", "abuse.services.phishing.urlscan.UrlscanPhishingService", "{scanner: {}}",
         "scanner.key: Field required"),
    ],
)  # fmt: skip
def test_a_config_that_lacks_something_is_a_fault_at_the_start(
    tmp_path: Path, base_name: str, class_path: str, config: str, said: str
) -> None:
    path = tmp_path / "settings.yml"
    path.write_text(f"IMPLEMENTATIONS: {{{base_name}: {{class: {class_path}, config: {config}}}}}")
    before = facade(base_name)._implementation
    fault = set_up_service(load(path, environ={}), base_name)
    assert fault is not None
    assert fault.startswith(f"IMPLEMENTATIONS.{base_name}: ")
    assert said in fault
    assert facade(base_name)._implementation is before
