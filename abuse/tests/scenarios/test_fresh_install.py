"""A fresh install with a relay, a mailbox and a file of customers does the whole job, from report to last word."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

import pytest

from abuse.tests.intake.dovecot import PASSWORD as IMAP_PASSWORD
from abuse.tests.intake.dovecot import Certificate, Dovecot, make_certificate
from abuse.tests.resilience.desk import free_port
from abuse.tests.resilience.up import Up
from abuse.tests.services.phishing.lab import web_server
from abuse.tests.services.storage import s3_server

from . import sink as sink_module
from .install import Install, fresh_directory
from .provisioning import SECRET, Provisioning
from .sink import Sink, text_of

pytestmark = pytest.mark.timeout(900)
CERT, RIGHTS = "cert@cert.example", "notices@rights.example"
CUSTOMER, OTHER = "ann@shop.example", "bo@elsewhere.example"
DOMAIN = "desk.example"
CUSTOMERS = """\
customer_id,email,firstname,name,lang,country,creation_date,service_id,service_name,component_type,network,domain
c1001,ann@shop.example,Ann,Lee,EN,GB,2015-10-24,svc-1,vps-1001.example.net,VPS,203.0.113.8/29,
c1001,ann@shop.example,Ann,Lee,EN,GB,2015-10-24,svc-1,vps-1001.example.net,VPS,,shop.example
c1002,bo@elsewhere.example,Bo,Dahl,EN,SE,2019-02-01,svc-2,vps-1002.example.net,VPS,203.0.113.16/32,
"""
LOG = [f"Nov 24 08:{minute}:07 mx1 sshd[4711]: Failed password for root from 203.0.113.9" for minute in range(10, 16)]


def complaint() -> bytes:
    """Of somebody who wants his servers left alone, with a log in the text and another one beside it."""
    mail = _mail(CERT, f"abuse@{DOMAIN}", "Brute force attack from 203.0.113.9 [CERT-2026-1177]")
    mail.set_content(
        "Dear abuse team,\n\na host in your network, 203.0.113.9, tries to break into our servers by SSH\n"
        "(brute force, login failed for many names). Please stop it.\n\n"
        + "\n".join(LOG)
        + "\n\nKind regards,\nJ. Watch, CERT Example, +44 20 7946 0000\n"
    )
    mail.add_attachment("\n".join(LOG * 20).encode(), maintype="text", subtype="plain", filename="auth.log")
    return mail.as_bytes(policy=SMTP)


def notice() -> bytes:
    mail = _mail(RIGHTS, f"abuse@{DOMAIN}", "Notice of copyright infringement")
    mail.set_content("Copyright infringement: our film is offered at 203.0.113.16 without our permission.\n")
    return mail.as_bytes(policy=SMTP)


def answer_to(mail: EmailMessage, text: str) -> EmailMessage:
    """As a mail program writes it when somebody presses Reply."""
    answer = _mail(str(mail["To"]), str(mail["Reply-To"] or mail["From"]), f"Re: {mail['Subject']}")
    answer["In-Reply-To"] = mail["Message-ID"]
    answer["References"] = " ".join([*str(mail["References"] or "").split(), str(mail["Message-ID"])])
    quoted = "\n".join(f"> {line}" for line in text_of(mail).splitlines())
    answer.set_content(f"{text}\n\nOn Tuesday the abuse desk wrote:\n{quoted}\n")
    return answer


def _mail(sender: str, to: str, subject: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=sender.partition("@")[2])
    return mail


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "DNS:localhost")


@pytest.fixture(scope="module")
def mailboxes(certificate: Certificate) -> Iterator[Dovecot]:
    server = Dovecot(certificate=certificate)
    yield server
    server.stop()


@pytest.fixture
def relay(certificate: Certificate) -> Iterator[Sink]:
    server = Sink(free_port(), certificate)
    yield server
    server.close()


@pytest.fixture
def directory() -> Iterator[Path]:
    with fresh_directory() as path:
        (path / "customers.csv").write_text(CUSTOMERS)
        yield path


def mail_settings(mailboxes: Dovecot, relay: Sink, certificate: Certificate, user: str) -> dict[str, Any]:
    """The two things without which no desk works: a mailbox to empty, and a server that takes what is written."""
    authority = str(certificate.authority)
    return {
        "MANAGED_NETWORKS": ["203.0.113.0/24"],
        "EMAIL_FETCHER": {
            "host": "localhost", "port": mailboxes.tls_port, "user": user, "password": "${IMAP_PASSWORD}",
            "ca_file": authority,
        },
        "MAIL": {
            "ticket_domain": DOMAIN,
            "relay": {
                "host": "localhost", "port": relay.port, "tls": "starttls", "ca_file": authority,
                "user": sink_module.USER, "password": "${SMTP_PASSWORD}",
            },
        },
    }  # fmt: skip


def with_secrets(install: Install) -> Install:
    install.secrets = {"IMAP_PASSWORD": IMAP_PASSWORD, "SMTP_PASSWORD": sink_module.PASSWORD}
    return install


def one_ticket(install: Install, category: str) -> dict[str, Any]:
    rows = install.api.get("/tickets", {"where": {"in": [{"category": [category]}]}})
    (row,) = rows
    ticket: dict[str, Any] = install.api.get(f"/tickets/{row['id']}")
    return ticket


def preset(install: Install, codename: str) -> int:
    groups = install.api.get("/presets")
    found: int = next(one["id"] for group in groups for one in group["presets"] if one["codename"] == codename)
    return found


def wait_for_mails(up: Up, relay: Sink, count: int) -> None:
    up.wait_until(lambda: len(relay.mails) >= count, f"{count} mails, of {relay.summary()}")


def test_a_fresh_install_does_the_whole_job(
    directory: Path, mailboxes: Dovecot, relay: Sink, certificate: Certificate
) -> None:
    user, bucket = mailboxes.new_user(), s3_server.new_bucket()
    provisioning = Provisioning()
    record = make_dkim_key(directory)
    with web_server(provisioning.answers) as provisioning.web:
        settings = mail_settings(mailboxes, relay, certificate, user)
        settings["EMAIL_FETCHER"]["move_to"] = "Processed"
        settings["MAIL"] |= {
            "reporters": {"outcome": True},
            "dkim": {"domain": DOMAIN, "selector": "abuse", "key_file": "dkim.pem"},
        }
        settings["IMPLEMENTATIONS"] = {
            "StorageServiceBase": {
                "class": "abuse.services.storage.s3.S3Storage", "config": s3_server.config(bucket=bucket)
            },
            "ActionServiceBase": {
                "class": "abuse.services.action.webhook.WebhookActionService",
                "config": {"url": provisioning.web.url("/orders"), "secret": SECRET, "plaintext": True},
            },
        }  # fmt: skip
        install = with_secrets(Install(directory, **settings))
        install.set_up(directory / "customers.csv")
        with install.running() as up:
            trust_reporters(install)
            tell_of_an_intrusion(install, up, mailboxes, relay, user, bucket)
            tell_of_a_film(install, up, mailboxes, relay, user)
            ticket, first = warn_the_customer(install, up, relay)
            customer_answers(install, up, mailboxes, user, ticket, first)
            take_a_measure(install, up, relay, provisioning, ticket, first)
            close(install, up, relay, ticket)
            read_it_all_again(install, relay, ticket)
    number, film = ticket["publicId"], relay.to(OTHER)[0]["Subject"].partition("]")[0]
    assert relay.summary() == sorted(
        [
            (CERT, f"[Case {number}] We received your report"),
            (CUSTOMER, f"[Case {number}] Please act: a confirmed complaint about your service"),
            (CUSTOMER, f"[Case {number}] Your service has been restricted"),
            (CERT, f"[Case {number}] What became of your report"),
            (RIGHTS, f"{film}] We received your report"),
            (OTHER, f"{film}] A complaint about your service"),
        ]
    )
    assert len({mail["Message-ID"] for mail in relay.mails}) == 6
    assert relay.unsigned(f"abuse._domainkey.{DOMAIN}", record) == []
    assert provisioning.refused == []
    assert len(provisioning.orders) == 1
    assert (mailboxes.count(user), mailboxes.count(user, "Processed")) == (0, 3)


def make_dkim_key(directory: Path) -> bytes:
    """As docs/how-to/send-mail.md says; the record for the DNS."""
    key = directory / "dkim.pem"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    public = subprocess.run(
        ["openssl", "rsa", "-in", str(key), "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def trust_reporters(install: Install) -> None:
    """The two whom the operator knows; of one of them the notices are passed on without a person."""
    install.api.post("/providers", {"email": CERT, "trusted": True, "priority": "High"})
    install.api.post("/providers", {"email": RIGHTS, "trusted": True})
    tags = install.api.get("/tags", {"where": {"in": [{"tagType": ["Provider"]}]}})
    tag = next(one for one in tags if one["codename"] == "copyright:automatic" and one["tagType"] == "Provider")
    install.api.post(f"/providers/{RIGHTS}/tags", {"id": tag["id"]})


def tell_of_an_intrusion(
    install: Install, up: Up, mailboxes: Dovecot, relay: Sink, user: str, bucket: str
) -> None:  # fmt: skip
    """The report comes in: its bytes are kept, it is the right customer's, and its reporter is told the number."""
    raw = complaint()
    mailboxes.put(user, raw)
    wait_for_mails(up, relay, 1)
    assert mailboxes.contents(user) == []
    assert mailboxes.contents(user, "Processed") == [raw]
    digest = hashlib.sha256(raw).hexdigest()
    kept = s3_server.client().list_objects_v2(Bucket=bucket)["Contents"]
    (key,) = (entry["Key"] for entry in kept if entry["Key"].endswith(digest))
    assert s3_server.client().get_object(Bucket=bucket, Key=key)["Body"].read() == raw

    ticket = one_ticket(install, "Intrusion")
    assert (ticket["status"], ticket["priority"]) == ("Open", "High")
    assert (ticket["defendant"]["customerId"], ticket["service"]["name"]) == ("c1001", "vps-1001.example.net")
    (report,) = install.api.get("/reports", {"where": {"in": [{"ticket": [ticket["id"]]}]}})
    assert (report["provider"]["email"], report["status"]) == (CERT, "Attached")
    (file,) = install.api.get(f"/reports/{report['id']}/attachments")
    assert file["name"] == "auth.log"
    items = install.api.get(f"/tickets/{ticket['id']}/items")["items"]
    assert {item["rawItem"] for item in items} == {"203.0.113.9"}

    (receipt,) = relay.to(CERT)
    assert receipt["Subject"] == f"[Case {ticket['publicId']}] We received your report"
    assert receipt["In-Reply-To"] in raw.decode()
    assert receipt["Auto-Submitted"] == "auto-replied"
    assert str(receipt["From"]).startswith(f"ticket+{ticket['publicId']}.Plaintiff.")
    assert "ann@shop.example" not in text_of(receipt) and "CERT-2026-1177" in text_of(receipt)


