"""`storage`: what is missing or altered is found, and all objects can be moved elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from django.utils import timezone

from abuse.commands.storage import command
from abuse.models import AttachedDocument, Category, Email, Provider, Report
from abuse.services.facade import facade
from abuse.services.storage import StorageService, verifying
from abuse.services.storage.default import FilesystemStorage
from abuse.services.storage.encrypted import EncryptedStorage
from abuse.services.storage.s3 import S3Storage
from abuse.services.storage.sealing import new_key, read_key

from . import s3_server

pytestmark = pytest.mark.django_db

FILES = "abuse.services.storage.default.FilesystemStorage"


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(command, arguments, input=stdin)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "ROWS", 2)


def keep(content: bytes) -> str:
    key = hashlib.sha256(content).hexdigest()
    StorageService.write(key, content)
    return key


def a_mail(content: bytes) -> Email:
    now = timezone.now()
    return Email.create(
        sha256=keep(content), size=1, source="test", received_at=now, last_delivered_at=now, next_attempt_at=now
    )


def a_document(key: str) -> AttachedDocument:
    return AttachedDocument.create(name="x.txt", filename=key, filetype="text/plain")


def a_report(filename: str) -> Report:
    now = timezone.now()
    return Report.create(
        provider=Provider.get_or_create(email="r@reporter.example")[0],
        category=Category.get(name="Spam"),
        received_date=now,
        created_at=now,
        filename=filename,
    )


def path_of(key: str) -> Path:
    storage = facade("StorageServiceBase")._implementation
    assert isinstance(storage, FilesystemStorage)
    return storage.directory / key[:2] / key


def test_a_whole_storage_is_well() -> None:
    mails = [a_mail(b"mail %d" % number) for number in range(5)]
    for mail in mails:
        a_document(mail.sha256)
    a_report(keep(b"a campaign's text"))
    found = run("verify")
    assert found.output == "11 rows name an object; 0 of them in vain.\n"
    assert found.exit_code == 0


def test_missing_altered_and_unreadable_objects_are_named() -> None:
    well, missing, altered = a_mail(b"well"), a_mail(b"missing"), a_mail(b"altered")
    StorageService.delete(missing.sha256)
    path_of(altered.sha256).write_bytes(b"something else")
    broken = a_document(keep(b"broken"))
    path_of(broken.filename).unlink()
    path_of(broken.filename).mkdir()
    odd = a_document("../../etc/passwd")
    gone = a_report(hashlib.sha256(b"gone").hexdigest())
    found = run("verify")
    assert found.exit_code == 1
    lines = found.output.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [
        f"missing    {missing.sha256}  mail {missing.pk}",
        f"altered    {altered.sha256}  mail {altered.pk}",
        f"missing    {gone.filename}  report {gone.pk}",
        f"unreadable {broken.filename}  document {broken.pk}",
        f"no key     {odd.filename}  document {odd.pk}",
    ]
    assert lines[-1] == ("6 rows name an object; 5 of them in vain (1 altered, 2 missing, 1 no key, 1 unreadable).")
    assert well.sha256 not in found.output


def test_an_object_that_many_rows_name_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    key = keep(b"a logo")
    for _ in range(7):
        a_document(key)
    read: list[str] = []
    real = StorageService.chunks

    def counted(name: str) -> Iterator[bytes]:
        read.append(name)
        return real(name)

    monkeypatch.setattr(facade("StorageServiceBase")._implementation, "chunks", counted)
    assert "7 rows name an object; 0" in run("verify").output
    assert read == [key]


def test_a_sealed_object_that_was_altered_is_found(tmp_path: Path) -> None:
    files = {"class": FILES, "config": {"directory": str(tmp_path / "sealed")}}
    facade("StorageServiceBase").set_up(EncryptedStorage(files, [{"key": new_key()}]))
    mail = a_mail(b"sealed mail")
    path = tmp_path / "sealed" / mail.sha256[:2] / mail.sha256
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found = run("verify")
    assert found.exit_code == 1
    assert f"altered    {mail.sha256}  mail {mail.pk}: storage: {mail.sha256} cannot be opened" in found.output


def test_all_objects_are_copied_to_an_encrypted_bucket() -> None:
    keys = [keep(b"object %d" % number) for number in range(5)]
    StorageService.write(f"{keys[0]}-verdict0", b"kept by the desk")
    keys.append(f"{keys[0]}-verdict0")
    lost = keep(b"altered")
    path_of(lost).write_bytes(b"other bytes")
    key, bucket = new_key(), s3_server.config()
    config = json.dumps(
        {"storage": {"class": "abuse.services.storage.s3.S3Storage", "config": bucket}, "keys": [{"key": key}]}
    )
    arguments = ("copy", "--to", "abuse.services.storage.encrypted.EncryptedStorage", "--config", "-")
    copied = run(*arguments, stdin=config)
    assert copied.exit_code == 1
    assert f"not copied {lost}: its content has the SHA-256" in copied.output
    assert copied.output.endswith("6 copied, 0 there already, 1 not copied.\n")
    StorageService.delete(lost)
    again = run(*arguments, stdin=config)
    assert (again.exit_code, again.output) == (0, "0 copied, 6 there already, 0 not copied.\n")
    target = EncryptedStorage({"class": "abuse.services.storage.s3.S3Storage", "config": bucket}, [{"key": key}])
    assert {name: target.read(name) for name in target.names()} == {name: StorageService.read(name) for name in keys}
    assert b"object" not in S3Storage(**bucket).read(keys[0])


@pytest.mark.parametrize(
    ("class_path", "config", "said"),
    [
        ("nowhere", "{}", "expected the dotted path of a class"),
        ("abuse.services.storage.nothing.There", "{}", "No module named"),
        ("abuse.services.crm.default.DirectoryCRM", "{}", "does not descend from"),
        (FILES, '{"folder": "x"}', "config.folder: unknown key"),
        (FILES, "[", "Expecting value"),
    ],
)
def test_where_nothing_can_be_copied_to(class_path: str, config: str, said: str) -> None:
    result = run("copy", "--to", class_path, "--config", "-", stdin=config)
    assert result.exit_code == 1
    assert said in result.output


def test_a_storage_that_cannot_be_reached_ends_the_copying() -> None:
    keep(b"object")
    config = {"bucket": "b", "endpoint": "http://127.0.0.1:1", "plaintext": True, "attempts": 1}
    config |= {"access_key": "a", "secret_key": "b"}
    result = run("copy", "--to", "abuse.services.storage.s3.S3Storage", "--config", "-", stdin=json.dumps(config))
    assert result.exit_code == 1
    assert "cannot be looked for" in result.output


def test_a_new_key_is_one_that_the_settings_take() -> None:
    assert len(read_key(run("new-key").output.strip(), name="key").secret) == 32
