"""The registries, against servers on the loopback interface that answer as RFC 9083 and RFC 9224 say."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from abuse.config import SettingsError, current, load
from abuse.services.rdap import RdapError, RdapLookup, lookup_of
from abuse.services.rdap.answers import Entity, contact
from abuse.tests.services.crm.servers import Asked, JsonServer, Said, json_server
from abuse.tests.services.crm.worlds import Rdap, jcard, rdap_entity, rdap_network


@pytest.fixture
def registry() -> Iterator[JsonServer]:
    with json_server(Rdap()) as running:
        yield running


def bootstrap(*services: tuple[list[str], list[str]], domains: tuple[list[str], list[str]] | None = None) -> Any:
    """IANA's files, with these servers."""

    def answer(asked: Asked) -> Said:
        common = {"version": "1.0", "publication": "2026-01-01T00:00:00Z", "description": "…"}
        if asked.path in {"/ipv4.json", "/ipv6.json"}:
            version = asked.path[4]
            wanted = [one for one in services if (":" in one[0][0]) == (version == "6")]
            return Said({**common, "services": wanted})
        return Said({**common, "services": [domains] if domains else []})

    return answer


def lookup(**config: Any) -> RdapLookup:
    return RdapLookup(plaintext=True, pause_seconds=0, **config)


def test_one_server_is_asked_about_everything(registry: JsonServer) -> None:
    asking = lookup(base_url=registry.url("/rdap/"))
    found = asking.address(ip_address("203.0.113.9"))
    assert found is not None
    assert found.abuse is not None
    assert found.holder is not None
    assert (found.abuse.emails, found.holder.handle, found.kind) == (("abuse@c1.example",), "c1", "ASSIGNED PA")
    assert (found.first, found.last) == (ip_address("203.0.113.0"), ip_address("203.0.113.255"))
    assert (found.source, found.registered_at and found.registered_at.year) == ("127.0.0.1", 2020)
    assert asking.address(ip_address("2001:db8::1")) is None
    assert [asked.path for asked in registry.asked] == ["/rdap/ip/203.0.113.9", "/rdap/ip/2001:db8::1"]
    assert registry.asked[0].headers["accept"] == "application/rdap+json, application/json"


def test_a_domain_is_asked_for_by_its_registered_name(registry: JsonServer) -> None:
    asking = lookup(base_url=registry.url("/rdap"))
    found = asking.domain("WWW.c1.Example.ORG.")
    assert found is not None
    assert found.abuse is not None
    assert (found.name, found.abuse.emails) == ("example.org", ("abuse@registrar.example",))
    assert asking.domain("unknown.example.com") is None
    for text in ("localhost", "org", "", "a" * 300, "203.0.113.9", "a..b", "../x"):
        assert asking.domain(text) is None
    assert [asked.path for asked in registry.asked] == ["/rdap/domain/example.org", "/rdap/domain/example.com"]


def test_the_bootstrap_says_whom_to_ask(registry: JsonServer) -> None:
    server = registry.url("/rdap/")
    files = bootstrap(
        (["203.0.0.0/8"], ["https://127.0.0.1:1/wrong/"]),
        (["203.0.113.0/24", "192.0.2.0/24"], [server]),
        (["2001:db8::/32", "nonsense"], [server]),
        domains=(["org", "com"], [server]),
    )
    with json_server(files) as iana:
        asking = lookup(bootstrap_url=iana.url())
        for text in ("203.0.113.9", "192.0.2.1"):
            assert asking.address(ip_address(text)) is not None
        assert asking.address(ip_address("2001:db8::1")) is None
        assert asking.address(ip_address("198.51.100.1")) is None
        assert asking.domain("www.example.org") is not None
        assert asking.domain("www.example.net") is None
        assert [asked.path for asked in iana.asked] == ["/ipv4.json", "/ipv6.json", "/dns.json"]
    assert len(registry.asked) == 4


def test_https_is_taken_before_http_and_http_alone_only_where_it_is_allowed(registry: JsonServer) -> None:
    both = (["203.0.113.0/24"], [registry.url("/rdap/"), "https://127.0.0.1:1/"])
    with json_server(bootstrap(both)) as iana, pytest.raises(RdapError, match="ConnectionRefusedError"):
        lookup(bootstrap_url=iana.url(), attempts=1).address(ip_address("203.0.113.9"))
    assert registry.asked == []


def test_redirects_lead_to_known_servers_alone(registry: JsonServer) -> None:
    def elsewhere(location: str) -> Any:
        return lambda _: Said("", 302, {"Location": location})

    target = registry.url("/rdap/ip/203.0.113.9")
    with json_server(elsewhere(target)) as first:
        base = first.url("/rdap")
        with pytest.raises(
            RdapError, match=r"redirects to 'http://127\.0\.0\.1.*expected a server that is known"
        ) as caught:
            lookup(base_url=base).address(ip_address("203.0.113.9"))
        assert caught.value.permanent
        assert registry.asked == []
        named = lookup(base_url=base, servers=[f"127.0.0.1:{registry.port}"])
        assert named.address(ip_address("203.0.113.9")) is not None
        files = bootstrap((["203.0.113.0/24"], [base]), (["198.51.100.0/24"], [registry.url("/rdap/")]))
        with json_server(files) as iana:
            assert lookup(bootstrap_url=iana.url()).address(ip_address("203.0.113.9")) is not None
        for location in ("http://169.254.169.254/latest", "file:///etc/passwd", "//evil.example/", "", f"{target}?a=b"):
            first.answering = elsewhere(location)
            with pytest.raises(RdapError, match="expected a server that is known"):
                named.address(ip_address("203.0.113.9"))
        first.answering = elsewhere(first.url("/rdap/ip/203.0.113.9"))
        with pytest.raises(RdapError, match="more than 3 redirects"):
            named.address(ip_address("203.0.113.9"))