def tell_of_a_film(install: Install, up: Up, mailboxes: Dovecot, relay: Sink, user: str) -> None:
    """A notice of somebody whose notices are passed on: the customer is told at once, and has two days."""
    mailboxes.put(user, notice())
    wait_for_mails(up, relay, 3)
    ticket = one_ticket(install, "Copyright")
    assert (ticket["status"], ticket["defendant"]["customerId"]) == ("WaitingAnswer", "c1002")
    (told,) = relay.to(OTHER)
    assert "our film is offered at 203.0.113.16" in text_of(told) and RIGHTS not in text_of(told)
    assert f"Please answer by {datetime.now(UTC) + timedelta(days=2):%-d %B %Y}" in text_of(told)


def warn_the_customer(install: Install, up: Up, relay: Sink) -> tuple[dict[str, Any], EmailMessage]:
    """One click of the operator: what is wrong with which service, how to stop it, and by when."""
    ticket = one_ticket(install, "Intrusion")
    said = install.api.post(f"/tickets/{ticket['id']}/presets/{preset(install, 'first_alert')}", {})
    assert said == {"message": "Ticket updated, 1 mails written"}
    wait_for_mails(up, relay, 4)
    (mail,) = relay.to(CUSTOMER)
    text = text_of(mail)
    assert "Your service: vps-1001.example.net" in text
    assert "IP addresses: 203.0.113.9" in text
    assert LOG[0] in text and LOG[5] in text
    for word in (CERT, "cert.example", "J. Watch", "CERT-2026-1177", "7946"):
        assert word not in text + str(mail["Subject"]), word
    assert "WHAT TO DO\n\n1. " in text
    assert f"Please answer by {datetime.now(UTC) + timedelta(days=1):%-d %B %Y}" in text
    assert str(mail["From"]).startswith(f"ticket+{ticket['publicId']}.Defendant.")
    assert str(mail["From"]).endswith(f"@{DOMAIN}")
    ticket = install.api.get(f"/tickets/{ticket['id']}")
    assert (ticket["status"], ticket["treatedBy"]) == ("WaitingAnswer", "alice")
    return ticket, mail


