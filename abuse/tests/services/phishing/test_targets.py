"""Where a URL leads: what is checked is what browsers would ask."""

from __future__ import annotations

import pytest

from abuse.services.phishing.addresses import RefusedTarget
from abuse.services.phishing.targets import MAX_URL, read_target

PORTS = frozenset({80, 443, 8080})


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("http://Bank.Example/a/../b?q=1#frag", "http://bank.example/a/../b?q=1"),
        ("https://bank.example:443/", "https://bank.example/"),
        ("http://bank.example:8080", "http://bank.example:8080/"),
        ("http://bank.example./x", "http://bank.example/x"),
        ("  http://bank.exa\tmple/\r\nx  ", "http://bank.example/x"),
        ("http://bücher.example/é?ü", "http://xn--bcher-kva.example/%C3%A9?%C3%BC"),
        ("http://user:secret@evil.example/", "http://evil.example/"),
        ("http://good.example@evil.example/", "http://evil.example/"),
        ("http://evil.example\\@good.example/", "http://evil.example/@good.example/"),
        ("http:\\\\evil.example\\x?a\\b", "http://evil.example/x?a%5Cb"),
        ("http://%65vil.example/", "http://evil.example/"),
        ("http://bank.example/a b\"<>", "http://bank.example/a%20b%22%3C%3E"),
        ("http://[2606:4700::1111]:8080/x", "http://[2606:4700::1111]:8080/x"),
        # one address in other spellings
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0x7f000001/", "http://127.0.0.1/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://0177.0.0.01/", "http://127.0.0.1/"),
        ("http://127.1/", "http://127.0.0.1/"),
        ("http://127.0.1./", "http://127.0.0.1/"),
        ("http://0/", "http://0.0.0.0/"),
        ("http://①②⑦.⓪.⓪.①/", "http://127.0.0.1/"),
        ("http://%31%32%37.0.0.1/", "http://127.0.0.1/"),
        ("http://8.8.2056/", "http://8.8.8.8/"),
    ],
)  # fmt: skip
def test_a_url_is_read_as_browsers_read_it(url: str, read: str) -> None:
    assert read_target(url, ports=PORTS).url == read


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("ftp://bank.example/", "scheme 'ftp'; expected http or https"),
        ("file:///etc/passwd", "expected http or https"),
        ("javascript:alert(1)", "expected http or https"),
        ("gopher://127.0.0.1:6379/_x", "expected http or https"),
        ("//bank.example/", "scheme ''"),
        ("bank.example", "scheme ''"),
        ("", "scheme ''"),
        ("http://", "has no host"),
        ("http:///etc", "has no host"),
        ("http://bank.example:22/", "port 22; expected one of 80, 443, 8080"),
        ("http://bank.example:0/", "port 0"),
        ("http://bank.example:99999/", "[Pp]ort"),
        ("http://bank.example:x/", "[Pp]ort"),
        ("http://localhost/", "expected the full name"),
        ("http://bank..example/", "expected the full name"),
        ("http://-bank.example/", "expected the full name"),
        ("http://ba nk.example/", "expected the full name"),
        ("http://bank.example%00.evil.example/", "expected the full name"),
        ("http://bank.example%2f@x/", "expected the full name"),
        ("http://" + "a" * 64 + ".example/", "expected the full name"),
        ("http://" + "a." * 130 + "example/", "expected the full name"),
        ("http://%ff.example/", "expected a host name"),
        ("http://256.1.1.1/", "expected an IPv4 address"),
        ("http://1.2.3.4.5/", "expected an IPv4 address"),
        ("http://1.2.3.08/", "expected an IPv4 address"),
        ("http://4294967296/", "expected an IPv4 address"),
        ("http://evil.127/", "expected an IPv4 address"),
        ("http://[::1%25eth0]/", "."),
        ("http://[fe80::1%eth0]/", "expected an IPv6 address"),
        ("http://[::1/", "."),
        ("http://[v1.x]/", "expected an IPv6 address"),
        ("http://bank.example/" + "a" * MAX_URL, f"expected at most {MAX_URL}"),
    ],
)
def test_what_is_no_page_is_refused(url: str, fault: str) -> None:
    with pytest.raises(RefusedTarget, match=fault) as caught:
        read_target(url, ports=PORTS)
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("location", "read"),
    [
        ("/next", "https://bank.example:8080/next"),
        ("next?x", "https://bank.example:8080/a/next?x"),
        ("//evil.example/x", "https://evil.example/x"),
        ("\\\\evil.example\\x", "https://evil.example/x"),
        ("?q", "https://bank.example:8080/a/b?q"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
    ],
)
def test_a_redirect_is_read_from_where_it_stands(location: str, read: str) -> None:
    base = read_target("https://bank.example:8080/a/b", ports=PORTS)
    assert read_target(location, ports=PORTS, base=base).url == read
