"""A warm process that starts the desk's commands: a fork of it is a worker at once, an interpreter takes a second.

It opens no connection and starts no thread itself, so that each child begins like a fresh process. One JSON object a
line comes in and one goes out:

    {"do": "start", "argv": [...], "env": {...}, "log": "..."}             -> {"pid": 1}
    {"do": "start_function", "name": "keep_sending", "env": {...}, "log": "..."} -> {"pid": 1}
    {"do": "run", "argv": [...], "env": {...}, "log": "..."}               -> {"status": 0}
    {"do": "call", "name": "sweep", "calls": [[...], ...], "env": {...}}   -> {"results": [...]}  one process a call
    {"do": "status", "pid": 1}                                             -> {"status": null}    null while it runs
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from abuse.bootstrap import set_up

Function = Callable[..., Any]


def deliver(mails: list[str], ring: bool = True) -> list[list[Any]]:
    from abuse.controllers.inbox import Delivery, receive_many

    receipts = receive_many([Delivery(b64decode(mail), "test") for mail in mails], ring=ring)
    return [[receipt.email_id, receipt.new] for receipt in receipts]


def deliver_one_by_one(mail: str, times: int) -> list[list[Any]]:
    return [deliver([mail])[0] for _ in range(times)]


def sweep() -> int:
    from abuse.sweeper import sweep

    return sweep().waiting


def run_due() -> int:
    from abuse.controllers.workflow import run_due

    return run_due()


def work() -> int:
    from abuse.config import current
    from abuse.pipeline.inbox import work

    return work(current())


def write_mails(count: int) -> int:
    """Write so many mails about the one ticket there is, each to another address."""
    from django.db import transaction

    from abuse.models import Ticket
    from abuse.services.email import EmailService

    ticket = Ticket.get()
    with transaction.atomic():
        for number in range(count):
            EmailService.send_email(ticket, f"person{number}@people.example", f"Mail {number}", "A text.", "Other")
    return count


def subscribe(url: str, kinds: list[str]) -> str:
    """Subscribe to events; the secret."""
    from abuse.controllers.history import robot
    from abuse.controllers.webhooks import Wanted, create

    return create(Wanted(url, kinds), actor=robot())[1]


def operator(name: str, category: str, profile: str) -> str:
    """Make an operator with a profile in one category; a token of his."""
    from datetime import timedelta

    from django.utils import timezone

    from abuse.app import create_app, sync_routes
    from abuse.controllers.tokens import digest_of
    from abuse.models import AbusePermission, ApiToken, Operator, Profile, Role, User

    sync_routes(create_app())
    user, _ = User.objects.get_or_create(username=name)
    Operator.get_or_create(user=user, defaults={"role": Role.get(codename="run_level_3")})
    AbusePermission.filter(user=user).delete()
    ApiToken.filter(user=user).delete()
    AbusePermission.create(user=user, category_id=category, profile=Profile.get(name=profile))
    now = timezone.now()
    ApiToken.create(user=user, digest=digest_of(name), created_at=now, expires_at=now + timedelta(hours=1))
    return name


def send_all() -> int:
    """Send what waits until nothing is due."""
    from abuse.controllers.relaying import send_due

    return send_due()


def keep_sending() -> int:
    """Send what waits, for ever."""
    while True:
        if not send_all():
            time.sleep(0.02)


FUNCTIONS: dict[str, Function] = {
    function.__name__: function
    for function in (
        deliver,
        deliver_one_by_one,
        sweep,
        run_due,
        work,
        write_mails,
        subscribe,
        operator,
        send_all,
        keep_sending,
    )
}
statuses: dict[int, int] = {}


def fork(body: Callable[[], int], env: dict[str, str], log: str) -> int:
    """Run `body` in a child that leads a session of its own; the child's process id."""
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        os.setsid()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDWR)
        for source, target in ((null, 0), (descriptor, 1), (descriptor, 2)):
            os.dup2(source, target)
        os.environ.update(env)
        from abuse.config import current

        current.cache_clear()  # the child may have been given other settings
        status = body()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1 if end.code else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def command(argv: list[str]) -> Callable[[], int]:
    def body() -> int:
        from abuse.commands import cli

        cli.main(args=argv, prog_name="main.py")  # ends with SystemExit

    return body


def call(name: str, calls: list[list[Any]], env: dict[str, str], log: str) -> list[Any]:
    """Call a function in as many processes at the same moment as there are lists of arguments; their results."""
    start_reader, start_writer = os.pipe()
    running = []
    for arguments in calls:
        reader, writer = os.pipe()

        def body(arguments: list[Any] = arguments, writer: int = writer) -> int:
            os.close(start_writer)
            os.read(start_reader, 1)  # until the parent lets all go
            with os.fdopen(writer, "w") as pipe:
                json.dump(FUNCTIONS[name](*arguments), pipe)
            return 0

        running.append((fork(body, env, log), reader))
        os.close(writer)
    os.close(start_reader)
    os.close(start_writer)
    results = []
    for pid, reader in running:
        with os.fdopen(reader) as pipe:
            text = pipe.read()
        wait(pid)
        if not text:
            raise RuntimeError(f"{name} failed with status {statuses[pid]}; see {log}")
        results.append(json.loads(text))
    return results


def wait(pid: int, options: int = 0) -> None:
    done, status = os.waitpid(pid, options)
    if done:
        statuses[pid] = os.waitstatus_to_exitcode(status)


def answer(asked: dict[str, Any], started: set[int]) -> dict[str, Any]:
    match asked["do"]:
        case "start":
            pid = fork(command(asked["argv"]), asked["env"], asked["log"])
            started.add(pid)
            return {"pid": pid}
        case "start_function":
            pid = fork(FUNCTIONS[asked["name"]], asked["env"], asked["log"])
            started.add(pid)
            return {"pid": pid}
        case "run":
            pid = fork(command(asked["argv"]), asked["env"], asked["log"])
            wait(pid)
            return {"status": statuses[pid]}
        case "call":
            return {"results": call(asked["name"], asked["calls"], asked["env"], asked["log"])}
        case "status":
            return {"status": statuses.get(asked["pid"])}
    raise ValueError(f"do: {asked['do']!r}; expected start, start_function, run, call or status")


def say(answered: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answered) + "\n")
    sys.stdout.flush()


def main() -> None:
    settings = set_up()
    import abuse.commands.import_customers
    import abuse.commands.run_scheduler
    import abuse.commands.run_worker
    import abuse.controllers.inbox
    import abuse.controllers.relaying
    import abuse.pipeline.inbox
    import abuse.tasks.email  # noqa: F401 - imported once for all children
    from abuse.pipeline.context import parser_context

    parser_context(settings)  # the same for all of them, and half of what it takes a worker to begin
    # Their collectors would write into every object of ours, and so copy all of them.
    gc.freeze()
    started: set[int] = set()
    say({"ready": os.getpid()})
    for line in sys.stdin:
        for pid in started - statuses.keys():
            wait(pid, os.WNOHANG)
        try:
            answered = answer(json.loads(line), started)
        except Exception as error:
            answered = {"error": f"{type(error).__name__}: {error}"}
        say(answered)


if __name__ == "__main__":
    main()