def customer_answers(
    install: Install, up: Up, mailboxes: Dovecot, user: str, ticket: dict[str, Any], first: EmailMessage
) -> None:  # fmt: skip
    """He writes back to the address that the mail came from, from another one than his own, with a file."""
    answer = answer_to(first, "Sorry, an old plugin was broken into. We reinstalled the server, see the list.")
    answer.replace_header("From", "technician@agency.example")
    answer.add_attachment(b"removed /var/tmp/.x\n", maintype="text", subtype="plain", filename="cleaned.txt")
    mailboxes.put(user, answer.as_bytes(policy=SMTP))

    def answered() -> bool:
        status: str = install.api.get(f"/tickets/{ticket['id']}")["status"]
        return status == "Answered"

    up.wait_until(answered, "the customer's answer")
    mails = install.api.get(f"/tickets/{ticket['id']}/emails")
    received = mails[-1]
    assert (received["fate"], received["authentic"], received["category"]) == ("received", True, "Defendant")
    assert received["attachments"] == ["cleaned.txt"]
    assert received["body"].startswith("Sorry, an old plugin")
    (file,) = (
        one for one in install.api.get(f"/tickets/{ticket['id']}/attachments") if one["name"] == "cleaned.txt"
    )  # fmt: skip
    assert file["size"] > 10


