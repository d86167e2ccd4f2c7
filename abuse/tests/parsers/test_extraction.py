"""Addresses, URLs and names in text."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from abuse.parsers import ItemKind, ParserContext
from abuse.parsers.extraction import extract

CONTEXT = ParserContext()


def found(text: str, context: ParserContext = CONTEXT) -> list[str]:
    return [item.value for item in extract(text, "body", context)]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see http://bad.example.org/a.", "http://bad.example.org/a"),
        ("(http://bad.example.org/a)", "http://bad.example.org/a"),
        ("http://bad.example.org/a_(b)", "http://bad.example.org/a_(b)"),
        ("<http://bad.example.org/x>", "http://bad.example.org/x"),
        ('"http://bad.example.org/x";', "http://bad.example.org/x"),
        ("http://bad.example.org/a,b;c?d=e&f[0]=1#frag).", "http://bad.example.org/a,b;c?d=e&f[0]=1#frag"),
        ("http://bad.example.org/x,,see", "http://bad.example.org/x"),
        ("http://bad.example.org/x&gt;", "http://bad.example.org/x"),
        ("HTTP://Bad.Example.ORG/Path", "http://bad.example.org/Path"),
        ("http://www.polkadot.example.com/dot/x", "http://www.polkadot.example.com/dot/x"),
        ("hxxp://bad[.]example[.]org/a", "http://bad.example.org/a"),
        ("hXXps[:]//bad(.)example{.}org", "https://bad.example.org"),
        ("h**p://bad.example.org/a", "http://bad.example.org/a"),
        ("meow://bad[dot]example(dot)org/b", "http://bad.example.org/b"),
        ("hxxps:// bad [.] example [.] org/c", "https://bad.example.org/c"),
        ("http://bad dot example dot org/c", "http://bad.example.org/c"),
        ("https:\\/\\/bad.example.org\\/x\\/y", "https://bad.example.org/x/y"),
        ("ftp://192.0.2.5/pub", "ftp://192.0.2.5/pub"),
        ("fxp://bad.example.org/pub", "ftp://bad.example.org/pub"),
        ("http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("http://bücher.example.org/ü", "http://xn--bcher-kva.example.org/ü"),
        ("http://user:pw@bad.example.org/x", "http://user:pw@bad.example.org/x"),
        ("链接http://bad.example.org/路径。谢谢", "http://bad.example.org/路径"),
        ("http://bad.example.org/#victim@example.com", "http://bad.example.org/"),
    ],
)
def test_urls(text: str, url: str) -> None:
    assert found(text) == [url]


def test_lists_of_urls_glued_by_commas_are_several() -> None:
    assert found("http://a.example.org/1,http://b.example.org/2;hxxp://c.example.org/3") == [
        "http://a.example.org/1",
        "http://b.example.org/2",
        "http://c.example.org/3",
    ]


@pytest.mark.parametrize(
    "neighbour", ["hxxp://bad[.]example[.]org/a", "http://bad[.]example.org/a", "https[:]//bad.example.org/a"]
)
def test_a_line_in_a_list_of_disguised_urls_needs_no_scheme(neighbour: str) -> None:
    url = found(neighbour)[0]
    assert found(f"{neighbour}\nworse.example.com/b.php\n") == [url, "http://worse.example.com/b.php"]
    assert found(f"> worse.example.com:81/b\r\n> {neighbour}\r\n") == [url, "http://worse.example.com:81/b"]


@pytest.mark.parametrize(
    "text",
    [
        "http://bad.example.org/a\nvictim.example.com/contact",
        "hxxp://bad.example.org/a\n\nvictim.example.com/contact",
        "hxxp://bad.example.org/a\nsee victim.example.com/contact",
        "hxxp://bad.example.org/a\netc/cron.d/x",
    ],
)
def test_a_line_that_may_be_the_reporters_own_address_is_no_url(text: str) -> None:
    assert found(text) == ["http://bad.example.org/a"]


def test_the_port_of_a_url_is_kept_apart_too() -> None:
    (item,) = extract("http://bad.example.org:8080/x", "body", CONTEXT)
    assert (item.value, item.port, item.host) == ("http://bad.example.org:8080/x", 8080, "bad.example.org")
    assert item.place == "body"


def test_the_raw_text_is_kept() -> None:
    (item,) = extract("at hxxp://bad[.]example[.]org/a, urgent", "body", CONTEXT)
    assert item.raw == "hxxp://bad[.]example[.]org/a"


@pytest.mark.parametrize(
    "text",
    [
        "http://evil.exa\nmple/broken-by-wrap",
        "std::vector a::b",
        "http://nodot/",
        "://example.org",
        "mailto:user@example.org",
        "user[at]evil[.]example[.]org",
        "soc@example.org wrote",
        "file.txt and report.zip, see example.org",
        "Scanner version 10.2.3.40, Chrome/122.0.62.94, v1.2.3.4",
        "999.1.2.3, 1.2.3, 192.0.2.1.5, 192.0.2.256",
        "1.3.6.1.4.1.311",
        "4.3.2.192.in-addr.arpa",
        "<20250304.192.0.2.1@mail.example.org>",
        "12:34:56, 00:11:22:33:44:55, dead:beef, 00:11:22:33:44:55:66:77:88:99:aa:bb:08:00",
        "127.0.0.1, 0.0.0.0, 255.255.255.255, 224.0.0.1, ::1, fe80::1",
        "2015.04.29.12",
    ],
)
def test_what_only_looks_like_an_item(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("from 192.0.2.1.", "192.0.2.1", None),
        ("[192.0.2.1]", "192.0.2.1", None),
        ("SRC=192.0.2.1 DST=198.51.100.2", "192.0.2.1", None),
        ("192.0.2.1:8080", "192.0.2.1", 8080),
        ("192.0.2.1 port 51432", "192.0.2.1", 51432),
        ("IP 192.0.2.1.51234 > 198.51.100.2.80:", "192.0.2.1", 51234),
        ("192.0.2.1:4000 -> 198.51.100.2:22", "192.0.2.1", 4000),
        ("192[.]0[.]2[.]1", "192.0.2.1", None),
        ("192 . 0 . 2 . 1", "192.0.2.1", None),
        ("192 dot 0 dot 2 dot 1", "192.0.2.1", None),
        ("192.000.002.001", "192.0.2.1", None),
        ("site @192.0.2.1", "192.0.2.1", None),
        ("our server at 198.51.100.9 was scanned by 192.0.2.1", "192.0.2.1", None),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1", None),
        ("2001:db8::3%eth0", "2001:db8::3", None),
        ("[2001:db8::2]:443", "2001:db8::2", 443),
        ("[IPv6:2001:db8::4]", "2001:db8::4", None),
        ("from 2001:db8::5: refused", "2001:db8::5", None),
        ("2001:db8[:]:9", "2001:db8::9", None),
        ("::ffff:192.0.2.4", "192.0.2.4", None),
        ("192.0.2.1/32", "192.0.2.1", None),
    ],
)
def test_addresses(text: str, address: str, port: int | None) -> None:
    (item,) = extract(text, "body", CONTEXT)
    assert (item.kind, item.value, item.port) == (ItemKind.IP, address, port)


@pytest.mark.parametrize(
    ("text", "network"),
    [("203.0.113.7/24", "203.0.113.0/24"), ("2001:db8:abcd::/48", "2001:db8:abcd::/48")],
)
def test_networks(text: str, network: str) -> None:
    (item,) = extract(text, "body", CONTEXT)
    assert (item.kind, item.value) == (ItemKind.CIDR, network)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("evil[.]example[.]org hosts it", "evil.example.org"),
        ("evil(dot)example(dot)org", "evil.example.org"),
        ("Domain: evil.example.org", "evil.example.org"),
        ("Hostname = evil.example.org.", "evil.example.org"),
    ],
)
def test_names(text: str, name: str) -> None:
    (item,) = extract(text, "body", CONTEXT)
    assert (item.kind, item.value) == (ItemKind.FQDN, name)


def test_a_disguised_name_with_a_path_is_a_url() -> None:
    assert found("evil[.]example[.]org/login.php") == ["http://evil.example.org/login.php"]


def test_the_companys_own_names_are_found_undisguised() -> None:
    context = ParserContext(fqdn_re=r".*\.hosting\.example\.net")
    assert found("vps7.Hosting.example.net attacks; www.example.org, a@mx.hosting.example.net", context) == [
        "vps7.hosting.example.net"
    ]


def test_hosts_of_found_urls_are_no_items_of_their_own() -> None:
    assert found("http://192.0.2.8/x on 192.0.2.8 (evil[.]example[.]org), http://evil.example.org/") == [
        "http://192.0.2.8/x",
        "http://evil.example.org/",
    ]


def test_ignored_networks_and_domains_never_become_items() -> None:
    context = ParserContext(
        networks_to_ignore=(ip_network("198.51.100.0/24"), ip_network("2001:db8::/32")),
        domain_to_ignore=("example.com",),
    )
    text = "198.51.100.7 2001:db8::1 http://198.51.100.9/ http://www.example.com/ http://notexample.com/ 192.0.2.1"
    assert found(text, context) == ["http://notexample.com/", "192.0.2.1"]


def test_each_value_once_and_the_first_port_wins() -> None:
    (item,) = extract("192.0.2.1, 192.0.2.1:22, 192.0.2.1:23", "body", CONTEXT)
    assert item.port == 22


def test_a_url_that_is_repeated_in_other_surroundings_keeps_its_neighbours() -> None:
    text = (
        "http://bad.example.org/a 192.0.2.1 (http://bad.example.org/a), http://bad.example.org/a,http://b.example.org/"
    )
    assert found(text) == ["http://bad.example.org/a", "http://b.example.org/", "192.0.2.1"]
