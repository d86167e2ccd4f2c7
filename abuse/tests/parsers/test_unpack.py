"""Mails packed into mails: winmail.dat, and messages in archives."""

from __future__ import annotations

import io
import random
import struct
import tarfile
import time
import zipfile
from base64 import b64encode

import pytest

from abuse.parsers import Limits, MailKind, ParsedEmail, archives, rtf, tnef

from .samples import multipart, read, values


def attribute(level: int, number: int, content: bytes) -> bytes:
    return struct.pack("<BII", level, number, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def property_(number: int, type_: int, content: bytes) -> bytes:
    padding = b"\0" * (-len(content) % 4)
    return struct.pack("<HHII", type_, number, 1, len(content)) + content + padding


def stream(*attributes: bytes) -> bytes:
    return tnef.SIGNATURE + b"\x01\x00" + b"".join(attributes)


def file(name: str, content: bytes, *, long_name: str = "") -> bytes:
    properties = [property_(0x370E, 0x001E, b"text/plain\0")]
    if long_name:
        properties.append(property_(0x3707, 0x001F, long_name.encode("utf-16-le") + b"\0\0"))
    return (
        attribute(2, 0x00069002, b"\0" * 14)
        + attribute(2, 0x00018010, name.encode() + b"\0")
        + attribute(2, 0x0006800F, content)
        + attribute(2, 0x00069005, struct.pack("<I", len(properties)) + b"".join(properties))
    )


BODY = attribute(1, 0x0002800C, b"Phishing at http://bad.example.org/x\0")


def with_file(
    content: bytes, name: str, words: str = "", content_type: str = "application/octet-stream"
) -> ParsedEmail:
    return read(
        multipart(
            f"Content-Type: text/plain\n\n{words}\n",
            f'Content-Type: {content_type}; name="{name}"\nContent-Transfer-Encoding: base64\n\n'
            f"{b64encode(content).decode()}\n",
        )
    )


class TestTNEF:
    def test_the_text_of_a_mail_without_any(self) -> None:
        parsed = with_file(stream(BODY), "winmail.dat", content_type="application/ms-tnef")
        assert values(parsed) == ["http://bad.example.org/x"]
        assert parsed.body == "Phishing at http://bad.example.org/x"

    def test_its_text_is_not_read_beside_the_mails_own(self) -> None:
        parsed = with_file(stream(BODY), "winmail.dat", "Phishing at http://other.example.org/y")
        assert values(parsed) == ["http://other.example.org/y"]

    def test_files_become_attachments_and_are_searched(self) -> None:
        parsed = with_file(
            stream(file("LOG~1.TXT", b"Failed password from 203.0.113.7", long_name="l\u00f6g.txt")),
            "winmail.dat",
            "Attack, see the log",
        )
        assert [(one.filename, one.content_type, one.content) for one in parsed.attachments][1:] == [
            ("l\u00f6g.txt", "text/plain", b"Failed password from 203.0.113.7")
        ]
        assert values(parsed) == ["203.0.113.7"]

    def test_html_and_packed_rich_text(self) -> None:
        html = attribute(1, 0x00069003, struct.pack("<I", 1) + property_(0x1013, 0x0102, b"<p>One</p><p>Two</p>"))
        assert tnef.read(stream(html)).text == "One\n\nTwo"
        packed = b"\0" * 4 + struct.pack("<I", 100) + b"MELA" + b"\0" * 4 + rb"{\rtf1 {\fonttbl x}A\'e9\par B\u233?C}"
        rich = attribute(1, 0x00069003, struct.pack("<I", 1) + property_(0x1009, 0x0102, packed))
        assert tnef.read(stream(rich)).text == "A\u00e9\nB\u00e9C"

    def test_a_message_inside(self) -> None:
        inner = stream(attribute(1, 0x00018004, b"Inner\0"), BODY)
        data = attribute(2, 0x00069005, struct.pack("<I", 1) + property_(0x3701, 0x000D, b"\0" * 16 + inner))
        (found,) = tnef.read(stream(attribute(2, 0x00069002, b""), data)).files
        assert found.content == b"Inner\n\nPhishing at http://bad.example.org/x"

    def test_messages_in_messages_are_bounded(self) -> None:
        data = stream(BODY)
        for _ in range(tnef.MAX_DEPTH + 3):
            value = property_(0x3701, 0x000D, b"\0" * 16 + data)
            data = stream(attribute(2, 0x00069002, b""), attribute(2, 0x00069005, struct.pack("<I", 1) + value))
        assert any("deeper" in sentence for sentence in tnef.read(data).defects)

    @pytest.mark.parametrize("size", [0, 3, 6, 10, 20, 60, 90])
    def test_what_is_cut_off(self, size: int) -> None:
        data = stream(file("a.txt", b"x" * 50), BODY)[:size]
        if size < 4:
            with pytest.raises(tnef.TNEFError):
                tnef.read(data)
        else:
            tnef.read(data)

    def test_damage_is_survived(self) -> None:
        generator = random.Random(7)
        whole = stream(file("a.txt", b"x" * 50, long_name="b.txt"), BODY)
        for _ in range(500):
            data = bytearray(whole)
            for _ in range(5):
                data[generator.randrange(6, len(data))] = generator.randrange(256)
            tnef.read(bytes(data))

    def test_a_false_label_is_said(self) -> None:
        parsed = with_file(b"no tnef at all", "winmail.dat", "Abuse of 192.0.2.1", "application/ms-tnef")
        assert "A winmail.dat file is not opened: it does not begin as TNEF does." in parsed.defects


class TestRTF:
    def test_the_dictionary_and_its_end(self) -> None:
        # "{\rtf1\ansi" from the preset, then "!" as it stands, then the end mark
        preset = (0 << 4 | 9).to_bytes(2, "big")
        end = ((207 + 12) << 4).to_bytes(2, "big")
        packed = b"\0" * 4 + struct.pack("<I", 1000) + b"LZFu" + b"\0" * 4 + b"\x05" + preset + b"!" + end
        assert rtf.decompressed(packed) == b"{\\rtf1\\ansi!"

    def test_html_inside(self) -> None:
        text = (
            rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\b Bold\htmlrtf0 Hello"
            rb"{\*\htmltag72 </p>}\htmlrtf }\htmlrtf0}"
        )
        assert rtf.to_text(text) == "Hello"

    @pytest.mark.parametrize("piece", [b"{", b"}", b"\\b", b"\\u1?", b"\\'", b"\\*\\x", b"{\\*\\x"])
    def test_hostile_text_takes_little_time(self, piece: bytes) -> None:
        start = time.process_time()
        rtf.to_text(b"{\\rtf1" + piece * 200_000)
        assert time.process_time() - start < 2


ARF = (
    b"From: fbl@reporter.example.org\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
    b"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nSource-IP: 192.0.2.77\n\n--b--\n"
)


def packed(kind: str, files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w:gz" if kind == "tar.gz" else "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


class TestArchives:
    @pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
    def test_a_report_in_an_archive(self, kind: str) -> None:
        parsed = with_file(packed(kind, {"readme.txt": b"x", "report.eml": ARF}), f"reports.{kind}", "Reports attached")
        assert (parsed.kind, values(parsed)) == (MailKind.FEEDBACK_REPORT, ["192.0.2.77"])

    @pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
    def test_members(self, kind: str) -> None:
        defects: list[str] = []
        content = packed(kind, {"a": b"one", "b.log": b"two"})
        found = list(archives.members(content, Limits(), defects.append, lambda name: name.endswith(".log")))
        assert [(member.name, member.content) for member in found] == [("b.log", b"two")]
        assert defects == []

    def test_a_tar_file_that_unpacks_to_too_much(self) -> None:
        defects: list[str] = []
        content = packed("tar", {"a": b"x" * 5000, "b": b"x" * 5000})
        found = list(archives.members(content, Limits(max_archive_bytes=8000), defects.append))
        assert [member.name for member in found] == ["a"]
        assert defects == ["An attached tar archive unpacks to too much; it is not read further."]

    def test_links_in_a_tar_file_lead_nowhere(self) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            link = tarfile.TarInfo("passwd")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
        assert list(archives.members(buffer.getvalue(), Limits(), pytest.fail)) == []

    @pytest.mark.parametrize("size", [300, 600, 1500])
    def test_a_damaged_tar_file(self, size: int) -> None:
        content = packed("tar", {"a": b"x" * 5000})[:size]
        defects: list[str] = []
        list(archives.members(content, Limits(), defects.append))
        assert defects == ["An attached tar archive is damaged."]

    @pytest.mark.parametrize(
        ("magic", "kind"),
        [(b"Rar!\x1a\x07\x00", "RAR"), (b"\x28\xb5\x2f\xfd", "Zstandard")],
    )
    def test_archives_that_are_not_unpacked_are_named(self, magic: bytes, kind: str) -> None:
        parsed = with_file(magic + b"x" * 50, "logs.bin", "Abuse of 192.0.2.1")
        assert f"Attachment 'logs.bin' is a {kind} archive, which is not unpacked." in parsed.defects