def take_a_measure(
    install: Install, up: Up, relay: Sink, provisioning: Provisioning, ticket: dict[str, Any], first: EmailMessage
) -> None:  # fmt: skip
    """It goes on though, so the service is restricted: ordered, taken over, and done once provisioning says so."""
    path = f"/tickets/{ticket['id']}"
    (action,) = install.api.get(f"{path}/actions/list")
    params = {"action": action["id"], "ip": "203.0.113.9", "snoozeDuration": 86400}
    install.api.post(f"{path}/interact", {"action": {"codename": "action_then_waiting_answer", "params": params}})
    up.wait_until(lambda: bool(provisioning.orders), f"the order; {provisioning.refused}")
    (order,) = provisioning.orders
    assert (order["type"], order["customer"], order["ordered_by"]) == ("service.action", "c1001", "alice")
    assert (order["service"]["id"], order["ip"]) == ("svc-1", "203.0.113.9")
    assert order["ticket"] == {"public_id": ticket["publicId"], "category": "Intrusion"}

    def waits_for_the_callback() -> bool:
        (job,) = install.api.get(f"{path}/jobs")
        status: str = job["status"]
        return status == "doing"

    up.wait_until(waits_for_the_callback, "the order to be taken over")
    assert len(relay.to(CUSTOMER)) == 1, "he is told of a measure that nobody has taken"
    key, done = order["key"], {"status": "ok", "todo_id": "4711", "comment": "suspended"}
    provisioning.call_back(install.api.url, key, **done)
    provisioning.call_back(install.api.url, key, **done)
    (job,) = install.api.get(f"{path}/jobs")
    assert (job["status"], job["answer"], job["comment"]) == ("done", "ok", "suspended")
    assert install.api.get(path)["status"] == "WaitingAnswer"
    wait_for_mails(up, relay, 5)
    told = relay.to(CUSTOMER)[1]
    # The technician's mail is not in the customer's own mailbox: his thread goes on from what he has.
    assert (told["In-Reply-To"], told["References"]) == (first["Message-ID"], first["Message-ID"])
    assert told["From"] == first["From"]
    assert "Measure: default action" in text_of(told)


def close(install: Install, up: Up, relay: Sink, ticket: dict[str, Any]) -> None:
    """The operator is content; who reported it is told how it ended."""
    action = {"codename": "close_with_resolution", "params": {"resolution": "fixed_by_isp"}}
    install.api.post(f"/tickets/{ticket['id']}/interact", {"action": action})
    wait_for_mails(up, relay, 6)
    receipt, outcome = relay.to(CERT)
    assert outcome["Subject"] == f"[Case {ticket['publicId']}] What became of your report"
    assert "Outcome: we took measures against it." in text_of(outcome)
    assert str(receipt["Message-ID"]) in str(outcome["References"])
    assert CUSTOMER not in text_of(outcome) and "vps-1001" not in text_of(outcome)


