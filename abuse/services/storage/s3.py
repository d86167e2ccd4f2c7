"""Objects in a bucket of any store that speaks S3: AWS, Ceph, Garage, MinIO, and others."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import threading
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import urlsplit

import botocore.config
import botocore.exceptions
import botocore.session

from .base import CHUNK, StorageServiceBase, StorageServiceException

_LOOK_FIRST = 1 << 20
"""Bytes from which on it is cheaper to ask whether an object is there than to send it in vain."""
PAGE = 1000
"""Names that are asked for at a time."""
_GONE = frozenset({"404", "NoSuchKey", "NotFound"})
_EXISTS = frozenset({"412", "PreconditionFailed"})
_UNKNOWN_CONDITION = frozenset({"501", "NotImplemented"})


class S3Storage(StorageServiceBase):
    """Objects under `prefix` of a bucket, which must be there. A write returns when the store has acknowledged it.

    :param endpoint: the store's URL; None is AWS.
    :param access_key: with `secret_key`, the credentials; None: those of the environment (`AWS_…`, an instance's role).
    :param ca_file: the certificates to trust, for a store with an authority of its own.
    :param addressing: where the bucket's name goes: `path` (what stores of one's own want) or `virtual` (AWS).
    :param attempts: how often in all a request is made when no answer or one of 5xx or 429 comes.
    :param plaintext: whether the endpoint may be http, for a store on the same machine or a network of its own.
    :raises ValueError: for what cannot be.
    """

    def __init__(
        self,
        bucket: str,
        *,
        endpoint: str | None = None,
        region: str = "us-east-1",
        prefix: str = "",
        access_key: str | None = None,
        secret_key: str | None = None,
        ca_file: str | None = None,
        addressing: str = "path",
        connect_seconds: float = 5.0,
        read_seconds: float = 30.0,
        attempts: int = 4,
        plaintext: bool = False,
    ) -> None:
        super().__init__()
        _check_endpoint(endpoint, plaintext=plaintext)
        if (access_key is None) != (secret_key is None):
            raise ValueError("access_key, secret_key: expected both or none of them")
        if addressing not in ("path", "virtual"):
            raise ValueError(f"addressing: {addressing!r}; expected path or virtual")
        if not (0 < connect_seconds <= 60 and 0 < read_seconds <= 600 and 1 <= attempts <= 10):
            raise ValueError(
                "connect_seconds, read_seconds, attempts: expected up to 60 seconds, up to 600 seconds, and 1 to 10"
            )
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._options: dict[str, Any] = {
            "service_name": "s3",
            "endpoint_url": endpoint,
            "region_name": region,
            "aws_access_key_id": access_key,
            "aws_secret_access_key": secret_key,
            "verify": ca_file,
            "config": botocore.config.Config(
                connect_timeout=connect_seconds,
                read_timeout=read_seconds,
                retries={"mode": "standard", "total_max_attempts": attempts},
                s3={"addressing_style": addressing},
                signature_version="s3v4",
                max_pool_connections=32,
                # Only newer stores know the checksums that the library sends on its own; ours is Content-MD5.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        }
        self._clients: dict[int, Any] = {}
        self._lock = threading.Lock()
        self._knows_conditions = True

    def read(self, name: str) -> bytes:
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        key = self._key(name)
        with _faults(name, "read"):
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            with contextlib.closing(body):
                yield from body.iter_chunks(CHUNK)

    def write(self, name: str, data: bytes) -> bool:
        return self.write_file(name, io.BytesIO(data))

    def write_file(self, name: str, file: IO[bytes]) -> bool:
        key = self._key(name)
        digest, size = _digest_and_size(file)
        looked = size >= _LOOK_FIRST or not self._knows_conditions
        with _faults(name, "written"):
            if looked and self._is_there(key):
                return False
            try:
                return self._put(key, file, digest, conditional=self._knows_conditions)
            except botocore.exceptions.ClientError as error:
                if _code(error) not in _UNKNOWN_CONDITION or not self._knows_conditions:
                    raise
            self._knows_conditions = False
            if not looked and self._is_there(key):
                return False
            return self._put(key, file, digest, conditional=False)

    def _put(self, key: str, file: IO[bytes], digest: str, *, conditional: bool) -> bool:
        file.seek(0)
        condition = {"IfNoneMatch": "*"} if conditional else {}
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=file, ContentMD5=digest, **condition)
        except botocore.exceptions.ClientError as error:
            if conditional and _code(error) in _EXISTS:
                return False
            raise
        return True

    def delete(self, name: str) -> None:
        key = self._key(name)
        with _faults(name, "deleted"):
            # To S3, what is not there is as good as deleted.
            self._client.head_object(Bucket=self._bucket, Key=key)
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def exists(self, name: str) -> bool:
        key = self._key(name)
        with _faults(name, "looked for"):
            return self._is_there(key)

    def names(self) -> Iterator[str]:
        with _faults("", "listed"):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix, PaginationConfig={"PageSize": PAGE}):
                for entry in page.get("Contents", ()):
                    name = entry["Key"].removeprefix(self._prefix)
                    if self.is_key(name):
                        yield name

    def _is_there(self, key: str) -> bool:
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except botocore.exceptions.ClientError as error:
            if _code(error) in _GONE:
                return False
            raise
        return True

    def _key(self, name: str) -> str:
        return self._prefix + self.check_key(name)

    @property
    def _client(self) -> Any:
        """One for each process: a child that inherits connections would talk on its parent's."""
        pid = os.getpid()
        client = self._clients.get(pid)
        if client is None:
            with self._lock:
                client = self._clients.get(pid)
                if client is None:
                    client = botocore.session.get_session().create_client(**self._options)
                    self._clients = {pid: client}
        return client


def _check_endpoint(endpoint: str | None, *, plaintext: bool) -> None:
    if endpoint is None:
        return
    parts = urlsplit(endpoint)
    if parts.scheme != "https" and not (parts.scheme == "http" and plaintext):
        raise ValueError(f"endpoint: {endpoint!r}; expected https:// (http:// with plaintext: true)")
    if not parts.hostname or parts.username:
        raise ValueError("endpoint: expected a host, and no user name")


def _digest_and_size(file: IO[bytes]) -> tuple[str, int]:
    """Content-MD5 (RFC 1864), by which the store finds out that bytes were lost on the way; and how many there are."""
    file.seek(0)
    digest, size = hashlib.md5(usedforsecurity=False), 0
    while piece := file.read(CHUNK):
        digest.update(piece)
        size += len(piece)
    return base64.b64encode(digest.digest()).decode("ascii"), size


def _code(error: botocore.exceptions.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextlib.contextmanager
def _faults(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except botocore.exceptions.ClientError as error:
        # Of HEAD, a bucket that is not there has no other code than an object that is not.
        if _code(error) in _GONE:
            raise StorageServiceException(f"storage: no object {name}", permanent=True) from None
        raise StorageServiceException(f"storage: {name} cannot be {what}: {error}") from error
    except (botocore.exceptions.BotoCoreError, OSError) as error:
        raise StorageServiceException(f"storage: {name} cannot be {what}: {error}") from error
