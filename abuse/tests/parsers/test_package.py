"""What the package is allowed to know, and the JSON form of its result."""

from __future__ import annotations

import json
import subprocess
import sys

from abuse.parsers.summary import to_json

from .samples import mail, read

FORBIDDEN = ("django", "flask", "rq", "redis", "psycopg", "abuse.models", "abuse.config", "abuse.controllers")


def test_parsing_imports_no_framework_and_opens_no_connection() -> None:
    script = (
        "import socket, sys\n"
        "def refuse(*args): raise AssertionError('a parser opened a connection')\n"
        "socket.socket.connect = refuse\n"
        "from abuse.parsers import ParserContext, parse\n"
        "parse(b'From: a@example.com\\n\\nDomain: bad.example.co.uk http://x.example.co.uk/', ParserContext())\n"
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "[]"


def test_summary() -> None:
    summary = to_json(read(mail("Phishing at hxxp://bad[.]example[.]org:8080/x on 192.0.2.1")))
    assert json.loads(json.dumps(summary)) == summary
    assert summary["ips"] == ["192.0.2.1"]
    assert summary["urls"] == ["http://bad.example.org:8080/x"]
    assert (summary["kind"], summary["category"], summary["provider"]) == (
        "abuse_report",
        "Phishing",
        "soc@victim.example.com",
    )
    assert summary["items"][0] == {
        "kind": "URL",
        "value": "http://bad.example.org:8080/x",
        "raw": "hxxp://bad[.]example[.]org:8080/x",
        "place": "body",
        "port": 8080,
        "protocol": None,
        "seen_at": None,
        "category": None,
        "times": None,
        "confidence": None,
    }
    assert summary["date"] == "2025-03-04T08:15:00+00:00"