def read_it_all_again(install: Install, relay: Sink, ticket: dict[str, Any]) -> None:
    """What happened, by whom, and every word that was exchanged."""
    path = f"/tickets/{ticket['id']}"
    now = install.api.get(path)
    assert (now["status"], now["resolution"]) == ("Closed", "fixed_by_isp")
    mails = install.api.get(f"{path}/emails")
    assert [(mail["category"], mail["fate"]) for mail in mails] == [
        ("Plaintiff", "sent"),
        ("Defendant", "sent"),
        ("Defendant", "received"),
        ("Defendant", "sent"),
        ("Plaintiff", "sent"),
    ]
    sent = {(str(mail["To"]), text_of(mail)) for mail in relay.mails}
    assert {(mail["to"], mail["body"]) for mail in mails if mail["fate"] == "sent"} <= sent
    events = install.api.get(
        f"{path}/timeline", {"reverse": True, "withMetadata": True, "paginate": {"resultsPerPage": 100}}
    )
    happened = [event["actionType"] for event in events]
    assert happened[:3] == ["CreateTicket", "AttachReport", "SendEmail"]
    assert (happened.count("ReceiveEmail"), happened.count("SetAction")) == (1, 1), happened
    order = [event["metadata"]["new"] for event in events if event["actionType"] == "ApplyAction"]
    assert order == ["doing", "ok"], happened
    moves = [event["log"] for event in events if event["actionType"] == "ChangeStatus"]
    assert [move.split(" from ")[1].split(",")[0].split(" (")[0] for move in moves] == [
        "Open to WaitingAnswer",
        "WaitingAnswer to Answered",
        "Answered to WaitingAnswer",
        "WaitingAnswer to Closed",
    ]
    assert {event["username"] for event in events} == {"abuse.robot", "alice"}


def test_with_nothing_but_the_defaults_a_stranger_is_believed_by_a_person(
    directory: Path, mailboxes: Dovecot, relay: Sink, certificate: Certificate
) -> None:
    """Files on disk, the servers that come with it, nobody trusted, no measures: vouch, tell, read, close."""
    user = mailboxes.new_user()
    install = with_secrets(Install(directory, **mail_settings(mailboxes, relay, certificate, user)))
    install.set_up(directory / "customers.csv")
    raw = complaint()
    with install.running() as up:
        mailboxes.put(user, raw)
        up.wait_until(lambda: bool(install.api.get("/reports")), "the report")
        (report,) = install.api.get("/reports")
        assert (report["status"], report["ticket"]) == ("New", None)
        assert report["defendant"]["customerId"] == "c1001"
        assert relay.mails == [], "a stranger's word alone makes the desk write"
        digest = hashlib.sha256(raw).hexdigest()
        (file,) = (path for path in (directory / "data" / "storage").rglob(digest) if path.is_file())
        assert file.read_bytes() == raw

        install.api.post(f"/reports/{report['id']}/validate", {})
        ticket = one_ticket(install, "Intrusion")
        path = f"/tickets/{ticket['id']}"
        assert install.api.get(f"{path}/actions/list") == []
        install.api.post(f"{path}/presets/{preset(install, 'first_notice')}", {})
        wait_for_mails(up, relay, 2)
        (told,) = relay.to(CUSTOMER)
        answer = answer_to(told, "It was a broken plugin, which is gone now.")
        mailboxes.put(user, answer.as_bytes(policy=SMTP))
        up.wait_until(lambda: bool(install.api.get(path)["status"] == "Answered"), "the answer")
        install.api.post(f"{path}/presets/{preset(install, 'close_fixed_by_customer')}", {})
        wait_for_mails(up, relay, 4)
        assert install.api.get(path)["status"] == "Closed"
        assert [mail["fate"] for mail in install.api.get(f"{path}/emails")].count("received") == 1
        up.wait_until(lambda: mailboxes.count(user) == 0, "an empty mailbox")
    number = ticket["publicId"]
    assert relay.summary() == sorted(
        [
            (CERT, f"[Case {number}] We received your report"),
            (CUSTOMER, f"[Case {number}] A complaint about your service"),
            (CERT, f"[Case {number}] Closed"),
            (CUSTOMER, f"[Case {number}] Closed"),
        ]
    )
    closed = relay.to(CUSTOMER)[1]
    assert closed["In-Reply-To"] == answer["Message-ID"]
    assert str(closed["References"]).split() == [told["Message-ID"], answer["Message-ID"]]
    assert "Outcome: the cause has been removed." in text_of(relay.to(CERT)[1])
    assert "closed" in install.main("status").lower()
