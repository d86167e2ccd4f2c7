"""The command that serves the API, as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def served(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "main.py"), "run", "--port", str(port), *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ, cwd=ROOT,
    )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.communicate()


def get(url: str, patience: float = 60) -> tuple[int, object, dict[str, str]]:
    until = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return response.status, json.load(response), dict(response.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), dict(error.headers)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@pytest.mark.parametrize("options", [[], ["--production"]], ids=["development", "production"])
def test_it_serves_until_it_is_told_to_stop(options: list[str]) -> None:
    with served(*options) as (url, process):
        status, answer, _ = get(f"{url}/api/monitor")
        assert (status, answer) == (200, {"message": "ok"})
        status, answer, headers = get(f"{url}/api/tickets")
        assert (status, answer) == (401, {"message": "Log in first: X-Api-Token holds no valid token"})
        if options:
            assert "Server" not in headers
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 0, output
        assert "Traceback" not in output


@pytest.mark.parametrize("options", [[], ["--production"]], ids=["development", "production"])
def test_an_address_in_use_is_an_error_that_names_it(options: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, str(ROOT / "main.py"), "run", "--port", str(port), *options],
            capture_output=True, text=True, env=os.environ, cwd=ROOT, timeout=60, check=False,
        )  # fmt: skip
    assert result.returncode == 1
    assert str(port) in result.stderr
    assert "Traceback" not in result.stderr
