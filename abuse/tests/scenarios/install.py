"""A fresh install, as somebody makes it who has read docs/how-to/install.md: commands, a settings file, an operator."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from abuse import embedded
from abuse.config import PROJECT_ROOT
from abuse.tests.resilience.desk import free_port
from abuse.tests.resilience.up import Up

OPERATOR, PASSWORD = "alice", "a-long-password-for-alice"


class Api:
    """The API as a program calls it that has logged in with a password."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/api"
        self._token = ""

    def log_in(self) -> None:
        self._token = self.post("/auth", {"name": OPERATOR, "password": PASSWORD})["token"]

    def get(self, path: str, filters: object = None) -> Any:
        query = "" if filters is None else f"?filters={quote(json.dumps(filters))}"
        return self._call("GET", path + query)

    def post(self, path: str, body: object) -> Any:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: object = None) -> Any:
        headers = {"X-Api-Token": self._token} if self._token else {}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            said = error.read().decode()
            raise AssertionError(f"{method} {path}: {error.code} {said}") from None


class Install:
    """One desk in a directory of its own, with settings made of the sample."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.directory = directory
        self.api_port = free_port()
        self.api = Api(self.api_port)
        text = (PROJECT_ROOT / "settings-sample.yml").read_text(encoding="utf-8")
        own = {
            "DATA_DIRECTORY": "data",
            "API": {"port": self.api_port},
            "EMAIL_LISTENER": {"port": free_port()},
            **settings,
        }
        self.settings = directory / "settings.yml"
        self.settings.write_text(yaml.safe_dump(_put_over(yaml.safe_load(text), own)), encoding="utf-8")
        self.secrets: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        own = {"APP_ENV": "prod", "APP_SETTINGS": str(self.settings), "PYTHONUNBUFFERED": "1", **self.secrets}
        return {**os.environ, **own}

    def main(self, *argv: str, said: str = "") -> str:
        """Run `python main.py …` with `said` on its standard input; what it printed."""
        done = subprocess.run(
            [sys.executable, "main.py", *argv], cwd=PROJECT_ROOT, env=self.environment(), input=said,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def set_up(self, customers: Path) -> None:
        """What comes before `up`."""
        self.main("initdb")
        assert "imported" in self.main("import-customers", str(customers))
        self.main("create-user", OPERATOR, "--email", "alice@desk.example", "--password-stdin", said=f"{PASSWORD}\n")

    @contextlib.contextmanager
    def running(self) -> Iterator[Up]:
        """`up`, with somebody logged in; it ends as with Ctrl-C, and well."""
        up = Up(self.environment(), self.directory / "up.log")
        try:
            up.wait_until(self._answers, "the start")
            self.api.log_in()
            yield up
            assert up.stop() == 0, up.log.read_text()
            assert "Traceback" not in up.log.read_text(), up.log.read_text()
        finally:
            up.kill()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.api.url}/monitor", timeout=5):
                return True
        except OSError:
            return False


@contextlib.contextmanager
def fresh_directory() -> Iterator[Path]:
    """Short, and open to the account that PostgreSQL runs under: pytest's own directories are neither."""
    directory = Path(tempfile.mkdtemp(prefix="cerberus-fresh-", dir="/tmp"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        embedded.remove(directory / "data" / "servers")
        shutil.rmtree(directory, ignore_errors=True)


def _put_over(below: Any, above: Any) -> Any:
    """The sample with what is set of one's own. Another class has another configuration."""
    if not isinstance(below, Mapping) or not isinstance(above, Mapping) or "class" in above:
        return above
    return {**below, **{key: _put_over(below.get(key), value) for key, value in above.items()}}
