"""One offence in three vocabularies."""

from __future__ import annotations

import pytest

from abuse.parsers import taxonomy
from abuse.parsers.context import CATEGORIES

CLASSES = {
    "abusive-content", "malicious-code", "information-gathering", "intrusion-attempts", "intrusions", "availability",
    "information-content-security", "fraud", "vulnerable", "other", "test",
}  # fmt: skip
XARF_4 = {
    "messaging": "spam bulk_messaging",
    "connection": "login_attack port_scan ddos scraping sql_injection vulnerability_scan infected_host reconnaissance",
    "content": "phishing malware fraud csam csem exposed_data brand_infringement suspicious_registration "
    "remote_compromise",
    "copyright": "copyright cyberlocker link_site p2p usenet ugc_platform",
    "vulnerability": "cve misconfiguration open_service",
    "infrastructure": "botnet compromised_server",
    "reputation": "blocklist threat_intelligence",
}


@pytest.mark.parametrize(
    ("group", "type_"), [(group, type_) for group, types in XARF_4.items() for type_ in types.split()]
)
def test_every_type_of_xarf_4(group: str, type_: str) -> None:
    offence = taxonomy.of_xarf_type(group, type_)
    assert offence is not None
    assert offence.xarf_type == f"{group}-{type_}"
    assert offence.category in CATEGORIES
    assert offence.rsit_class in CLASSES
    assert taxonomy.of_xarf_type(group.upper(), type_.replace("_", "-")) == offence


def test_there_are_32() -> None:
    assert sum(len(types.split()) for types in XARF_4.values()) == 32


@pytest.mark.parametrize(
    ("words", "xarf_type"),
    [
        (("login-attack", "abuse"), "connection-login_attack"),
        (("", "RFI-Attack"), "connection-vulnerability_scan"),
        (("nonsense", "child abuse"), "content-csam"),
        (("nonsense", "x" * 1_000_000), None),
    ],
)
def test_words_of_other_formats(words: tuple[str, ...], xarf_type: str | None) -> None:
    offence = taxonomy.of_words(*words)
    assert (offence.xarf_type if offence else None) == xarf_type


def test_a_category_that_the_desk_does_not_have_is_not_given() -> None:
    assert taxonomy.category_of("spam", "messaging", ("Phishing", "Other"))[0] == "Other"


def test_classes_of_categories() -> None:
    assert {taxonomy.class_of_category(category) for category in CATEGORIES} <= CLASSES
    assert taxonomy.class_of_category(None) is None
    assert taxonomy.class_of_category("Our own") is None
