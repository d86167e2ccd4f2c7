"""Which texts of a complaint are searched, what is kept, and the category guessed."""

from __future__ import annotations

import io
import zipfile
from base64 import b64encode

import pytest

from abuse.parsers import ItemKind, MailKind
from abuse.parsers.categories import guess
from abuse.parsers.context import CATEGORIES

from .samples import mail, multipart, read, values


def test_the_reporters_own_pages_are_left_out() -> None:
    body = "Phishing at http://bad.example.net/x. See https://www.victim.example.com/case/1 and http://www.x-arf.org/"
    assert values(read(mail(body, sender="a@example.com"))) == ["http://bad.example.net/x"]


def test_a_form_of_the_desks_own_may_name_sites_below_its_domain() -> None:
    raw = mail("Abuse at http://customer.isp.example.net/x", sender="form@isp.example.net")
    assert values(read(raw)) == ["http://customer.isp.example.net/x"]


def test_what_stands_below_a_signature_counts_only_when_nothing_else_does() -> None:
    signature = "\n-- \nhttp://sig.example.org/"
    assert values(read(mail("attack from 192.0.2.1" + signature))) == ["192.0.2.1"]
    assert values(read(mail("an attack, see" + signature))) == ["http://sig.example.org/"]


def test_private_addresses_count_only_when_no_public_one_is_named() -> None:
    assert values(read(mail("attack from 10.0.0.5 (nat of 192.0.2.1)"))) == ["192.0.2.1"]
    assert values(read(mail("attack from 10.0.0.5"))) == ["10.0.0.5"]


def test_networks_of_quoted_whois_do_not_stand_beside_an_address() -> None:
    assert values(read(mail("attack from 192.0.2.1, route: 192.0.2.0/24"))) == ["192.0.2.1"]
    assert values(read(mail("attack from 192.0.2.0/24"))) == ["192.0.2.0/24"]


def test_quoted_received_fields_count_only_without_other_address() -> None:
    hops = (
        "\n\nReceived: from mx (localhost [127.0.0.1]) by store\n"
        "Received: from out.bulk.example.org (out.bulk.example.org [203.0.113.61])\n\tby mx.example.com\n"
        "Received: from forged ([203.0.113.62]) by out.bulk.example.org\n"
    )
    parsed = read(mail("Spam: http://click.example.org/u" + hops))
    assert values(parsed) == ["http://click.example.org/u", "203.0.113.61"]
    assert parsed.items[1].place == "body Received"
    assert values(read(mail("Spam from 192.0.2.1" + hops))) == ["192.0.2.1"]


def test_an_attached_spam_names_its_source_and_links() -> None:
    spam = (
        b"Received: from out.bulk.example.org ([198.51.100.150]) by mx.example.com; Mon, 3 Mar 2025 17:02:11 +0000\n"
        b"From: x@bulk.example.org\nContent-Type: text/html\n\n<a href='http://land.bulk.example.org/?a=1&amp;b=2'>x</a>"
    )
    part = (
        'Content-Type: application/octet-stream; name="spam.eml"\nContent-Transfer-Encoding: base64\n'
        f"Content-Disposition: attachment\n\n{b64encode(spam).decode()}"
    )
    parsed = read(multipart("Content-Type: text/plain\n\nspam, see attachment", part))
    assert values(parsed) == ["http://land.bulk.example.org/?a=1&b=2", "198.51.100.150"]
    assert parsed.category == "Spam"


def test_attached_logs_are_searched_when_the_text_names_nothing() -> None:
    label = "Content-Type: text/plain; name=x.log\nContent-Disposition: attachment"
    log = f"{label}\n\nFailed password from 192.0.2.44 port 4000"
    parsed = read(multipart("Content-Type: text/plain\n\nabuse, log attached", log))
    assert values(parsed) == ["192.0.2.44"]
    assert parsed.items[0].place == "attachment 2"
    assert values(read(multipart("Content-Type: text/plain\n\nattack by 192.0.2.45", log))) == ["192.0.2.45"]


def archive(name: str, content: bytes) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return (
        "Content-Type: application/zip; name=x.zip\nContent-Transfer-Encoding: base64\n\n"
        + b64encode(packed.getvalue()).decode()
    )


def test_archived_logs_are_searched_in_memory() -> None:
    raw = multipart("Content-Type: text/plain\n\nabuse log", archive("../../evil.csv", b"ip\n192.0.2.46\n"))
    assert values(read(raw)) == ["192.0.2.46"]


def test_an_archive_that_unpacks_to_too_much_is_left() -> None:
    raw = multipart(
        "Content-Type: text/plain\n\nabuse log",
        archive("x.log", b"what our log says of 192.0.2.46 in words\n" * 400_000),
    )
    parsed = read(raw)
    assert parsed.items == ()
    assert "An attached zip archive unpacks to too much; it is not read further." in parsed.defects


def test_names_with_www_count_only_when_nothing_else_is_named() -> None:
    parsed = read(mail("Phishing at www.bad.example.org/login and www.worse.example.org."))
    assert [(i.kind, i.value) for i in parsed.items] == [
        (ItemKind.URL, "http://www.bad.example.org/login"),
        (ItemKind.FQDN, "www.worse.example.org"),
    ]
    assert values(read(mail("Phishing at www.bad.example.org on 192.0.2.1"))) == ["192.0.2.1"]


def test_the_subject_is_searched() -> None:
    parsed = read(mail("see subject", subject="Port scan from 198.51.100.99"))
    assert (values(parsed), parsed.kind) == (["198.51.100.99"], MailKind.ABUSE_REPORT)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("This is illegal content", "Illegal"),
        ("Our legal team asks you", None),
        ("A phishing page", "Phishing"),
        ("Phishing and spam", "Phishing"),
        ("spam, spam and phishing", "Spam"),
        ("DMCA: copyright infringement", "Copyright"),
        ("material distributed illegally, without my consent", "Copyright"),
        ("illegal distribution of child abuse material", "Illegal"),
        ("IOCs of last week", "Malware"),
        ("DDoS attack from your host", "Network Attack"),
        ("brute-force login attempts", "Intrusion"),
        ("brute\nforce", "Intrusion"),
        ("a botnet controller", "Malware"),
        ("antispammer robots", None),
        ("http://spam.example.org/", "Spam"),
        ("copyright notice: http://spam.example.org/phishing/malware", "Copyright"),
        ("Windows is proxying to-dos", None),
        ("hello", None),
    ],
)
def test_category_of_free_text(text: str, category: str | None) -> None:
    assert guess(text, CATEGORIES)[0] == category


def test_the_reason_names_the_keyword() -> None:
    assert guess("Spam! More spam.", CATEGORIES) == ("Spam", "keywords of Spam occur 2 times, first 'spam'")


def test_a_category_that_the_desk_does_not_have_is_not_guessed() -> None:
    assert guess("phishing and spam", ("Spam", "Other"))[0] == "Spam"


def test_a_complaint_without_keyword_is_other() -> None:
    parsed = read(mail("See 192.0.2.1", subject="Notice"))
    assert (parsed.category, parsed.category_reason) == ("Other", "no category's keyword occurs in the text")
