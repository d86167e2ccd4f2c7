"""A conversation as a file: what is in it opens and reads, whatever senders wrote, and nobody sees others' mails."""

from __future__ import annotations

import email
import hashlib
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage

import pytest
from pypdf import PdfReader

from abuse.controllers import thread_export, thread_pdf
from abuse.controllers.editing import Refused
from abuse.controllers.thread_export import Form, export_thread, thread_attachment
from abuse.models import Ticket
from abuse.services.email import Attachment, ConversationMail
from abuse.services.email.base import KeptFile
from abuse.services.email.default import DatabaseEmailService
from abuse.services.facade import facade
from abuse.services.storage import StorageService
from abuse.tests.findable import a_ticket

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 31, 12, 30, 5, tzinfo=UTC)
POLISH, RUSSIAN, CHINESE = "Zażółć gęślą jaźń", "Съешь ещё этих мягких булок", "网络钓鱼页面"


class Kept(DatabaseEmailService):
    """A conversation that a test gives."""

    def __init__(self, mails: Sequence[ConversationMail]) -> None:
        super().__init__()
        self.mails = mails

    def get_emails(self, ticket: Ticket) -> Sequence[ConversationMail]:
        return self.mails


def kept(name: str, content_type: str, content: bytes) -> KeptFile:
    key = hashlib.sha256(content).hexdigest()
    StorageService.write(key, content)
    return KeptFile(name, content_type, key, len(content))


def mail(body: str = "Hello", number: int = 0, **fields: object) -> ConversationMail:
    values = {
        "sender": "ticket+BCDFGHJKLM.Defendant@example.net", "recipient": "jo@customer.example",
        "created": NOW - timedelta(days=2) + timedelta(hours=number), "subject": f"Subject {number}",
        "category": "Defendant", **fields,
    }  # fmt: skip
    return ConversationMail(body=body, **values)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = facade("EmailServiceBase")._implementation
    yield
    facade("EmailServiceBase").set_up(before)


def exported(form: Form, *mails: ConversationMail, category: str | None = None) -> Attachment:
    facade("EmailServiceBase").set_up(Kept(mails))
    return export_thread(a_ticket(public_id="BCDFGHJKLM"), form, category=category, now=NOW)


def opened(file: Attachment) -> list[EmailMessage]:
    whole = email.message_from_bytes(file.content, policy=policy.default)
    parts = list(whole.iter_attachments())
    assert {part.get_content_type() for part in parts} == {"message/rfc822"}
    return [part.get_content() for part in parts]


def text_of(message: EmailMessage) -> str:
    """Its text; MIME has CRLF between lines."""
    body = message.get_body()
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def read_pdf(file: Attachment) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(file.content)).pages)


def test_a_file_is_named_after_the_ticket_and_the_moment() -> None:
    names = [export_text(form, "Hello").filename for form in Form]
    assert names == [f"ticket_BCDFGHJKLM_emails_20260131T123005Z.{ending}" for ending in ("eml", "pdf", "html")]


def test_a_mail_client_finds_each_mail_with_its_files() -> None:
    file = kept("Bericht Größe.txt", "text/plain", "Größe\n".encode())
    first = mail(f"{POLISH}\n.\nFrom here on", 0, subject=POLISH)
    second = mail(CHINESE, 1, sender="Jo Müller <jo@customer.example>", subject=CHINESE, attachments=(file,))
    whole = exported(Form.EML, first, second)
    assert whole.content_type == "message/rfc822"
    one, two = opened(whole)
    assert (one["Subject"], one["To"]) == (POLISH, "jo@customer.example")
    assert text_of(one) == f"{POLISH}\n.\nFrom here on\n"
    assert one["Date"].datetime == first.created
    assert (two["Subject"], two["From"].addresses[0].display_name) == (CHINESE, "Jo Müller")
    (part,) = two.iter_attachments()
    assert (part.get_filename(), part.get_content()) == ("Bericht Größe.txt", "Größe\n")
    assert max(map(len, whole.content.split(b"\r\n"))) <= 998


def test_a_pdf_shows_all_scripts() -> None:
    text = read_pdf(exported(Form.PDF, mail(f"{POLISH}\n{RUSSIAN}\n{CHINESE}\nひらがな 한국어", subject=RUSSIAN)))
    for expected in (POLISH, RUSSIAN, CHINESE, "ひらがな", "한국어", f"Subject: {RUSSIAN}", "From: ticket+BCDFGHJKLM"):
        assert expected in text


def test_what_no_font_has_is_spelled_out() -> None:
    text = read_pdf(exported(Form.PDF, mail("fish 🐟 and עברית")))
    assert "fish [U+1F41F] and [U+05E2]" in text


