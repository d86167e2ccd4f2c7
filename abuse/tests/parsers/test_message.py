"""Structure, charsets, fields and dates of mails of any quality."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import pytest

from abuse.parsers import Limits, ParserContext, parse
from abuse.parsers.charset import codec_for, decode
from abuse.parsers.dates import parse as parse_date
from abuse.parsers.header import addresses, decode_words, parse_parameters

from .samples import mail, multipart, read, values


def test_the_fields_of_an_ordinary_mail() -> None:
    parsed = read(
        mail("Spam from 192.0.2.1", extra="Cc: B <b@example.org>, a@example.org\nIn-Reply-To: <x@example.net>\n")
    )
    assert parsed.provider == "soc@victim.example.com"
    assert parsed.recipients == ("abuse@isp.example.net", "b@example.org", "a@example.org")
    assert parsed.date == datetime(2025, 3, 4, 8, 15, tzinfo=UTC)
    assert parsed.message_id == "1@victim.example.com"
    assert parsed.in_reply_to == ("x@example.net",)
    assert ("Subject", "Complaint") in parsed.headers
    assert parsed.defects == ()


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_gives_the_same_reading(line_end: bytes) -> None:
    raw = multipart("Content-Type: text/plain\n\nbots on 192.0.2.9", "Content-Type: text/html\n\n<p>x</p>")
    parsed = read(raw.replace(b"\n", line_end))
    assert values(parsed) == ["192.0.2.9"]
    assert parsed.body.startswith("bots on 192.0.2.9")
    assert parsed.subject == "Complaint"


@pytest.mark.parametrize(
    "prefix", [b"\n\n", b"From soc@victim.example.com Tue Mar  4 09:15:00 2025\n", b">From x\n", b"\r\n"]
)
def test_what_mailboxes_put_before_a_mail_is_skipped(prefix: bytes) -> None:
    assert read(prefix + mail("192.0.2.1 attacks")).provider == "soc@victim.example.com"


def test_a_mail_without_header_is_a_body() -> None:
    parsed = read(b"You host a phishing page: http://192.0.2.7/login\nNote: urgent\n")
    assert values(parsed) == ["http://192.0.2.7/login"]
    assert "The mail has no header." in parsed.defects


def test_a_header_line_that_lost_its_indentation_does_not_end_the_header() -> None:
    raw = mail("x").replace(b"Subject: Complaint", b"Subject: long\nand broken line\nX-Mailer: y")
    assert read(raw).recipients == ("abuse@isp.example.net",)
    assert read(raw).date is not None


def test_a_body_that_follows_without_blank_line_is_read() -> None:
    raw = b"From: a@example.com\nSubject: abuse\nHello, 192.0.2.3 attacks us\nRegards: x\n"
    assert values(read(raw)) == ["192.0.2.3"]


class TestMultipart:
    def test_a_missing_closing_boundary_loses_nothing(self) -> None:
        raw = multipart("Content-Type: text/plain\n\nscan from 192.0.2.64").removesuffix(b"--bound--\n")
        parsed = read(raw)
        assert values(parsed) == ["192.0.2.64"]
        assert "A multipart has no closing boundary." in parsed.defects

    def test_a_missing_boundary_parameter_is_guessed(self) -> None:
        raw = multipart("Content-Type: text/plain\n\nspam from 192.0.2.65").replace(b'; boundary="bound"', b"")
        parsed = read(raw)
        assert parsed.body.strip() == "spam from 192.0.2.65"
        assert "A multipart has no usable boundary; it was guessed." in parsed.defects

    def test_a_multipart_without_any_boundary_is_text(self) -> None:
        raw = mail("only text, 192.0.2.66", extra="Content-Type: multipart/mixed; boundary=zzz\n")
        assert values(read(raw)) == ["192.0.2.66"]

    def test_a_transfer_encoding_on_a_multipart_is_ignored(self) -> None:
        raw = multipart("Content-Type: text/plain\n\nspam 192.0.2.67", extra="Content-Transfer-Encoding: base64\n")
        assert values(read(raw)) == ["192.0.2.67"]

    def test_a_multipart_encoded_as_a_whole_is_decoded(self) -> None:
        inner = b64encode(b"--bound\nContent-Type: text/plain\n\nspam 192.0.2.68\n--bound--\n").decode()
        raw = mail(inner, extra="Content-Type: multipart/mixed; boundary=bound\nContent-Transfer-Encoding: base64\n")
        assert values(read(raw)) == ["192.0.2.68"]

    def test_a_boundary_that_begins_another_is_not_mistaken_for_it(self) -> None:
        inner = (
            "Content-Type: multipart/alternative; boundary=bound2\n\n"
            "--bound2\nContent-Type: text/plain\n\nattack by 192.0.2.70\n--bound2--"
        )
        parsed = read(multipart(inner, "Content-Type: text/plain\n\nend"))
        assert parsed.body.splitlines() == ["attack by 192.0.2.70", "end"]

    def test_html_only_is_read_as_a_person_would(self) -> None:
        html = "<style>p{}</style><p>Phishing at <a href='http://bad.example.org/x'>this page</a></p><script>1</script>"
        parsed = read(mail(html, extra="Content-Type: text/html\n"))
        assert parsed.body == "Phishing at this page <http://bad.example.org/x>"

    def test_plain_text_wins_and_links_of_the_html_form_are_still_found(self) -> None:
        raw = multipart(
            "Content-Type: text/plain\n\nPhishing, see the link.",
            "Content-Type: text/html\n\n<p>Phishing, see <a href=http://bad.example.org/x>the link</a>.</p>",
            subtype="alternative",
        )
        parsed = read(raw)
        assert parsed.body == "Phishing, see the link."
        assert values(parsed) == ["http://bad.example.org/x"]

    def test_a_plain_stub_gives_way_to_the_html(self) -> None:
        raw = multipart(
            "Content-Type: text/plain\n\nYour client does not support HTML.",
            "Content-Type: text/html\n\n<p>Malware at http://bad.example.org/m</p>",
            subtype="alternative",
        )
        assert read(raw).body == "Malware at http://bad.example.org/m"

    def test_parts_beyond_the_bound_are_named_and_the_others_read(self) -> None:
        raw = multipart(*[f"Content-Type: text/plain\n\nspam 192.0.2.{n}" for n in range(1, 9)])
        parsed = parse(raw, ParserContext(limits=Limits(max_parts=3)))
        assert values(parsed) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
        assert "Only the first 3 parts are read." in parsed.defects


class TestTransferEncodings:
    def encoded(self, encoding: str, body: str) -> str:
        return read(mail(body, extra=f"Content-Transfer-Encoding: {encoding}\n")).body

    def test_base64(self) -> None:
        assert self.encoded("BASE64", b64encode(b"hello there").decode()) == "hello there"

    def test_base64_with_bad_padding_and_rubbish_keeps_what_it_can(self) -> None:
        text = b64encode(b"hello there, this is long enough").decode().rstrip("=")
        assert self.encoded("base64", text[:8] + "\n!\n" + text[8:]).startswith("hello there, this is long eno")

    def test_what_is_called_base64_but_is_not_is_text(self) -> None:
        assert (
            self.encoded("base64", "Dear Sirs, (plain words) & more: 100%.") == "Dear Sirs, (plain words) & more: 100%."
        )

    def test_quoted_printable_with_broken_escapes(self) -> None:
        assert self.encoded("quoted-printable", "a=3Db =ZZ soft=\nend") == "a=b =ZZ softend"

    def test_an_unknown_encoding_is_read_as_it_is(self) -> None:
        parsed = read(mail("text", extra="Content-Transfer-Encoding: x-wibble\n"))
        assert parsed.body == "text"
        assert "The transfer encoding 'x-wibble' is unknown." in parsed.defects


class TestCharsets:
    @pytest.mark.parametrize(
        ("label", "codec"),
        [
            ("shift_jis", "cp932"),
            ("gb2312", "gb18030"),
            ("big5", "big5"),
            ("euc-kr", "cp949"),
            ("iso-2022-jp", "iso2022_jp"),
        ],
    )
    def test_declared_multibyte_charsets(self, label: str, codec: str) -> None:
        words = {"euc-kr": "한국어"}.get(label, "中文")
        raw = mail(words.encode(codec), extra=f"Content-Type: text/plain; charset={label}\n")
        assert read(raw).body == words

    def test_utf8_that_is_called_ascii_is_utf8(self) -> None:
        raw = mail("Prüfung".encode(), extra="Content-Type: text/plain; charset=us-ascii\n")
        assert read(raw).body == "Prüfung"

    def test_latin_bytes_called_utf8_are_windows_1252(self) -> None:
        raw = mail("Prüfung – ok".encode("cp1252"), extra="Content-Type: text/plain; charset=utf-8\n")
        parsed = read(raw)
        assert parsed.body == "Prüfung – ok"
        assert parsed.defects == ("The text is not in the declared charset utf_8.",)

    @pytest.mark.parametrize(
        "label", ["zlib", "rot13", "idna", "punycode", "unicode_escape", "../os", "a" * 500, "x-unknown"]
    )
    def test_a_label_never_chooses_anything_but_a_charset(self, label: str) -> None:
        assert codec_for(label) is None
        assert decode("ä".encode(), label)[0] == "ä"

    def test_no_lone_surrogate_and_no_nul_comes_out(self) -> None:
        raw = mail(b"a\0b+2AA-c", extra="Content-Type: text/plain; charset=utf-7\n")
        body = read(raw).body
        assert "\0" not in body
        body.encode("utf-8")


class TestFields:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("=?utf-8?B?UHLDvGZ1bmc=?=", "Prüfung"),
            ("=?iso-8859-1?Q?Pr=FCfung_x?=", "Prüfung x"),
            ("=?utf-8?Q?Pr=C3?= =?utf-8?Q?=BCfung?=", "Prüfung"),  # cut inside a character
            ("=?utf-8?Q?a b?= c", "a b c"),  # forbidden blank
            ("=?utf-8?B?UHLDvGZ1bmc?=", "Prüfung"),  # padding missing
            ("=?x-unknown?Q?abc?= d", "abc d"),
            ("no =? word ?= here", "no =? word ?= here"),
        ],
    )
    def test_encoded_words(self, written: str, meant: str) -> None:
        assert decode_words(written) == meant

    def test_8bit_fields(self) -> None:
        assert read(mail("x", subject="Prüfung")).subject == "Prüfung"
        assert read(mail("x").replace(b"Complaint", "Prüfung".encode("cp1252"))).subject == "Prüfung"

    def test_rfc2231_parameters(self) -> None:
        value = "attachment; filename*0*=utf-8''Pr%C3%BC; filename*1=\"fung; x.txt\"; size=1"
        assert parse_parameters(value) == ("attachment", {"filename": "Prüfung; x.txt", "size": "1"})

    @pytest.mark.parametrize(
        ("written", "found"),
        [
            ("Name <a@example.com>", ["a@example.com"]),
            ('"Doe, J. <x@example.org>" <a@example.com>', ["a@example.com"]),
            ("a@example.com, b@example.com; c@example.com", ["a@example.com", "b@example.com", "c@example.com"]),
            ("a@example.com (comment)", ["a@example.com"]),
            ("undisclosed-recipients:;", []),
            ("<a@example.com", ["a@example.com"]),
            ("((((" * 10_000 + "a@example.com", ["a@example.com"]),
        ],
    )
    def test_addresses(self, written: str, found: list[str]) -> None:
        assert addresses(written) == found

    @pytest.mark.parametrize(
        ("sender", "provider"),
        [
            ("A <SOC@Example.COM>", "soc@example.com"),
            ("<nobody>", "nobody"),
            ("Mail System <MAILER-DAEMON>", "mailer-daemon"),
            ("<>", "<>"),
            ("", "unknown@provider.com"),
        ],
    )
    def test_provider(self, sender: str, provider: str) -> None:
        assert read(mail("x", sender=sender)).provider == provider


class TestDates:
    @pytest.mark.parametrize(
        ("written", "utc"),
        [
            ("Tue, 04 Mar 2025 07:00:00 +0530", "2025-03-04T01:30:00"),
            ("Tue, 4 Mar 2025 07:00:00 EST", "2025-03-04T12:00:00"),
            ("Mon,  7 Jun 2010 22:32:19 +0200 (CEST)", "2010-06-07T20:32:19"),
            ("Thu, 30 Dec 10 10:37:16 -0800", "2010-12-30T18:37:16"),
            ("2025-03-04T07:00:00Z", "2025-03-04T07:00:00"),
            ("2025-03-04T17:02:02-0400", "2025-03-04T21:02:02"),
            ("2025-03-04 07:00:00 CET", "2025-03-04T06:00:00"),
            ("04.03.2025 07:00:00 MSK", "2025-03-04T04:00:00"),
            ("04/Mar/2025:16:56:27 -0400", "2025-03-04T20:56:27"),
            ("1741071600", "2025-03-04T07:00:00"),
        ],
    )
    def test_notations_with_zone(self, written: str, utc: str) -> None:
        moment, has_zone = parse_date(written)
        assert has_zone
        assert moment == datetime.fromisoformat(utc).replace(tzinfo=UTC)

    @pytest.mark.parametrize(
        "written", ["Tue, 04 Mar 2025 07:00:00", "2025-03-04 07:00:00", "Tue Mar  4 07:00:00 2025"]
    )
    def test_a_time_without_zone_is_utc_and_said_so(self, written: str) -> None:
        parsed = read(mail("x", date=written))
        assert parsed.date == datetime(2025, 3, 4, 7, tzinfo=UTC)
        assert "The Date states no zone; it is read as UTC." in parsed.defects

    @pytest.mark.parametrize(
        "written", ["soon", "99 Xyz 2025 77:00:00 +0000", "Tue, 04 Mar 99999 07:00:00 +9999", "9999999999999"]
    )
    def test_an_unreadable_date_is_none(self, written: str) -> None:
        parsed = read(mail("x", date=written))
        assert parsed.date is None
        assert any("cannot be read" in defect for defect in parsed.defects)


class TestAttachments:
    def test_files_are_kept_with_the_senders_names_as_words(self) -> None:
        raw = multipart(
            "Content-Type: text/plain\n\nsee log, 192.0.2.1",
            'Content-Type: text/plain; name="../../etc/passwd"\nContent-Disposition: attachment\n\nlines',
            "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=",
        )
        parsed = read(raw)
        assert [(a.filename, a.content_type, a.content) for a in parsed.attachments] == [
            ("../../etc/passwd", "text/plain", b"lines"),
            ("part-3", "image/png", b"\x89PNG\r\n\x1a\n"),
        ]

    def test_too_many_and_too_large_ones_are_named(self) -> None:
        big = "Content-Type: application/pdf; name=big.pdf\n\n" + "x" * 3_000
        small = "Content-Type: application/pdf; name=small.pdf\n\nx"
        limits = Limits(max_attachments=2, max_attachment_bytes=1_000)
        parsed = parse(multipart(big, small, small, small), ParserContext(limits=limits))
        assert [a.filename for a in parsed.attachments] == ["small.pdf", "small.pdf"]
        assert "Attachment 'big.pdf' of 3000 bytes is too large to be kept." in parsed.defects
        assert "Only the first 2 of 4 attachments are kept." in parsed.defects

    def test_a_forwarded_message_is_shown_below_the_text(self) -> None:
        raw = multipart(
            "Content-Type: text/plain\n\nspam, see below",
            "Content-Type: message/rfc822\n\nFrom: x@bulk.example.org\nSubject: Buy\n\nBuy now",
        )
        body = read(raw).body
        assert body.startswith("spam, see below")
        assert "From: x@bulk.example.org" in body
        assert body.endswith("Buy now")


def test_header_fields_beyond_the_bound_are_named_and_the_body_is_read() -> None:
    raw = mail("spam from 192.0.2.1", extra="".join(f"X-{n}: a\n b\n" for n in range(50)))
    parsed = parse(raw, ParserContext(limits=Limits(max_headers=10)))
    assert len(parsed.headers) == 10
    assert parsed.headers[-1] == ("X-4", "a b")
    assert parsed.body == "spam from 192.0.2.1"
    assert "Only the first 10 header fields are read." in parsed.defects


def test_a_pattern_that_re2_does_not_take_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"fqdn_re: '\(\?=a\)' is no RE2 pattern"):
        ParserContext(fqdn_re="(?=a)")


@pytest.mark.parametrize("raw", ["Größe".encode("latin-1"), "Größe".encode()])
def test_8_bit_header_fields_are_read_and_said(raw: bytes) -> None:
    parsed = read(mail("x", subject="HERE").replace(b"HERE", raw))
    assert parsed.subject == "Größe"
    assert "The header has 8-bit bytes; RFC 5322 allows ASCII only." in parsed.defects
    assert read(mail("Größe")).defects == ()


def test_the_category_of_a_complaint_that_only_forwards_is_that_of_what_it_forwards() -> None:
    inner = "Subject: please act\n\nA phishing site: http://bad.example.org/x\n"
    wrapped = f"Subject: Fwd\nContent-Type: multipart/mixed; boundary=i\n\n--i\nContent-Type: message/rfc822\n\n{inner}"
    parsed = read(
        multipart("Content-Type: text/plain\n\nFor you.\n", f"Content-Type: message/rfc822\n\n{wrapped}--i--\n")
    )
    assert (parsed.category, values(parsed)) == ("Phishing", ["http://bad.example.org/x"])
