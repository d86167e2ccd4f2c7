"""The new text of answers."""

from __future__ import annotations

import time

import pytest

from abuse.parsers import replies

NEW = "We removed the page.\n\nKim"


@pytest.mark.parametrize(
    "quote",
    [
        "On Mon, 3 Mar 2025 at 10:02, ISP Abuse <abuse@isp.example.net> wrote:\n> Please act.\n",
        "On Mon, 3 Mar 2025 at 10:02, ISP Abuse <\nabuse@isp.example.net> wrote:\n\n> Please act.\n",
        "On Mar 3, 2025, at 10:02 AM,\nISP Abuse\n<abuse@isp.example.net>\nwrote:\n\nPlease act.\n",
        "Am 03.03.2025 um 10:02 schrieb ISP Abuse <abuse@isp.example.net>:\n> Bitte.\n",
        "ISP Abuse <abuse@isp.example.net> schrieb am Mo., 3. März 2025\num 10:02 Uhr:\n\n> Bitte.\n",
        "Le lun. 3 mars 2025 à 10:02, ISP Abuse <abuse@isp.example.net> a écrit :\n> Merci.\n",
        "El lun, 3 mar 2025 a las 10:02, ISP Abuse (<abuse@isp.example.net>) escribió:\n\n> Por favor.\n",
        "Il giorno lun 3 mar 2025 alle ore 10:02 ISP Abuse <abuse@isp.example.net> ha scritto:\n> Prego.\n",
        "Em seg., 3 de mar. de 2025 às 10:02, ISP Abuse <abuse@isp.example.net> escreveu:\n> Favor.\n",
        "Op ma 3 mrt 2025 om 10:02 schreef ISP Abuse <abuse@isp.example.net>:\n> Graag.\n",
        "Den mån 3 mars 2025 kl 10:02 skrev ISP Abuse <abuse@isp.example.net>:\n> Tack.\n",
        "pon., 3 mar 2025 o 10:02 ISP Abuse <abuse@isp.example.net> napisał(a):\n> Prosimy.\n",
        "пн, 3 мар. 2025 г. в 10:02, ISP Abuse <abuse@isp.example.net>:\n> Просим.\n",
        "2025年3月3日(月) 10:02 ISP Abuse <abuse@isp.example.net>:\n> お願い\n",
        "3.3.2025, 10.02, ISP Abuse <abuse@isp.example.net>:\nPlease act.\n",
        "-----Original Message-----\nFrom: ISP Abuse\nSent: Monday\n\nPlease act.\n",
        "-----Ursprüngliche Nachricht-----\nVon: ISP Abuse\n\nBitte.\n",
        "________________________________\nFrom: ISP Abuse <abuse@isp.example.net>\nSent: Monday, March 3, 2025 10:02\n"
        "To: Kim\nSubject: Abuse\n\nPlease act.\n",
        "*Von:* ISP Abuse\n*Gesendet:* Montag, 3. März 2025 10:02\n*An:* Kim\n*Betreff:* Abuse\n\nBitte.\n",
        "De : ISP Abuse\nEnvoyé : lundi 3 mars 2025\nÀ : Kim\nObjet : Abuse\n\nMerci.\n",
        "差出人: ISP Abuse\n送信日時: 2025年3月3日\n宛先: Kim\n件名: Abuse\n\nお願い\n",
        "##- Please type your reply above this line -##\n\nYour ticket.\n",
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_quoted_mails_in_many_languages(quote: str, line_end: str) -> None:
    body = f"{NEW}\n\n{quote}".replace("\n", line_end)
    assert replies.new_text(body) == NEW
    assert replies.quotes_a_mail(body)


def test_words_between_quoted_lines_are_kept() -> None:
    body = "On 3 Mar 2025, abuse@isp.example.net wrote:\n> Who?\n\nIt was 192.0.2.9.\n\n> When?\n\nOn Monday.\n"
    assert replies.new_text(body) == "It was 192.0.2.9.\n\n\nOn Monday."


@pytest.mark.parametrize(
    "ending",
    [
        "-- \nKim Tenant\nExample Ltd\n+44 1632 960000\n",
        "--\nKim\n",
        "Sent from my iPhone\n",
        "Von meinem iPhone gesendet\n",
        "Envoyé de mon iPhone\n",
        "Get Outlook for iOS<https://aka.ms/x>\n",
        "Отправлено с iPhone\n",
        "_______________\nKim Tenant\n",
        "Sent from my phone\n\n\n",
    ],
)
def test_signatures(ending: str) -> None:
    assert replies.new_text(f"{NEW}\n\n{ending}") == NEW


@pytest.mark.parametrize(
    "text",
    [
        "On the surface it looks fine.\nOn average, too.",
        "The notification was sent from my server to all users.\nThis is the end.",
        "What comes From: our database is safe.",
        "Here:\n\n----\n\n1. first\n\n----\n\n2. second",
        "From 10:00 to 11:00 the server was down.\nThen it ran again.",
        "Two lines:\n2025-03-04 10:00:01 sshd: closed\n2025-03-04 10:00:02 sshd: opened",
        "This line is no quote: > 100 requests.",
        "To: do\nSubject: to change",
    ],
)
def test_what_is_no_quote_is_kept(text: str) -> None:
    assert replies.new_text(text) == text
    assert not replies.quotes_a_mail(text)


def test_a_mark_with_too_much_below_is_no_signature() -> None:
    text = "Summary\n--\n" + "\n".join(f"line {number}" for number in range(40))
    assert replies.new_text(text) == text


def test_only_quoted_text_is_nothing_new() -> None:
    assert replies.new_text("> all\n> of it\n") == ""


def test_a_mail_that_only_forwards_is_kept() -> None:
    body = "---------- Forwarded message ----------\nFrom: x@example.org\nDate: today\nSubject: y\n\nThe page is bad.\n"
    assert replies.new_text(body) == "The page is bad."


def test_who_wrote_what_is_quoted() -> None:
    body = (
        "Done.\n\nFrom: ISP Abuse <Abuse@isp.example.net>\nSent: Monday\nTo: kim@tenant.example.org\nSubject: x\n\nHi"
    )
    assert replies.quoted_addresses(body) == ["abuse@isp.example.net", "kim@tenant.example.org"]
    assert replies.quoted_addresses("Done.") == []


@pytest.mark.parametrize(
    "piece",
    [
        "On 3 Mar 2025 at 10:02:\n", "From: x\n", ">", "\n", "_____\n", "--\n", "<a@b.example>:\n", "From: a\nTo: b\n",
        "a@b.example ", "2025-03-04 10:00:01 sshd[1]: x@y.example from 203.0.113.9 port 22\n", "\r",
    ],
)  # fmt: skip
def test_hostile_text_takes_little_time(piece: str) -> None:
    body = piece * (1_000_000 // len(piece))
    start = time.process_time()
    assert len(replies.new_text(body)) <= replies.MAX_CHARACTERS
    assert time.process_time() - start < 2