@pytest.mark.parametrize(
    "body",
    [
        "x" * 30_000,
        CHINESE * 5000,
        "\n" * 5000,
        "word\t" * 20_000,
        "".join(map(chr, range(0x250))) + "\u2028\u2029\ufeff\uffff\ud800",
        "\U0010ffff" * 3000,
        "<b>&amp;</b> %PDF ((((( \\) endstream endobj",
        "",
    ],
)
def test_no_text_breaks_a_form(body: str) -> None:
    assert len(PdfReader(io.BytesIO(export_text(Form.PDF, body).content)).pages) >= 1
    assert export_text(Form.HTML, body).content.decode().endswith("</body></html>")
    (message,) = opened(export_text(Form.EML, body))
    cleaned = thread_export._text(body)
    assert text_of(message).rstrip("\n") == cleaned.rstrip("\n")


def export_text(form: Form, body: str) -> Attachment:
    facade("EmailServiceBase").set_up(Kept([mail(body)]))
    ticket = Ticket.filter(public_id="BCDFGHJKLM").first() or a_ticket(public_id="BCDFGHJKLM")
    return export_thread(ticket, form, now=NOW)


def test_long_lines_and_long_texts_are_broken_into_lines_and_pages() -> None:
    file = exported(Form.PDF, mail("verylongword" * 100 + "\n" + "some words " * 5000))
    reader = PdfReader(io.BytesIO(file.content))
    assert len(reader.pages) > 5
    text = reader.pages[0].extract_text().replace("\n", "")
    assert "verylongword" * 100 in text
    assert "2" in reader.pages[1].extract_text().splitlines()


def test_a_pdf_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_pdf, "MAX_LINES", 100)
    text = read_pdf(exported(Form.PDF, mail("line\n" * 1000)))
    assert text.count("line") < 100
    assert "…" in text


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("jo@customer.example", "jo@customer.example"),
        ("Jo <jo@customer.example>", "Jo <jo@customer.example>"),
        ("evil\r\nBcc: all@example.net", "unknown@address.invalid"),
        ("żółw@domain.example", "unknown@address.invalid"),
        ('<<>>,;:"', "unknown@address.invalid"),
        ("", "unknown@address.invalid"),
        ("x" * 5000, "unknown@address.invalid"),
    ],
)
def test_no_sender_writes_a_header(sender: str, shown: str) -> None:
    whole = exported(Form.EML, mail(sender=sender, subject="a\r\nX-Evil: 1", recipient=sender))
    (message,) = opened(whole)
    assert shown in str(message["From"])
    assert message["Subject"] == "a X-Evil: 1"
    assert {name for name, _ in message.items()} <= {
        "From", "To", "Date", "Subject", "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip


def test_no_file_does_harm() -> None:
    files = tuple(
        kept(name, kind, b"data")
        for name, kind in [
            ("../../etc/passwd", "message/rfc822"), ("a\r\nb.txt", "text/plain; x=y\r\nX: 1"), ("", "multipart/mixed"),
            ("x" * 500, "IMAGE/PNG"),
        ]
    )  # fmt: skip
    (message,) = opened(exported(Form.EML, mail(attachments=files)))
    found = [(part.get_filename(), part.get_content_type()) for part in message.iter_attachments()]
    assert found == [
        (".._.._etc_passwd", "application/octet-stream"), ("a b.txt", "application/octet-stream"),
        ("file", "application/octet-stream"), ("x" * 255, "image/png"),
    ]  # fmt: skip


def test_files_have_a_bound_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_export, "MAX_FILES", 10)
    files = (kept("small.bin", "image/png", b"12345"), kept("large.bin", "image/png", b"1234567"))
    (message,) = opened(exported(Form.EML, mail(attachments=files)))
    assert [part.get_filename() for part in message.iter_attachments()] == ["small.bin"]
    assert "[not exported for their size: large.bin]" in text_of(message)


def test_a_page_runs_nothing() -> None:
    page = exported(Form.HTML, mail("<script>alert(1)</script>", subject="<img src=x onerror=y>")).content.decode()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "default-src 'none'" in page


def test_one_side_does_not_see_what_the_other_wrote() -> None:
    ours, theirs = mail("to the customer", 0), mail("from the reporter", 1, category="Plaintiff")
    facade("EmailServiceBase").set_up(Kept([ours, theirs]))
    ticket = a_ticket()
    for form in Form:
        file = thread_attachment(ticket, form=form)
        text = read_pdf(file) if form == Form.PDF else file.content.decode()
        if form == Form.EML:
            assert [text_of(one) for one in opened(file)] == ["to the customer\n"]
        else:
            assert "to the customer" in text
            assert "from the reporter" not in text
    assert "from the reporter" in read_pdf(export_thread(ticket, Form.PDF))


def test_where_there_is_no_mail_there_is_no_file() -> None:
    with pytest.raises(Refused, match="has no mails; nothing to export"):
        export_thread(a_ticket(), Form.PDF)
    facade("EmailServiceBase").set_up(Kept([mail(category="Plaintiff")]))
    with pytest.raises(Refused, match="no mails with category Defendant"):
        thread_attachment(a_ticket())
