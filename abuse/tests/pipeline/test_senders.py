"""Signatures checked against a real DNS server on loopback."""

from __future__ import annotations

import base64
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import dkim
import dns.message
import dns.rcode
import dns.rrset
import pytest

from abuse.config.schema import Parser
from abuse.models import Email, Report
from abuse.parsers import ParserContext, parse
from abuse.pipeline import senders

from .conftest import Deliver, make_mail


@dataclass(frozen=True)
class Zone:
    """A DNS server that knows TXT records, and counts what it is asked."""

    port: int
    records: dict[str, str]
    asked: list[str]


@pytest.fixture
def zone() -> Iterator[Zone]:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    found = Zone(server.getsockname()[1], {}, [])
    senders._keys.clear()

    def answer() -> None:
        while True:
            data, peer = server.recvfrom(4096)
            if data == b"stop":
                return
            query = dns.message.from_wire(data)
            name = query.question[0].name.to_text(omit_final_dot=True).lower()
            found.asked.append(name)
            response = dns.message.make_response(query)
            if name in found.records:
                text = found.records[name]
                parts = " ".join(f'"{text[i : i + 200]}"' for i in range(0, len(text), 200))
                response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", parts))
            else:
                response.set_rcode(dns.rcode.NXDOMAIN)
            server.sendto(response.to_wire(), peer)

    thread = threading.Thread(target=answer)
    thread.start()
    yield found
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"stop", ("127.0.0.1", found.port))
    thread.join()
    server.close()


def signed(raw: bytes, zone: Zone, *, domain: str = "trusted.example") -> bytes:
    private = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], check=True, capture_output=True).stdout
    options = ["-pubout", "-outform", "DER"]
    public = subprocess.run(["openssl", "rsa", *options], input=private, check=True, capture_output=True).stdout
    zone.records[f"s1._domainkey.{domain}"] = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    signature: bytes = dkim.sign(raw, b"s1", domain.encode(), private)
    return signature + raw


def settings(zone: Zone) -> Parser:
    return Parser(verify_dkim=True, dns_servers=(f"127.0.0.1#{zone.port}",), dns_seconds=2)


def verdict(raw: bytes, zone: Zone) -> str:
    parsed = parse(raw, ParserContext())
    return senders.authenticate(raw, parsed, settings(zone)).verdict(parsed.provider)


MAIL = make_mail("Spam from 203.0.113.1", sender="cert@trusted.example")


def test_a_good_signature_of_the_senders_domain_passes_and_its_key_is_asked_once(zone: Zone) -> None:
    raw = signed(MAIL, zone)
    assert verdict(raw, zone) == "pass"
    assert verdict(raw, zone) == "pass"
    assert zone.asked == ["s1._domainkey.trusted.example"]


def test_a_changed_mail_fails_and_that_proves_nothing(zone: Zone) -> None:
    raw = signed(MAIL, zone).replace(b"203.0.113.1", b"203.0.113.2")
    found = senders.authenticate(raw, parse(raw, ParserContext()), settings(zone))
    assert [check.result for check in found.checks] == ["fail"]
    assert verdict(raw, zone) == "none"


def test_somebody_elses_signature_says_nothing(zone: Zone) -> None:
    assert verdict(signed(MAIL, zone, domain="evil.test"), zone) == "none"


def test_a_missing_key_and_a_broken_signature_say_nothing(zone: Zone) -> None:
    raw = signed(MAIL, zone)
    zone.records.clear()
    assert verdict(raw, zone) == "none"
    assert verdict(b"DKIM-Signature: v=1; a=rsa-sha256; d=trusted.example; s=\xff\r\n" + MAIL, zone) == "none"


def test_a_server_that_does_not_answer_costs_no_more_than_its_time(zone: Zone) -> None:
    raw = signed(MAIL, zone)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        quiet = Parser(verify_dkim=True, dns_servers=(f"127.0.0.1#{silent.getsockname()[1]}",), dns_seconds=0.5)
        found = senders.authenticate(raw, parse(raw, ParserContext()), quiet)
    assert [check.result for check in found.checks] == ["temperror"]


def test_nothing_is_asked_unless_the_settings_say_so(zone: Zone) -> None:
    raw = signed(MAIL, zone)
    assert senders.authenticate(raw, parse(raw, ParserContext()), Parser()).checks == ()
    assert zone.asked == []


@pytest.mark.django_db
@pytest.mark.usefixtures("isp", "trusted")
def test_a_forged_mail_of_a_trusted_reporter_is_not_trusted(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    from abuse.config import current

    ours = current().PARSER.model_copy(update={"authserv_ids": ("mx.example.net",)})
    monkeypatch.setattr("abuse.tests.pipeline.conftest.current", lambda: current().model_copy(update={"PARSER": ours}))
    bad = b"Authentication-Results: mx.example.net; dmarc=fail header.from=trusted.example\r\n"
    good = b"Authentication-Results: mx.example.net; dmarc=pass header.from=trusted.example\r\n"
    deliver(bad + make_mail("Spam from 203.0.113.1", sender="cert@trusted.example"))
    assert (Report.get().status, Report.get().authentication) == ("New", "fail")
    assert Email.get().authentication["checks"][0]["result"] == "fail"
    deliver(good + make_mail("Spam from 203.0.113.1 again", sender="cert@trusted.example"))
    assert Report.filter(status="Attached", authentication="pass").exists()