@pytest.mark.parametrize(
    ("answer", "said", "permanent"),
    [
        (Said({"errorCode": 429, "title": "slow down"}, 429, {"Retry-After": "600"}), "status 429", False),
        (Said({"errorCode": 501}, 501), "status 501", True),
        (Said({"errorCode": 503}, 503), "status 503", False),
        (Said(["x"]), "the answer: .* (RFC 9083)", True),
        (Said({"entities": [{"roles": "abuse"}]}), r"entities\.0\.roles: .* (RFC 9083)", True),
        (Said({"handle": 5}), r"handle: .* (RFC 9083)", True),
    ],
)
def test_errors_say_what_was_wrong(registry: JsonServer, answer: Said, said: str, permanent: bool) -> None:
    registry.answering = lambda _: answer
    with pytest.raises(RdapError, match=said.replace("(RFC 9083)", r"\(RFC 9083\)")) as caught:
        lookup(base_url=registry.url(), attempts=1).address(ip_address("203.0.113.9"))
    assert caught.value.permanent is permanent


@pytest.mark.parametrize("content", [{"services": "x"}, {}, [], {"services": [[["203.0.113.0/24"]]]}])
def test_a_bootstrap_that_is_none_is_said_to_be(content: Any) -> None:
    with json_server(lambda _: Said(content)) as iana, pytest.raises(RdapError, match=r"ipv4\.json: .*\(RFC 9224\)"):
        lookup(bootstrap_url=iana.url()).address(ip_address("203.0.113.9"))


def test_the_nearest_abuse_contact_with_an_address_counts(registry: JsonServer) -> None:
    far = rdap_entity("FAR", "abuse", card=jcard("Far", "far@x.example"))
    mute = rdap_entity("MUTE", "abuse", card=jcard("Mute"))
    near = rdap_entity("NEAR", "abuse", "noc", card=jcard("Near", "near@x.example", "second@x.example"))
    holder = rdap_entity("H", "registrant", card=jcard("Holder"), entities=[far])
    network = rdap_network("203.0.113.0", "203.0.113.255", "x", entities=None)
    registry.answering = lambda _: Said({**network, "entities": [holder, mute, near]})
    found = lookup(base_url=registry.url()).address(ip_address("203.0.113.9"))
    assert found is not None
    assert found.abuse is not None
    assert (found.abuse.handle, found.abuse.emails) == ("NEAR", ("near@x.example", "second@x.example"))
    registry.answering = lambda _: Said({**network, "entities": None})
    found = lookup(base_url=registry.url()).address(ip_address("203.0.113.9"))
    assert found is not None
    assert (found.abuse, found.holder) == (None, None)


def test_entities_within_entities_without_end_are_bounded(registry: JsonServer) -> None:
    deep = rdap_entity("X", "abuse", card=jcard("X", "x@x.example"))
    for _ in range(50):
        deep = rdap_entity("Y", "technical", entities=[deep])
    registry.answering = lambda _: Said({"entities": [deep] * 3})
    found = lookup(base_url=registry.url()).address(ip_address("203.0.113.9"))
    assert found is not None
    assert found.abuse is None


@pytest.mark.parametrize(
    "card",
    [
        None, [], "x", ["vcard"], ["vcard", "x"], ["vcard", [["email"]]], ["vcard", [["email", {}, "text", 5]]],
        ["vcard", [["email", {}, "text", "nobody"], ["email", {}, "text", "a@b@c.example"]]],
        ["vcard", [["email", {}, "text", "a@x.example\r\nBcc: all@x.example"], ["tel", {}, "uri", None]]],
        ["vcard", [["email", {}, "text", "<a@x.example>"], ["adr", {"label": 5}, "text", {"a": []}]]],
    ],
)  # fmt: skip
def test_cards_that_are_none_name_nobody(card: Any) -> None:
    assert contact(Entity.model_validate({"vcardArray": card})).emails == ()


def test_a_card_is_read(registry: JsonServer) -> None:
    found = contact(Entity.model_validate(rdap_entity("H", card=jcard("Lee Ltd", "a@x.example", phone="+33 1"))))
    assert (found.name, found.emails, found.phone, found.country) == ("Lee Ltd", ("a@x.example",), "+33 1", "FR")
    assert found.address == "1 Mill Road, 44000 Nantes, France"


def settings(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "settings.yml"
    path.write_text(text)
    return load(path, environ={})


def test_nobody_is_asked_unless_the_settings_name_him(tmp_path: Path, registry: JsonServer) -> None:
    assert lookup_of(current()) is None
    assert lookup_of(settings(tmp_path, "RDAP: {timeout_seconds: 5}")) is None
    asking = lookup_of(settings(tmp_path, f"RDAP: {{base_url: '{registry.url('/rdap')}', plaintext: true}}"))
    assert asking is not None
    assert asking.address(ip_address("203.0.113.9")) is not None
    with pytest.raises(SettingsError, match="expected base_url or bootstrap_url, not both"):
        settings(tmp_path, "RDAP: {base_url: 'https://a.example', bootstrap_url: 'https://b.example'}")
    with pytest.raises(RdapError, match="expected https://"):
        lookup_of(settings(tmp_path, "RDAP: {base_url: 'http://a.example'}"))
