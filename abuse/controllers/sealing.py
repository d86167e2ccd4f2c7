"""Small secrets that the desk has to read again: encrypted with keys made of its secret key."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class BrokenSeal(Exception):
    """A sealed text was changed, is too old, or was sealed with another key."""


def seal(text: str, *, purpose: str) -> str:
    """Encrypt and sign a text (Fernet: AES-128-CBC with HMAC-SHA-256). Each purpose has a key of its own (RFC 5869)."""
    return _cipher(purpose).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str, *, purpose: str, max_age: int | None = None) -> str:
    """The text that was sealed, `max_age` seconds ago at most.

    :raises BrokenSeal: when it is not what was sealed, or too old.
    """
    try:
        return _cipher(purpose).decrypt(sealed.encode("utf-8", "surrogateescape"), ttl=max_age).decode()
    except InvalidToken:
        raise BrokenSeal(f"{purpose}: the seal is broken or too old") from None


def signature(text: str, *, purpose: str) -> str:
    """A signature of a text: 64 hex digits that nobody can make who has not the secret key."""
    return hmac.new(_key(purpose), text.encode(), hashlib.sha256).hexdigest()


def _cipher(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_key(purpose)))


def _key(purpose: str) -> bytes:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"cerberus {purpose}".encode())
    return derivation.derive(str(settings.SECRET_KEY).encode())
