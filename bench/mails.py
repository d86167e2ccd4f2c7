"""The benchmark's mails: realistic in form, size and mix, and the same for the same number and seed."""

from __future__ import annotations

import base64
import json
import quopri
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from .cast import (
    FEEDBACK_LOOPS,
    NOISY,
    PHISHING_WATCHERS,
    RIGHTS_HOLDERS,
    SENSORS,
    Customer,
    Reporter,
    make_customers,
    people,
)

SMALLEST, LARGEST = 2_000, 30_000
"""Bytes of a mail, about: most are small, few large (log-uniform)."""
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_TEXT = """
account address antenna balance basket battery before camera carrier center change client coffee county customer
delivery discount document double engine evening express factory family filter finger forest garden general
harbour history holiday invoice island kitchen ladder letter library limited machine market message mirror
morning natural notice number office online order packet paper payment pencil people picture planet pocket
premium private product profile project quality question railway reason receipt record remote repair result
return reward river schedule school season second secure service silver simple special spring station street
summer supply survey system ticket travel update upgrade vendor verify village visitor weather window winter
"""
_WORDS = _TEXT.split()


@dataclass(slots=True)
class _Case:
    """What one mail is about."""

    chance: random.Random
    customer: Customer
    people: Sequence[Reporter]
    at: datetime
    number: int
    size: int

    def prose(self, bytes_wanted: int) -> str:
        lines: list[str] = []
        length = 0
        while length < bytes_wanted:
            line = " ".join(self.chance.choices(_WORDS, k=11)).capitalize() + "."
            lines.append(line)
            length += len(line) + 2
            if self.chance.random() < 0.2:
                lines.append("")
        return "\n".join(lines)

    def stamp(self, minutes: float) -> str:
        return (self.at - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def head(self, sender: Reporter, subject: str, content: str, *more: str) -> str:
        host = sender.email.rpartition("@")[2]
        date = format_datetime(self.at)
        return "\n".join(
            (
                f"Return-Path: <{sender.email}>",
                "Delivered-To: abuse@example.net",
                f"Received: from out.{host} (out.{host} [192.0.2.{200 + self.number % 50}])",
                f"\tby mx1.example.net (Postfix) with ESMTPS id {self.chance.getrandbits(40):010X}",
                f"\tfor <abuse@example.net>; {date}",
                "Authentication-Results: mx1.example.net;",
                f"\tspf=pass smtp.mailfrom={host}; dkim=pass header.d={host}",
                f"Date: {date}",
                f"From: <{sender.email}>",
                "To: abuse@example.net",
                f"Subject: {subject}",
                f"Message-ID: <{self.at:%Y%m%d%H%M%S}.{self.number}.{self.chance.getrandbits(48):x}@{host}>",
                *more,
                "MIME-Version: 1.0",
                f"Content-Type: {content}",
            )
        )


def make_mails(count: int, *, seed: int = 1) -> list[bytes]:
    """So many mails, oldest first. The more there are, the more people write; customers and watchers stay the same."""
    return list(_mails(count, random.Random(seed)))


def _mails(count: int, chance: random.Random) -> Iterator[bytes]:
    customers = make_customers()
    # Few customers cause most of the complaints.
    weights = [1 / (rank + 3) for rank in range(len(customers))]
    reporters = people(max(20, count // 4))
    kinds, shares = list(_MIX), list(_MIX.values())
    for number in range(count):
        case = _Case(
            chance=chance,
            customer=chance.choices(customers, weights)[0],
            people=reporters,
            at=START + timedelta(seconds=number * 40),
            number=number,
            size=int(SMALLEST * (LARGEST / SMALLEST) ** chance.random()),
        )
        text = chance.choices(kinds, shares)[0](case)
        yield text.replace("\n", "\r\n").encode()


def _feedback(case: _Case) -> str:
    """ARF (RFC 5965) from a mailbox provider."""
    sender, customer = case.chance.choice(FEEDBACK_LOOPS), case.customer
    when = format_datetime(case.at - timedelta(minutes=11))
    boundary = f"fbl_{case.chance.getrandbits(32):08x}"
    content = f'multipart/report; report-type=feedback-report; boundary="{boundary}"'
    return f"""{case.head(sender, "FW: Your order", content)}

--{boundary}
Content-Type: text/plain; charset="us-ascii"

This is an email abuse report for a message received from IP {customer.address} on {when}.

--{boundary}
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: BenchFBL/1.0
Version: 1
Original-Mail-From: <news@{customer.domain}>
Original-Rcpt-To: <{case.chance.getrandbits(40):010x}@bigmail.example>
Arrival-Date: {when}
Source-IP: {customer.address}
Reported-Domain: {customer.domain}

--{boundary}
Content-Type: message/rfc822

{_spam(case, case.size - 1500)}
--{boundary}--
"""


def _spam(case: _Case, size: int) -> str:
    """The unwanted message itself, with all headers."""
    customer = case.customer
    when = format_datetime(case.at - timedelta(minutes=12))
    return f"""Received: from {customer.domain} ({customer.domain} [{customer.address}])
\tby mx4.bigmail.example (MTA) with ESMTP id {case.chance.getrandbits(24):06X}
\tfor <someone@bigmail.example>; {when}
From: "Shop" <news@{customer.domain}>
To: <someone@bigmail.example>
Subject: {" ".join(case.chance.choices(_WORDS, k=5))}
Date: {when}
Message-ID: <{case.chance.getrandbits(64):x}@{customer.domain}>
List-Unsubscribe: <https://{customer.domain}/u/{case.chance.getrandbits(32):x}>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

{case.prose(size)}

http://{customer.domain}/pay?id={case.number}
"""


def _spam_complaint(case: _Case) -> str:
    """A person who sends the spam he got with its headers."""
    sender = case.chance.choice(case.people)
    quoted = "\n".join(f"> {line}" for line in _spam(case, case.size - 1800).splitlines())
    head = case.head(sender, "spam from your network", "text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
    return f"""{head}

Hello, your customer at {case.customer.address} sends me spam. Please make it stop. Merci à vous !

{quoted}
"""


def _intrusion(case: _Case) -> str:
    """A plain complaint with the lines of a log."""
    sender = case.chance.choice((*SENSORS, *NOISY, *case.people[:40]))
    lines = [
        f"{case.stamp(minute / 10)} sshd[{4000 + minute}]: Failed password for root from {case.customer.address}"
        f" port {40_000 + minute} ssh2"
        for minute in range(max(5, (case.size - 1200) // 90))
    ]
    return f"""{case.head(sender, f"brute force from {case.customer.address}", "text/plain; charset=us-ascii")}

Dear abuse team,

the host {case.customer.address} attacked our servers (ssh brute force). All times are UTC.

{chr(10).join(lines)}

Regards
"""


def _xarf_yaml(case: _Case) -> str:
    """X-ARF 0.2 of a sensor."""
    sender = case.chance.choice(SENSORS[:2])
    boundary = f"Abuse-{case.chance.getrandbits(32):08x}"
    log = "\n".join(
        f"{case.stamp(n / 20)}"
        f" sshd[{4000 + n}]: Failed password for root from {case.customer.address} port {41_000 + n} ssh2"
        for n in range(max(3, (case.size - 1900) // 95))
    )
    subject = f"abuse report about {case.customer.address} - ssh"
    return f"""{case.head(sender, subject, f'multipart/mixed; boundary="{boundary}"', "X-XARF: PLAIN")}

--{boundary}
Content-Type: text/plain; charset=utf-8

A machine of yours tried many passwords on one of our sensors. The second part is for your parser.

--{boundary}
Content-Type: text/plain; charset=utf-8; name="report.txt"

---
Reported-From: {sender.email}
Category: abuse
Report-Type: login-attack
Service: ssh
Version: 0.2
User-Agent: bench 1.0
Date: {format_datetime(case.at - timedelta(minutes=5))}
Source-Type: ipv4
Source: {case.customer.address}
Port: 22
Report-ID: {case.number}@{sender.email.rpartition("@")[2]}
Schema-URL: http://www.honeypots.example/schema/abuse_login-attack_0.1.2.json
Attachment: text/plain

--{boundary}
Content-Type: text/plain; charset=utf-8; name="logfile.log"

{log}

--{boundary}--
"""


def _xarf_json(case: _Case) -> str:
    """XARF 4 with evidence."""
    sender = case.chance.choice((*SENSORS[:2], *PHISHING_WATCHERS[:1]))
    evidence = case.prose(max(200, (case.size - 2000) * 3 // 4)).encode()
    party = {"org": "Bench", "contact": sender.email, "domain": sender.email.rpartition("@")[2]}
    report = {
        "xarf_version": "4.2.0",
        "report_id": f"6d1f5c52-0f0f-4f53-9b0b-{case.number:012x}",
        "timestamp": case.stamp(3),
        "reporter": party,
        "sender": party,
        "source_identifier": case.customer.address,
        "source_port": 40_000 + case.number % 20_000,
        "category": "connection",
        "type": "login_attack",
        "evidence_source": "honeypot",
        "destination_ip": "192.0.2.250",
        "protocol": "tcp",
        "evidence": [
            {"content_type": "text/plain", "description": "log", "payload": base64.b64encode(evidence).decode()}
        ],
    }
    boundary = f"x4--{case.chance.getrandbits(32):08x}"
    encoded = base64.encodebytes(json.dumps(report, indent=1).encode()).decode()
    subject = f"XARF v4: login attack from {case.customer.address}"
    return f"""{case.head(sender, subject, f'multipart/mixed; boundary="{boundary}"')}

--{boundary}
Content-Type: text/plain; charset=utf-8

Machine-readable report attached (XARF v4).

--{boundary}
Content-Type: application/json; charset=utf-8
Content-Disposition: attachment; filename="xarf.json"
Content-Transfer-Encoding: base64

{encoded}
--{boundary}--
"""


def _phishing(case: _Case) -> str:
    """A phishing report as text and as HTML."""
    sender = case.chance.choice((*PHISHING_WATCHERS, *case.people[:30]))
    url = f"https://{case.customer.domain}/login-{case.chance.getrandbits(24):06x}/verify.php"
    prose = case.prose((case.size - 1800) // 3)
    paragraphs = "".join(f'<tr><td class=3D"c">{line}</td></tr>\n' for line in prose.splitlines() if line)
    boundary = f"alt_{case.chance.getrandbits(32):08x}"
    text = f"A phishing page imitates our bank. Please take it down: {url}\n\n{prose}\n"
    return f"""{case.head(sender, "Phishing page on your network", f'multipart/alternative; boundary="{boundary}"')}

--{boundary}
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

{quopri.encodestring(text.encode()).decode()}
--{boundary}
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<html><head><style>.c {{ color: #333 }}</style></head><body>
<p>A phishing page imitates our bank. Please take it down: <a href=3D"{url}">{url}</a></p>
<table>
{paragraphs}</table></body></html>
--{boundary}--
"""


def _copyright(case: _Case) -> str:
    """A notice in HTML alone."""
    sender = case.chance.choice((*RIGHTS_HOLDERS, *case.people[:10]))
    files = "".join(
        f'<li><a href="http://{case.customer.domain}/f/{n}.zip">http://{case.customer.domain}/f/{n}.zip</a></li>\n'
        for n in range(case.chance.randint(1, 12))
    )
    prose = "".join(f"<p>{line}</p>\n" for line in case.prose(case.size - 2000).splitlines() if line)
    return f"""{case.head(sender, f"Notice of copyright infringement ({case.number})", "text/html; charset=utf-8")}

<html><body><p>We represent the owner of the copyright in works that are offered without permission:</p>
<ul>
{files}</ul>
{prose}</body></html>
"""


def _not_ours(case: _Case) -> str:
    """A complaint about an address that is nobody's here."""
    sender = case.chance.choice((*SENSORS, *case.people[:40]))
    address = f"203.0.113.{200 + case.number % 50}"
    return f"""{case.head(sender, f"port scan from {address}", "text/plain; charset=us-ascii")}

The host {address} scanned our network (ports 22, 23, 445) at {case.stamp(9)}.

{case.prose(case.size - 900)}
"""


def _newsletter(case: _Case) -> str:
    """A mailing that somebody ordered for the abuse mailbox."""
    sender = Reporter(f"news@list{case.number % 7}.example", trusted=False)
    marks = ("List-Unsubscribe: <https://list.example/u>", "Precedence: bulk")
    return f"""{case.head(sender, "Our offers in spring", "text/html; charset=utf-8", *marks)}

<html><body><p>View in your browser</p><p>{case.prose(case.size - 900)}</p><a href="https://list.example/u">Unsubscribe</a>
</body></html>
"""


_MIX: dict[Callable[[_Case], str], int] = {
    _feedback: 30,
    _spam_complaint: 17,
    _intrusion: 15,
    _xarf_yaml: 8,
    _xarf_json: 7,
    _phishing: 10,
    _copyright: 6,
    _not_ours: 4,
    _newsletter: 3,
}
"""Per cent of each kind of mail."""
