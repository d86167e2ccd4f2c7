"""Keys for DKIM: those that can be used, and what is said of the others before any mail is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from abuse.config import PROJECT_ROOT, SettingsError, load
from abuse.services.email.signing import SigningError, signer_of


def settings_with(directory: Path, dkim: str) -> Any:
    path = directory / "settings.yml"
    path.write_text(f"MAIL:\n  dkim: {dkim}\n")
    return load(path, environ={"APP_ENV": "test"})


def a_key(path: Path, bits: int = 2048, *form: str) -> Path:
    subprocess.run(["openssl", "genrsa", *form, "-out", str(path), str(bits)], check=True, capture_output=True)
    return path


def test_a_key_of_either_form_is_taken_from_beside_the_settings(tmp_path: Path) -> None:
    a_key(tmp_path / "new.pem")
    a_key(tmp_path / "old.pem", 2048, "-traditional")
    for name in ("new.pem", "old.pem"):
        signer = signer_of(settings_with(tmp_path, f"{{domain: example.net, selector: a, key_file: {name}}}"))
        assert signer is not None
        assert b"PRIVATE KEY" in signer.key
        assert "PRIVATE" not in repr(signer)


def test_without_a_word_about_it_nothing_is_signed(tmp_path: Path) -> None:
    assert signer_of(settings_with(tmp_path, "")) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read (No such file or directory); expected an RSA key in PEM"),
        (b"no key at all", "holds no private key; expected an RSA key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no private key"),
        (512, "an RSA key of 512 bits; expected 1024 at least"),
    ],
)
def test_a_key_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | int | None, said: str) -> None:
    if isinstance(content, bytes):
        (tmp_path / "key.pem").write_bytes(content)
    elif content is not None:
        a_key(tmp_path / "key.pem", content)
    with pytest.raises(SigningError) as caught:
        signer_of(settings_with(tmp_path, "{domain: example.net, selector: a, key_file: key.pem}"))
    assert str(caught.value).startswith(f"MAIL.dkim.key_file: '{tmp_path / 'key.pem'}'")
    assert said in str(caught.value)


@pytest.mark.parametrize("keys", ["", ", key: a, key_file: b"])
def test_there_must_be_one_key(tmp_path: Path, keys: str) -> None:
    with pytest.raises(SettingsError, match="expected one of key_file and key"):
        settings_with(tmp_path, f"{{domain: example.net, selector: a{keys}}}")


def test_no_process_starts_with_a_key_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    path.write_text("MAIL:\n  dkim: {domain: example.net, selector: a, key_file: /nowhere/key.pem}\n")
    done = subprocess.run(
        [sys.executable, "main.py", "status"], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60,
        env={**os.environ, "APP_ENV": "dev", "APP_SETTINGS": str(path)},
    )  # fmt: skip
    assert done.returncode != 0
    assert "MAIL.dkim.key_file: '/nowhere/key.pem': cannot be read" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
