"""The mails of the stories, as raw bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

DESK = "abuse@desk.example"


def mail(text: str, *, sender: str, to: str = DESK, subject: str = "Abuse", **headers: str) -> bytes:
    """A plain mail, sent just now. `_` in names of header fields stands for `-`."""
    message = _envelope(sender, to, subject)
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes(policy=SMTP)


def acns_notice(ip: str, *, sender: str, case: str) -> bytes:
    """A copyright notice with the XML of ACNS 2.0 in its text."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return mail(
        f"""Dear abuse desk,

the work below is offered from your network without permission of its owner.

<?xml version="1.0" encoding="UTF-8"?>
<Infringement xmlns="http://www.acns.net/ACNS">
 <Case><ID>{case}</ID><Status>Open</Status></Case>
 <Complainant><Entity>Rights Example</Entity><Email>{sender}</Email></Complainant>
 <Source><TimeStamp>{now}</TimeStamp><IP_Address>{ip}</IP_Address><Port>51413</Port>
  <Type>BitTorrent</Type><SubType BaseType="P2P" Protocol="BITTORRENT"/></Source>
 <Content><Item><Title>A Film</Title><FileName>a.film.mkv</FileName></Item></Content>
</Infringement>
""",
        sender=sender,
        subject=f"Notice of copyright infringement {case}",
    )


def bounce(returned: EmailMessage, *, said: str = "550 5.1.1 user unknown") -> bytes:
    """What a server says of a mail of ours that it could not deliver (RFC 3464), with the mail in it."""
    report = _envelope("MAILER-DAEMON@mx.mail.example", str(returned["From"]), "Undelivered Mail Returned to Sender")
    report["Auto-Submitted"] = "auto-replied"
    server, recipient = MIMEPart(), MIMEPart()
    server["Reporting-MTA"] = "dns; mx.mail.example"
    recipient["Final-Recipient"] = f"rfc822; {returned['To']}"
    recipient["Action"], recipient["Status"] = "failed", "5.1.1"
    recipient["Diagnostic-Code"] = f"smtp; {said}"
    status = MIMEPart()
    status["Content-Type"] = "message/delivery-status"
    status.set_payload([server, recipient])
    original = MIMEPart()
    original["Content-Type"] = "message/rfc822"
    original.set_payload([returned])
    notice = MIMEPart()
    notice.set_content(f"This is the mail system at host mx.mail.example.\n\n<{returned['To']}>: {said}\n")
    report["MIME-Version"] = "1.0"
    report["Content-Type"] = 'multipart/report; report-type=delivery-status; boundary="=_report"'
    report.set_payload([notice, status, original])
    return report.as_bytes(policy=SMTP)


def _envelope(sender: str, to: str, subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=sender.partition("@")[2])
    return message
