"""An S3 server in a process of its own, one for each process of the suite, and buckets in it."""

from __future__ import annotations

import atexit
import os
import secrets
import subprocess
import sys
from functools import cache
from typing import Any

import botocore.config
import botocore.session

_SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
ACCESS_KEY, SECRET_KEY = "cerberus", "only for tests"


@cache
def endpoint() -> str:
    """The URL of the server. It ends with this process: nobody holds its standard input any more then."""
    environment = {**os.environ, "AWS_EC2_METADATA_DISABLED": "true"}
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert server.stdin is not None and server.stdout is not None
    atexit.register(server.wait, 10)
    atexit.register(server.stdin.close)
    return f"http://127.0.0.1:{int(server.stdout.readline())}"


@cache
def client() -> Any:
    """A client of the server, for what the storage itself does not do."""
    return botocore.session.get_session().create_client(
        "s3",
        endpoint_url=endpoint(),
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )


def new_bucket() -> str:
    """The name of a fresh bucket."""
    name = f"bucket-{secrets.token_hex(8)}"
    client().create_bucket(Bucket=name)
    return name


def config(**more: Any) -> dict[str, Any]:
    """What `S3Storage` takes, for a fresh bucket of the server."""
    return {
        "bucket": more.pop("bucket", None) or new_bucket(),
        "endpoint": endpoint(),
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "prefix": "desk/objects",
        "plaintext": True,
        **more,
    }
