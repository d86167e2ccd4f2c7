"""DKIM signatures (RFC 6376) under what the desk sends."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import dkim
import dkim.crypto

from abuse.config import Settings

# The library tells all it does at the level of errors; what matters is raised.
_SILENT = logging.getLogger(f"{__name__}.dkim")
_SILENT.setLevel(logging.CRITICAL + 1)

MIN_BITS = 1024
"""RFC 8301 section 3.2: shorter keys are not believed."""


class SigningError(Exception):
    """The key for signing cannot be used. The message names the setting and what was expected."""


@dataclass(frozen=True, slots=True)
class Signer:
    """What signs: the key, and where its public half is found (`<selector>._domainkey.<domain>`)."""

    domain: str
    selector: str
    headers: tuple[str, ...]
    key: bytes = field(repr=False)

    def sign(self, mail: bytes) -> bytes:
        """The mail with a signature on top, over those of the named fields that it has and over its text.

        From is named once more than it occurs: nobody can put another one in.
        """
        signing = dkim.DKIM(mail, logger=_SILENT)
        present = [name.lower() for name, _ in signing.headers]
        wanted = [name.lower().encode() for name in self.headers]
        names = [name for name in dict.fromkeys([b"from", *wanted]) if name in present]
        signature: bytes = signing.sign(
            self.selector.encode(), self.domain.encode(), self.key, canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[*names, b"from"],
        )  # fmt: skip
        return signature + mail


def signer_of(settings: Settings) -> Signer | None:
    """What MAIL.dkim asks for; None when it asks for nothing.

    :raises SigningError: when the key cannot be read, or is none.
    """
    configured = settings.MAIL.dkim
    if configured is None:
        return None
    if configured.key is not None:
        where, key = "MAIL.dkim.key", configured.key.get_secret_value().encode()
    else:
        path = settings.SOURCE.parent / (configured.key_file or "")
        where = f"MAIL.dkim.key_file: {str(path)!r}"
        try:
            key = path.read_bytes()
        except OSError as error:
            raise SigningError(f"{where}: cannot be read ({error.strerror}); expected an RSA key in PEM") from None
    try:
        parsed = dkim.crypto.parse_pem_private_key(key.replace(b"\r\n", b"\n"))
        bits = parsed["modulus"].bit_length()
    except (dkim.crypto.UnparsableKeyError, ValueError, IndexError, KeyError, TypeError):
        raise SigningError(f"{where}: holds no private key; expected an RSA key in PEM, without a password") from None
    if bits < MIN_BITS:
        raise SigningError(f"{where}: an RSA key of {bits} bits; expected {MIN_BITS} at least")
    return Signer(configured.domain, configured.selector, configured.headers, key.replace(b"\r\n", b"\n"))
