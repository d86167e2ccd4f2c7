"""Copyright notices in ACNS."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import pytest

from abuse.parsers import ItemKind, MailKind, ParsedEmail

from ..samples import mail, multipart, read, values

NOTICE = """<?xml version="1.0" encoding="UTF-8"?>
<Infringement xmlns="http://www.acns.net/ACNS">
  <Case><ID>CASE-77</ID><Status>Open</Status></Case>
  <Complainant><Entity>Example Pictures</Entity><Email>p2p@rights.example.com</Email></Complainant>
  <Service_Provider><Entity>ISP</Entity><Email>abuse@isp.example.net</Email></Service_Provider>
  <Source>
    <TimeStamp>2025-03-04T06:00:00Z</TimeStamp><IP_Address>198.51.100.9</IP_Address><Port>6881</Port>
    <DNS_Name>host9.isp.example.net</DNS_Name><Type>BitTorrent</Type>
    <SubType BaseType="P2P" Protocol="BITTORRENT"/>
  </Source>
  <Content><Item><Title>Cat & Mouse</Title><FileName>cat.mkv</FileName>
    <Hash Type="SHA1">2fd4e1c67a2d28fced849ee1bb76e7391b93eb12</Hash></Item></Content>
</Infringement>
"""


def assert_notice(parsed: ParsedEmail) -> None:
    (item,) = parsed.items
    assert (item.kind, item.value, item.port, item.protocol) == (ItemKind.IP, "198.51.100.9", 6881, "bittorrent")
    assert item.seen_at == datetime(2025, 3, 4, 6, tzinfo=UTC)
    assert (parsed.kind, parsed.category, parsed.template) == (MailKind.ABUSE_REPORT, "Copyright", "acns")
    assert parsed.reporter_reference == "CASE-77"
    assert (parsed.xarf_type, parsed.rsit_class) == ("copyright-p2p", "fraud")
    assert "'Cat & Mouse' of Example Pictures" in parsed.kind_reason


WORDS = "Infringer's address 203.0.113.200, see http://rights.example.org/faq\n\n"


@pytest.mark.parametrize(
    "raw",
    [
        mail(WORDS + "- ---Start ACNS XML\n" + NOTICE + "- ---End ACNS XML\n"),
        mail("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + NOTICE + "-----BEGIN PGP SIGNATURE-----\n"),
        mail("Forwarded:\n\n" + "".join(f"> {line}\n" for line in NOTICE.replace("& M", "&\nM").splitlines()[1:])),
        mail(NOTICE, extra="Content-Type: text/xml\n"),
        multipart(
            f"Content-Type: text/plain\n\n{WORDS}",
            f'Content-Type: application/octet-stream; name="n.xml"\nContent-Transfer-Encoding: base64\n\n'
            f"{b64encode(NOTICE.encode()).decode()}\n",
        ),
    ],
    ids=["in the text", "clear-signed", "quoted", "as the mail", "attached"],
)
def test_a_notice_wherever_it_stands(raw: bytes) -> None:
    assert_notice(read(raw))


def test_what_a_signature_escaped_is_read_as_it_was_written() -> None:
    signed = NOTICE.replace("Cat & Mouse", "\n- -30- (the end)\n")
    parsed = read(mail(f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{signed}"))
    assert "'-30- (the end)' of Example Pictures" in parsed.kind_reason


def test_a_url_is_accused_beside_the_address() -> None:
    notice = (
        NOTICE.replace("<DNS_Name>", "<URL_Base>http://files.example.org/cat.mkv</URL_Base><DNS_Name>")
        .replace('<SubType BaseType="P2P" Protocol="BITTORRENT"/>', "")
        .replace("BitTorrent", "HTTP")
    )
    parsed = read(mail(notice))
    assert values(parsed, ItemKind.URL) == ["http://files.example.org/cat.mkv"]
    assert parsed.xarf_type == "copyright-copyright"


def test_two_notices_in_one_text() -> None:
    parsed = read(mail(WORDS + NOTICE + "\nand\n" + NOTICE.replace("198.51.100.9", "198.51.100.10").partition("?>")[2]))
    assert values(parsed) == ["198.51.100.9", "198.51.100.10"]


def test_entities_of_its_own_are_refused_and_the_words_are_read_instead() -> None:
    bomb = NOTICE.replace("?>", '?><!DOCTYPE x [<!ENTITY a "198.51.100.66">]>', 1).replace("198.51.100.9", "&a;")
    parsed = read(mail(bomb, extra="Content-Type: text/xml\n"))
    assert any("declares a document type" in defect for defect in parsed.defects)
    assert parsed.template == "default"


def test_a_broken_notice_is_named_and_the_words_are_read_instead() -> None:
    parsed = read(mail("Piracy by 203.0.113.7\n\n" + NOTICE.replace("</Source>", "")))
    assert any("no valid XML" in defect for defect in parsed.defects)
    assert "203.0.113.7" in values(parsed)
