"""Mails that no person wrote, of many kinds, as programs and servers send them; written for these tests."""

from __future__ import annotations

from dataclasses import dataclass, field

Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class Robot:
    """What a machine says. `sender` None: the customer's own address, as automatic replies have it."""

    name: str
    subject: str
    text: str
    fields: Fields = field(default_factory=dict)
    sender: str | None = None


_LINE = "https://tracker.example/t/1"
REPLIES = [
    Robot("RFC 3834", "Re: Your service", "I am away.", {"Auto-Submitted": "auto-replied"}),
    Robot("RFC 3834 with a parameter", "Re: x", "Away.", {"Auto-Submitted": 'auto-replied; owner-email="a@b.example"'}),
    Robot("RFC 5230 (Sieve)", "Auto: Your service", "Gone fishing.", {"Auto-Submitted": "auto-replied (vacation)"}),
    Robot("Exchange, English", "Automatic reply: Your service", "I am out of the office until Monday."),
    Robot("Exchange, German", "Automatische Antwort: Ihr Dienst", "Ich bin nicht im Büro."),
    Robot("Exchange, French", "Réponse automatique : Votre service", "Je suis absent du bureau."),
    Robot("Exchange, Spanish", "Respuesta automática: Su servicio", "Estoy fuera de la oficina."),
    Robot("Exchange, Polish", "Odpowiedź automatyczna: Usługa", "Jestem na urlopie."),
    Robot("Exchange, Russian", "Автоответ: Ваш сервис", "Я в отпуске."),
    Robot("Exchange, Japanese", "自動応答: サービス", "休暇中です。"),
    Robot("out of office", "Out of Office: Your service", "Back on Monday."),
    Robot("vacation(1)", "away from my mail", "I will read your mail when I return.", {"Precedence": "junk"}),
    Robot("X-Autoreply", "Re: Your service", "On holiday.", {"X-Autoreply": "yes"}),
    Robot("X-Autorespond", "Re: Your service", "On holiday.", {"X-Autorespond": "Your service"}),
    Robot("cPanel", "Re: Your service", "On holiday.", {"X-Autorespond": "x", "Precedence": "auto_reply"}),
    Robot("Precedence auto_reply", "Re: Your service", "Not here.", {"Precedence": "auto_reply"}),
    Robot("null sender", "Re: Your service", "Your mail has come in.", {"Return-Path": "<>"}),
    Robot("generated", "[#4711] Your service", f"A ticket was opened: {_LINE}", {"Auto-Submitted": "auto-generated"}),
    Robot("notified", "Your service", "A mail was filed.", {"Auto-Submitted": "auto-notified"}),
    Robot("acknowledgement", "We have received your request", "Thank you for contacting us.", {"Precedence": "bulk"}),
    Robot("challenge", "Please confirm your message", "To deliver it, click here.", {"Auto-Submitted": "auto-replied"}),
    Robot("receipt in words", "Read: Your service", "Your message was read on Monday, 23 November 2026 10:00."),
    Robot("quota warning", "Autoreply: mailbox full", "My mailbox is full, write later.", {"X-Auto-Reply": "1"}),
]
RETURNED = [
    Robot(
        "Postfix",
        "Undelivered Mail Returned to Sender",
        "<a@b.example>: host said: 550 5.1.1 unknown",
        {},
        "MAILER-DAEMON@mx.example",
    ),
    Robot(
        "qmail",
        "failure notice",
        "I'm afraid I wasn't able to deliver your message.\n<a@b.example>:\nno mailbox here. (#5.1.1)",
        {"Return-Path": "<>"},
        "MAILER-DAEMON@mx.example",
    ),
    Robot(
        "Exim",
        "Mail delivery failed: returning message to sender",
        "A message could not be delivered: Unrouteable address",
        {"X-Failed-Recipients": "a@b.example"},
        "Mailer-Daemon@mx.example",
    ),
    Robot(
        "sendmail, late",
        "Warning: could not send message for past 4 hours",
        "THIS IS A WARNING MESSAGE ONLY. YOU DO NOT NEED TO RESEND.",
        {"Auto-Submitted": "auto-generated (warning-timeout)"},
        "MAILER-DAEMON@mx.example",
    ),
    Robot(
        "Gmail",
        "Delivery Status Notification (Failure)",
        "550 5.2.1 The account is disabled.",
        {"X-Failed-Recipients": "a@b.example"},
        "mailer-daemon@mail.example",
    ),
    Robot(
        "Exchange",
        "Undeliverable: Your service",
        "Delivery has failed to these recipients.\n5.1.10 RecipientNotFound",
        {"X-MS-Exchange-Message-Is-Ndr": ""},
        "postmaster@mx.example",
    ),
    Robot(
        "full",
        "Delivery failure",
        "452 4.2.2 The mailbox is full; over quota.",
        {"Return-Path": "<>"},
        "postmaster@mx.example",
    ),
    Robot(
        "German",
        "Unzustellbar: Ihr Dienst",
        "Die Nachricht konnte nicht zugestellt werden: Empfänger unbekannt",
        {},
        "postmaster@mx.example",
    ),
    Robot(
        "French",
        "Non remis : Votre service",
        "Le message n'a pas pu être remis.",
        {"Return-Path": "<>"},
        "postmaster@mx.example",
    ),
    Robot(
        "list",
        "Your message to the list",
        "You are not allowed to post to this mailing list.",
        {"X-List-Administrivia": "yes"},
        "staff-bounces@lists.example",
    ),
    Robot(
        "without any form",
        "Returned mail",
        "User unknown",
        {"Return-Path": "<>"},
        "mail-daemon@mx.example",
    ),
]
COMPLAINTS = [
    Robot("generated complaint", "Abuse", "", {"Auto-Submitted": "auto-generated"}),
    Robot("null sender", "Abuse", "", {"Return-Path": "<>"}),
    Robot("bulk", "Abuse", "", {"Precedence": "bulk"}),
    Robot("list", "Abuse", "", {"Precedence": "list"}),
    Robot("junk", "Abuse", "", {"Precedence": "junk"}),
    Robot("List-Id", "Abuse", "", {"List-Id": "<abuse.lists.example>"}),
    Robot("asks for no answer", "Abuse", "", {"X-Auto-Response-Suppress": "All"}),
    Robot("no-reply", "Abuse", "", {}, "no-reply@reporter.example"),
    Robot("noreply with a suffix", "Abuse", "", {}, "noreply-abuse@reporter.example"),
    Robot("daemon", "Abuse", "", {}, "bounces+17@reporter.example"),
]
