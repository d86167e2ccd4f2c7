"""Encrypted objects: a stream of sealed pieces, so that any size goes through bounded memory.

    "CERBSEAL" 0x01    what it is
    8 bytes            which key: the beginning of HMAC-SHA256(key, "cerberus storage key id")
    32 bytes           salt, random
    pieces             each 64 KiB of content (the last one less, or nothing), sealed with AES-256-GCM, 16 bytes longer

Each object has a key of its own: HKDF-SHA256 (RFC 5869) of the master key, with the salt, and with the object's name
as `info`. A piece's nonce is its number and whether it is the last one, as in the STREAM construction (Hoang,
Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, 2015). So an object
that was altered, cut short, extended, put in another order, or put under another name does not open.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"CERBSEAL\x01"
PIECE = 64 * 1024
_ID, _SALT, _TAG = 8, 32, 16
HEADER = len(MAGIC) + _ID + _SALT
_SEALED = PIECE + _TAG


class SealError(Exception):
    """An object does not open: in words, why."""


@dataclass(frozen=True, slots=True)
class Key:
    """A master key with its id."""

    id: bytes
    secret: bytes


def new_key() -> str:
    """A fresh master key, as the settings take it."""
    return base64.b64encode(os.urandom(32)).decode("ascii")


def read_key(text: str, *, name: str) -> Key:
    """A master key from the settings.

    :raises ValueError: unless it is 32 bytes in base64.
    """
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{name}: expected 32 bytes in base64, as `storage new-key` prints them") from None
    if len(secret) != 32:
        raise ValueError(f"{name}: {len(secret)} bytes; expected 32, in base64, as `storage new-key` prints them")
    return Key(hmac.digest(secret, b"cerberus storage key id", "sha256")[:_ID], secret)


def seal(key: Key, name: str, content: Iterable[bytes]) -> Iterator[bytes]:
    """The sealed form of a content, piece by piece."""
    salt = os.urandom(_SALT)
    header = MAGIC + key.id + salt
    cipher = _cipher(key, name, salt)
    yield header
    for number, (piece, is_last) in enumerate(_told_last(_pieces(content, PIECE))):
        yield cipher.encrypt(_nonce(number, is_last=is_last), piece, header)


def unseal(keys: Sequence[Key], name: str, sealed: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a sealed object, piece by piece, each of them authentic; the end is known to be the end.

    :raises SealError: at the first piece that is not what was sealed under this name.
    """
    stream = iter(sealed)
    header, rest = _take(stream, HEADER)
    if len(header) < HEADER or not header.startswith(MAGIC):
        raise SealError("it is not sealed, or its beginning is missing")
    identifier, salt = header[len(MAGIC) : len(MAGIC) + _ID], header[len(MAGIC) + _ID :]
    key = next((one for one in keys if one.id == identifier), None)
    if key is None:
        raise SealError(f"it is sealed with the key {identifier.hex()}, which is not among the keys")
    cipher = _cipher(key, name, salt)
    for number, (piece, is_last) in enumerate(_told_last(_pieces(_chain(rest, stream), _SEALED))):
        try:
            yield cipher.decrypt(_nonce(number, is_last=is_last), piece, header)
        except (InvalidTag, ValueError):
            raise SealError(f"piece {number} was altered, cut short or put elsewhere") from None


def _cipher(key: Key, name: str, salt: bytes) -> AESGCM:
    info = b"cerberus storage object\0" + name.encode("ascii")
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(key.secret))


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _told_last(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each piece with whether it is the last one; of nothing at all, one that is empty."""
    before = next(pieces, b"")
    for piece in pieces:
        yield before, False
        before = piece
    yield before, True


def _pieces(content: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of one size; the last one may be shorter."""
    buffer = bytearray()
    for part in content:
        buffer += part
        start = 0
        while len(buffer) - start >= size:
            yield bytes(buffer[start : start + size])
            start += size
        del buffer[:start]
    if buffer:
        yield bytes(buffer)


def _take(stream: Iterator[bytes], size: int) -> tuple[bytes, bytes]:
    """The first bytes of a stream, and what came with them."""
    taken = b""
    for part in stream:
        taken += part
        if len(taken) >= size:
            break
    return taken[:size], taken[size:]


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest
