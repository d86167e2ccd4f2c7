"""Mail that a program of the machine sends: a real one, which keeps what it gets and ends as it is told."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import redis
from django.utils import timezone

from abuse.config import Settings, current
from abuse.config.mail import Mail
from abuse.controllers import outbox
from abuse.controllers.relaying import send_due
from abuse.models import OutboxState, OutgoingMessage
from abuse.queues import SEND_THE_OUTBOX
from abuse.services.contract.rows import a_ticket
from abuse.services.email import EmailService
from abuse.services.email.addresses import read_bounce_address
from abuse.services.email.sendmail import SendmailEmailService
from abuse.services.facade import ServiceError, facade
from abuse.sweeper import sweep

pytestmark = pytest.mark.django_db

PROGRAM = """#!{python}
import json, os, sys, time
spool = {spool!r}
mail = sys.stdin.buffer.read()
number = len(os.listdir(spool))
with open(os.path.join(spool, str(number)), "w") as file:
    json.dump([sys.argv[1:], dict(os.environ), mail.decode("utf-8")], file)
recipient = sys.argv[-1]
print("queued as", number, flush=True)
{body}
"""


@dataclass
class Spool:
    """A sendmail that is there: what it was run with, by the order in which it was."""

    directory: Path
    program: Path

    def runs(self) -> list[Any]:
        files = sorted(self.directory.iterdir(), key=lambda file: int(file.name))
        return [json.loads(file.read_text()) for file in files]

    def recipients(self) -> list[str]:
        return [arguments[-1] for arguments, _, _ in self.runs()]


Install = Callable[..., Spool]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Has the desk send by a program whose last lines are given."""
    here = facade("EmailServiceBase")
    before = here._implementation

    def installed(body: str = "sys.exit(0)", **config: Any) -> Spool:
        spool = Spool(tmp_path / "spool", tmp_path / "sendmail")
        spool.directory.mkdir(exist_ok=True)
        spool.program.write_text(PROGRAM.format(python=sys.executable, spool=str(spool.directory), body=body))
        spool.program.chmod(0o755)
        here.set_up(SendmailEmailService.create({"program": str(spool.program), **config}))
        return spool

    yield installed
    here.set_up(before)


def waiting(*recipients: str) -> list[OutgoingMessage]:
    """Mails to these, written by the desk."""
    ticket = a_ticket()
    for recipient in recipients:
        EmailService.send_email(ticket, recipient, "Réponse", "Bonjour,\n.\nmerci.\n", "Defendant")
    return list(OutgoingMessage.all().order_by("pk"))


def states() -> list[str]:
    return list(OutgoingMessage.all().order_by("pk").values_list("state", flat=True))


def make_due() -> None:
    OutgoingMessage.filter(state=OutboxState.PENDING).update(next_attempt_at=timezone.now())


def with_mail(**changes: Any) -> Settings:
    return current().model_copy(update={"MAIL": Mail(**changes)})


def test_each_recipient_has_a_mail_of_his_own(install: Install) -> None:
    spool = install()
    first, _ = waiting("jo@reporter.example", "-Cevil@reporter.example")
    assert send_due(with_mail()) == 2
    assert states() == [OutboxState.SENT, OutboxState.SENT]
    assert send_due(with_mail()) == 0
    (arguments, environment, text), (others, _, _) = spool.runs()
    assert arguments == ["-i", "-f", first.sender, "--", "jo@reporter.example"]
    assert others[-2:] == ["--", "-Cevil@reporter.example"]
    assert set(environment) <= {"LC_CTYPE"}  # Python's own
    assert "\r" not in text
    mail = message_from_bytes(text.encode(), policy=policy.default)
    assert (mail["Message-ID"], mail["Subject"]) == (first.message_id, "Réponse")
    assert mail.get_content() == "Bonjour,\n.\nmerci.\n"


def test_the_exit_code_is_the_fate_of_that_mail_alone(install: Install) -> None:
    codes = {"ok@a.example": 0, "later@a.example": 75, "nobody@a.example": 67, "bad@a.example": 65, "odd@a.example": 69}
    install(f"print('said', recipient); sys.exit({codes!r}[recipient])")
    waiting(*codes)
    assert send_due(with_mail()) == 1
    S = OutboxState
    assert states() == [S.SENT, S.PENDING, S.FAILED, S.FAILED, S.PENDING]
    later, nobody = OutgoingMessage.get(recipient="later@a.example"), OutgoingMessage.get(recipient="nobody@a.example")
    assert later.error.endswith("ended with 75: queued as 1 said later@a.example")
    assert (later.attempts, later.next_attempt_at > timezone.now()) == (1, True)
    assert nobody.error.endswith("ended with 67: queued as 2 said nobody@a.example")


def test_a_mail_is_tried_again_until_it_is_given_up(install: Install) -> None:
    spool = install("sys.exit(75)")
    waiting("jo@a.example")
    for _ in range(outbox.MAX_ATTEMPTS + 1):
        send_due(with_mail())
        make_due()
    assert states() == [OutboxState.FAILED]
    assert len(spool.runs()) == outbox.MAX_ATTEMPTS


def test_codes_that_are_final_can_be_named(install: Install) -> None:
    install("sys.exit(69)", permanent=[69])
    waiting("jo@a.example")
    send_due(with_mail())
    assert states() == [OutboxState.FAILED]


def test_a_program_that_hangs_is_ended_and_its_mail_is_uncertain(install: Install) -> None:
    spool = install(
        "open(os.path.join(os.path.dirname(spool), 'pid'), 'w').write(str(os.getpid())); time.sleep(60)", seconds=1
    )
    waiting("jo@a.example", "ann@a.example")
    started = time.monotonic()
    assert send_due(with_mail()) == 0
    assert time.monotonic() - started < 10
    assert states() == [OutboxState.UNCERTAIN, OutboxState.PENDING]
    assert "was ended after 1 seconds" in OutgoingMessage.get(recipient="jo@a.example").error
    assert len(spool.runs()) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int((spool.program.parent / "pid").read_text()), signal.SIG_DFL)


def test_a_program_that_is_killed_says_nothing(install: Install) -> None:
    install("import signal; os.kill(os.getpid(), signal.SIGKILL)")
    waiting("jo@a.example")
    assert send_due(with_mail()) == 0
    assert states() == [OutboxState.UNCERTAIN]
    assert "ended by signal 9" in OutgoingMessage.get().error
    assert send_due(with_mail(resend_uncertain=True)) == 0


def test_a_program_that_is_gone_leaves_its_mail_waiting(install: Install) -> None:
    spool = install()
    spool.program.unlink()
    (message, _) = waiting("jo@a.example", "ann@a.example")
    assert send_due(with_mail()) == 0
    assert states() == [OutboxState.PENDING, OutboxState.PENDING]
    message.refresh_from_db()
    assert message.error.startswith("FileNotFoundError")


def test_a_program_that_reads_nothing_and_writes_much_does_no_harm(install: Install) -> None:
    spool = install()
    spool.program.write_text(f"#!{sys.executable}\nimport sys\nsys.stdout.write('x' * 5_000_000)\nsys.exit(75)\n")
    waiting("jo@a.example")
    assert send_due(with_mail()) == 0
    assert len(OutgoingMessage.get().error) < 1000
    assert states() == [OutboxState.PENDING]


def test_mails_come_back_to_an_address_of_their_own(install: Install) -> None:
    spool = install()
    (message,) = waiting("jo@a.example")
    assert send_due(with_mail(bounce_address="back@example.net")) == 1
    ((arguments, _, _),) = spool.runs()
    assert read_bounce_address(arguments[2], "back@example.net") == message.pk


def test_no_relay_is_needed_for_the_bell_to_be_rung(install: Install, queue_server: redis.Redis) -> None:
    waiting("jo@a.example")
    rung = f"cerberus:rung:{SEND_THE_OUTBOX}"
    queue_server.delete(rung)
    assert current().MAIL.relay is None
    sweep()
    assert not queue_server.exists(rung)
    install()
    sweep()
    assert queue_server.exists(rung)
    assert send_due() == 1


def test_addresses_beyond_ascii_go_as_they_are(install: Install) -> None:
    spool = install()
    message = waiting("jo@a.example")[0]
    OutgoingMessage.filter(pk=message.pk).update(recipient="jö@büro.example")
    assert send_due(with_mail()) == 1
    ((arguments, _, text),) = spool.runs()
    assert arguments[-1] == "jö@büro.example"
    assert "To: jö@büro.example" in text


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"program": "/nowhere/sendmail"}, "program: '/nowhere/sendmail'; expected the absolute path of a program"),
        ({"program": "sendmail"}, "program: 'sendmail'; expected the absolute path"),
        ({"program": 7}, "program: 7; expected the absolute path"),
        ({"program": "/bin/true", "arguments": "-i"}, "arguments: '-i'; expected a list of texts"),
        ({"program": "/bin/true", "arguments": ["-t"]}, "arguments: '-t'; expected none"),
        ({"program": "/bin/true", "seconds": 0}, "seconds: 0; expected a number from 0.1 to 300"),
        ({"program": "/bin/true", "permanent": [0]}, r"permanent: [0]; expected exit codes"),
        ({"prog": "/bin/true"}, "config.prog: unknown key of SendmailEmailService"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, ServiceError)) as caught:
        SendmailEmailService.create(config)
    assert said in str(caught.value)
