"""Measures taken by programs: real ones, some of which misbehave."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from abuse.controllers.applying import _may_ask_again
from abuse.services.action import ActionServiceException
from abuse.services.action.command import CommandActionService, RepeatableCommandActionService
from abuse.services.facade import facade
from abuse.services.running import TookTooLong, run

from .orders import a_ticket, an_order

SH = "/bin/sh"


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/usr/bin/python3\nimport json, os, sys, time\n{text}\n")
    path.chmod(0o755)
    return str(path)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def service(*command: str, **config: Any) -> CommandActionService:
    base = {"programs": {"VPS/1": list(command)}, "seconds": 5, "pause_seconds": 0}
    return CommandActionService.create({**base, **config})


@pytest.mark.django_db
def test_a_program_is_run_with_the_values_of_the_order_and_nothing_else(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    program = script(
        tmp_path / "suspend",
        f"seen = [sys.argv[1:], dict(os.environ), sys.stdin.read(), os.getcwd()]\n"
        f"json.dump(seen, open({str(found)!r}, 'w'))\n"
        "print('first', flush=True); print('it is\\x07 done', file=sys.stderr)",
    )
    fixed = ["--flag", "$HOME; `id` *", "{{}}"]
    placeholders = ["{key}", "--to={service}@{domain}", "{customer}", "{ip}", "{module}.{level}", "{user}"]
    result = service(program, *fixed, *placeholders).carry_out(an_order())
    arguments, environment, standard_input, directory = json.loads(found.read_text())
    assert arguments == [
        "--flag", "$HOME; `id` *", "{}", "k1", "--to=s-42@c1.example.org", "c1", "203.0.113.7", "VPS.1", "ann",
    ]  # fmt: skip
    assert set(environment) <= {"LC_CTYPE"}  # Python's own
    assert (standard_input, directory) == ("", "/")
    assert (result.status, result.comment, result.todo_id) == ("ok", "it is done", "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value",
    ["-rf", "--delete", "a b", "a;id", "$(id)", "`id`", "../../etc/passwd", "a/b", "a'b", 'a"b', "a\nb", "a\0b", "é",
     "{ip}", "x" * 256, "a|b", "a&b", "a>b", "~root", "%s", "*"],
)  # fmt: skip
def test_a_value_that_is_no_identifier_reaches_no_program(value: str, tmp_path: Path) -> None:
    found = tmp_path / "found"
    program = script(tmp_path / "suspend", f"open({str(found)!r}, 'w')")
    order = an_order()
    assert order.ticket.service is not None
    order.ticket.service.reference = value
    with pytest.raises(ActionServiceException, match=r"^reference: .*expected letters, digits") as caught:
        service(program, "x{reference}").carry_out(order)
    assert caught.value.permanent
    assert not found.exists()


@pytest.mark.django_db
def test_a_value_that_the_order_lacks_is_a_fault() -> None:
    for order, name in ((an_order(ip=None), "ip"), (an_order(service_id=None), "service"), (an_order(), "reference")):
        with pytest.raises(ActionServiceException, match=f"{name}: the order has none") as caught:
            service(SH, f"{{{name}}}").carry_out(order)
        assert caught.value.permanent


@pytest.mark.django_db
def test_each_measure_has_its_program() -> None:
    programs = {
        "VPS/1": [SH, "-c", "echo one"],
        "VPS/*": [SH, "-c", "echo any"],
        "service.close": [SH, "-c", "exit 3"],
    }
    acting = service(programs=programs)
    order = an_order()
    assert acting.carry_out(order).comment == "one"
    assert order.action is not None
    order.action.level = "2"
    assert acting.carry_out(order).comment == "any"
    order.action.module = "web"
    with pytest.raises(ActionServiceException, match=r"programs\.web/2: no program is configured") as caught:
        acting.carry_out(order)
    assert caught.value.permanent
    with pytest.raises(ActionServiceException, match="/bin/sh ended with 3: without a word"):
        acting.close_service(a_ticket())
    with pytest.raises(ActionServiceException, match=r"programs\.customer\.close: no program"):
        acting.close_defendant(a_ticket())


@pytest.mark.django_db
def test_exit_codes_say_whether_to_try_again(tmp_path: Path) -> None:
    count = tmp_path / "count"
    program = script(
        tmp_path / "suspend",
        f"with open({str(count)!r}, 'a') as file: file.write('x')\n"
        f"print('busy'); sys.exit(75 if os.path.getsize({str(count)!r}) < 3 else 0)",
    )
    assert service(program, attempts=3).carry_out(an_order()).status == "ok"
    assert count.read_text() == "xxx"
    count.unlink()
    with pytest.raises(ActionServiceException, match="asked to try again at 2 attempts: busy") as caught:
        service(program, attempts=2).carry_out(an_order())
    assert (caught.value.permanent, count.read_text()) == (False, "xx")
    failing = script(tmp_path / "fail", "print('no such customer'); sys.exit(1)")
    with pytest.raises(ActionServiceException, match="ended with 1: no such customer") as caught:
        service(failing).carry_out(an_order())
    assert caught.value.permanent


@pytest.mark.django_db
def test_a_program_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = script(
        tmp_path / "hang",
        "import signal, subprocess\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['/bin/sleep', '60'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}'); time.sleep(60)",
    )
    started = time.monotonic()
    with pytest.raises(ActionServiceException, match="ended after 1 seconds; see whether") as caught:
        service(program, seconds=1).carry_out(an_order())
    assert time.monotonic() - started < 5
    assert not caught.value.permanent
    time.sleep(0.1)
    assert [pid for pid in map(int, pids.read_text().split()) if alive(pid)] == []


def test_output_without_an_end_is_thrown_away() -> None:
    with pytest.raises(TookTooLong):
        run(["/bin/sh", "-c", "exec yes"], seconds=0.5, max_output=1000)
    finished = run(["/bin/sh", "-c", "yes | head -c 3000000; exit 4"], seconds=10, max_output=1000)
    assert (finished.code, finished.output) == (4, b"y\n" * 500)
    assert run(["/bin/echo", "x"], seconds=5, max_output=0).output == b""


def test_a_child_left_behind_does_not_hold_up() -> None:
    started = time.monotonic()
    finished = run(["/bin/sh", "-c", "sleep 3 & echo done"], seconds=10, max_output=1000)
    assert (finished.code, finished.output) == (0, b"done\n")
    assert time.monotonic() - started < 2


def test_a_program_that_closes_its_output_is_waited_for() -> None:
    started = time.monotonic()
    assert run(["/bin/sh", "-c", "exec >&- 2>&-; sleep 0.4; exit 7"], seconds=5, max_output=10).code == 7
    assert time.monotonic() - started >= 0.4


def test_nothing_stays_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        run(["/bin/true"], seconds=5, max_output=10)
        with pytest.raises(OSError, match="No such file"):
            run(["/no/such/program"], seconds=5, max_output=10)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.django_db
def test_a_program_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    program = script(tmp_path / "suspend", "")
    acting = service(program)
    Path(program).unlink()
    with pytest.raises(ActionServiceException, match="cannot be run: No such file"):
        acting.carry_out(an_order())


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"programs": {}}, "programs: expected at least one"),
        ({"programs": {"VPS": [SH]}}, r"programs\.VPS: expected MODULE/LEVEL"),
        ({"programs": {"VPS/": [SH]}}, r"programs\.VPS/: expected MODULE/LEVEL"),
        ({"programs": {"VPS/1": "/bin/sh -c x"}}, "expected a list"),
        ({"programs": {"VPS/1": []}}, "expected a list"),
        ({"programs": {"VPS/1": [SH, 5]}}, "expected a list"),
        ({"programs": {"VPS/1": ["sh"]}}, "'sh'; expected the absolute path of a program"),
        ({"programs": {"VPS/1": ["/etc/passwd"]}}, "expected the absolute path of a program"),
        ({"programs": {"VPS/1": ["/no/such"]}}, "expected the absolute path of a program"),
        ({"programs": {"VPS/1": ["{ip}"]}}, "expected the absolute path of a program"),
        ({"programs": {"VPS/1": [SH, "{name}"]}}, "'name'; expected one of key, ticket"),
        ({"programs": {"VPS/1": [SH, "{ip.__class__}"]}}, "expected one of"),
        ({"programs": {"VPS/1": [SH, "{ip!r}"]}}, "'ip!r'; expected one of"),
        ({"programs": {"VPS/1": [SH, "{ip:>{level}}"]}}, "expected one of"),
        ({"programs": {"VPS/1": [SH, "{}"]}}, "expected one of"),
        ({"programs": {"VPS/1": [SH, "{ip"]}}, r"argument '\{ip'"),
        ({"seconds": 600}, "all attempts within 600 seconds"),
        ({"max_output": -1}, "max_output: -1"),
    ],
)
def test_a_wrong_setting_is_named(config: Mapping[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        service(SH, **config)


def test_a_program_that_everybody_can_change_is_none(tmp_path: Path) -> None:
    program = script(tmp_path / "suspend", "")
    Path(program).chmod(0o757)
    with pytest.raises(ValueError, match="can be changed by everybody"):
        service(program)


@pytest.mark.django_db
def test_only_programs_that_know_their_orders_are_run_again_after_a_crash() -> None:
    here = facade("ActionServiceBase")
    before = here._implementation
    try:
        here.set_up(service(SH, "-c", "exit"))
        assert not _may_ask_again()
        here.set_up(RepeatableCommandActionService(programs={"VPS/1": [SH, "-c", "echo $0", "{key}"]}, pause_seconds=0))
        assert _may_ask_again()
        order = an_order()
        assert order.action is not None
        repeatable = here.apply_action_once(order.ticket.pk, order.action.pk, None, 0, idempotency_key="job-key")
        assert repeatable.comment == "job-key"
    finally:
        here.set_up(before)
    with pytest.raises(ValueError, match=r"programs\.VPS/1: expected \{key\} among the arguments"):
        RepeatableCommandActionService(programs={"VPS/1": [SH, "-c", "exit"]})
