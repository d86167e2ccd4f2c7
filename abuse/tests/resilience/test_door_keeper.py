"""Who can write to Redis can ask for tasks of `abuse.tasks`, by any program that knows RQ, and for nothing else."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from abuse.config import PROJECT_ROOT

from .desk import Desk, eventually

TASK_FILE = PROJECT_ROOT / "abuse" / "tasks" / "dropped_in_by_a_test.py"
TASK = """
import json
from pathlib import Path

def note_down(path, number, *, word):
    Path(path).write_text(json.dumps([number, word]))
    return number + 1
"""

FOREIGN_PROGRAM = """
import sys
from redis import Redis
from rq import Queue

assert "abuse" not in sys.modules
queue = Queue("default", connection=Redis.from_url(sys.argv[1]))
job = queue.enqueue("abuse.tasks.dropped_in_by_a_test.note_down", sys.argv[2], 41, word="naïve")
print(job.id)
"""

HOSTILE_PROGRAM = """
import json, os, sys
from datetime import timedelta
from redis import Redis
from rq import Callback, Queue, Webhook

url, evidence, hook = sys.argv[1:]
queue = Queue("default", connection=Redis.from_url(url))
TASK = "abuse.tasks.ticket.run_workflow"
LEAVE = "abuse.tests.resilience.evidence.leave"
touch = f"touch {evidence}"

class Pickled:
    def __reduce__(self):
        return os.system, (touch,)

hooks = [Webhook(hook, "finished"), Webhook(hook, "failed")]
callbacks = {"on_success": Callback(LEAVE), "on_failure": Callback(LEAVE), "on_stopped": Callback(LEAVE)}
refused = [
    queue.enqueue("os.system", touch),
    queue.enqueue("subprocess.check_call", ["touch", evidence]),
    queue.enqueue(LEAVE),
    queue.enqueue("builtins.exec", f"open({evidence!r}, 'w')"),
    queue.enqueue("abuse.tasks.email.waiting_count"),
    queue.enqueue("abuse.tasks.ticket.__builtins__"),
    queue.enqueue("abuse.tasks.no_such_module.task"),
    queue.enqueue("abuse.tasks.ticket.no_such_task"),
    queue.enqueue("os.getpid", **callbacks),
    queue.enqueue(TASK, Pickled()),
    queue.enqueue(TASK, keyword=Pickled()),
]
accepted = [
    queue.enqueue(TASK, **callbacks),
    queue.enqueue(TASK, webhooks=hooks),
    queue.enqueue(TASK, meta={"note": Pickled()}),
    queue.enqueue_in(timedelta(0), TASK, meta={"note": Pickled()}),
]
# As if a worker had died while it was at this one: the next worker clears it away when it starts.
abandoned = queue.create_job(TASK, webhooks=hooks, **callbacks)
abandoned.save()
abandoned.set_status("started")
queue.connection.zadd(queue.started_job_registry.key, {f"{abandoned.id}:gone": 1})
print(json.dumps([[job.id for job in refused], [job.id for job in accepted], abandoned.id]))
"""


def foreign(program: str, *arguments: str) -> str:
    """Run a program that knows RQ and nothing of Cerberus; what it prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments], cwd="/", capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def status(desk: Desk, job: str) -> str:
    said = desk.redis.hget(f"rq:job:{job}", "status")
    return said.decode() if isinstance(said, bytes) else "gone"


@pytest.fixture
def hook() -> Iterator[socket.socket]:
    """A server that waits for webhooks."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_hostile_jobs_are_refused_and_leave_no_trace(desk: Desk, tmp_path: Path, hook: socket.socket) -> None:
    evidence = tmp_path / "evidence"
    url = f"http://127.0.0.1:{hook.getsockname()[1]}/"
    said = foreign(HOSTILE_PROGRAM, desk.addresses.valkey.url, str(evidence), url)
    refused, accepted, abandoned = json.loads(said)

    worker = desk.start("run-worker", CERBERUS_TEST_EVIDENCE=str(evidence))

    everything = [*refused, *accepted, abandoned]
    eventually(
        lambda: all(status(desk, job) in ("finished", "failed") for job in everything),
        40,
        "the end of all jobs",
        lambda: [status(desk, job) for job in everything],
    )
    assert [status(desk, job) for job in refused] == ["failed"] * len(refused)
    assert [status(desk, job) for job in accepted] == ["finished"] * len(accepted)
    assert status(desk, abandoned) == "failed"
    assert not evidence.exists()
    assert not select.select([hook], [], [], 0.5)[0], "a webhook was called"
    assert desk.is_running(worker)


def test_a_task_that_is_dropped_in_is_run_for_a_program_that_knows_only_rq(desk: Desk, tmp_path: Path) -> None:
    note = tmp_path / "note"
    TASK_FILE.write_text(TASK)
    try:
        job = foreign(FOREIGN_PROGRAM, desk.addresses.valkey.url, str(note))
        done = subprocess.run(
            [sys.executable, "main.py", "run-worker", "--queues", "default", "--burst"],
            cwd=PROJECT_ROOT,
            env=desk.environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        TASK_FILE.unlink()

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(note.read_text()) == [41, "naïve"]
    assert status(desk, job) == "finished"
