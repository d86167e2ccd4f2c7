"""Who really sent it, as our own servers saw it."""

from __future__ import annotations

import pytest

from abuse.parsers.authentication import Authentication, Check, stated

OURS = ["mx.isp.example"]


def field(text: str) -> list[tuple[str, str]]:
    return [("Authentication-Results", text)]


def verdict(text: str, sender: str = "cert@trusted.example") -> str:
    return stated(field(text), OURS).verdict(sender)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mx.isp.example; dmarc=pass header.from=trusted.example", "pass"),
        (
            "mx.isp.example; dmarc=fail (p=reject) header.from=trusted.example; spf=pass smtp.mailfrom=x@evil.test",
            "fail",
        ),
        ("mx.isp.example 1; spf=pass (ok; really) smtp.mailfrom=bounce@trusted.example", "pass"),
        ("mx.isp.example; dkim=pass header.d=mail.trusted.example header.s=s1", "pass"),
        ("mx.isp.example; dkim=pass header.i=@trusted.example", "pass"),
        ("mx.isp.example; dkim=pass header.d=evil.test", "none"),
        ("mx.isp.example; dkim=pass header.d=nottrusted.example", "none"),
        ("mx.isp.example; dkim=pass header.d=example", "none"),
        ("mx.isp.example; spf=fail smtp.mailfrom=cert@trusted.example", "fail"),
        ("mx.isp.example; spf=softfail smtp.mailfrom=trusted.example; dkim=pass header.d=trusted.example", "pass"),
        ("mx.isp.example; spf=softfail smtp.mailfrom=trusted.example", "none"),
        ("mx.isp.example; dkim=fail header.d=trusted.example", "none"),
        ("mx.isp.example; none", "none"),
        ("forged.example; dmarc=pass header.from=trusted.example", "none"),
        ("", "none"),
    ],
)
def test_verdicts(text: str, expected: str) -> None:
    assert verdict(text) == expected


def test_without_servers_of_ours_nothing_is_believed() -> None:
    assert stated(field("mx.isp.example; dmarc=pass"), []) == Authentication()


def test_only_the_fields_of_our_servers_count() -> None:
    headers = [*field("forged.example; dmarc=pass"), *field("MX.ISP.example.; dmarc=fail header.from=trusted.example")]
    assert stated(headers, OURS).verdict("cert@trusted.example") == "fail"


def test_what_is_kept() -> None:
    found = stated(field("mx.isp.example; spf=pass smtp.mailfrom=a@trusted.example"), OURS)
    assert found.to_json() == {
        "by": ["mx.isp.example"],
        "checks": [{"method": "spf", "result": "pass", "domain": "trusted.example"}],
    }


def test_findings_add_up() -> None:
    own = Authentication((Check("dkim", "pass", "trusted.example"),), ("cerberus",))
    both = stated(field("mx.isp.example; spf=none"), OURS).and_also(own)
    assert both.verdict("cert@trusted.example") == "pass"
    assert both.by == ("mx.isp.example", "cerberus")


def test_hostile_fields_are_bounded() -> None:
    headers = field("mx.isp.example;" + "dmarc=pass;" * 1_000_000) * 1000
    assert len(stated(headers, OURS).checks) <= 20 * 50
