"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for the day it is lost."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

import pyotp
from django.db import transaction
from django.utils import timezone
from pyotp.utils import strings_equal

from abuse.models import ApiToken, RecoveryCode, SecondFactor, User

from .sealing import seal, unseal

STEP = 30
"""Seconds that a code is for."""
DRIFT = 1
"""Steps by which the clock of a phone may be wrong."""
RECOVERY_CODES = 10
ISSUER = "Cerberus"
_PURPOSE = "second factor"


class FactorError(Exception):
    """The second factor cannot be changed as asked; the text says why."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What goes into the authenticator app, shown once: the secret in base 32, and the same as an otpauth URI."""

    secret: str
    uri: str


def is_active(user: User) -> bool:
    """Whether a user's logins need a code."""
    return SecondFactor.filter(user=user, confirmed_at__isnull=False).exists()


@transaction.atomic
def enrol(user: User) -> Enrolment:
    """Begin: a new secret, which counts once it is confirmed. One that was begun before is forgotten.

    :raises FactorError: when the user has a confirmed one.
    """
    User.objects.select_for_update().get(pk=user.pk)
    if is_active(user):
        raise FactorError("You have a second factor already; disable it before you set up another")
    SecondFactor.filter(user=user).delete()
    secret = pyotp.random_base32()
    SecondFactor.create(user=user, secret=seal(secret, purpose=_PURPOSE), created_at=timezone.now())
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=ISSUER))


@transaction.atomic
def confirm(user: User, code: str, *, token_id: int | None = None) -> list[str]:
    """End the set-up with the first code: the recovery codes, shown once. The login that did it counts as proved by it.

    :raises FactorError: for a wrong code, or when nothing waits to be confirmed.
    """
    factor = SecondFactor.filter(user=user, confirmed_at__isnull=True).select_for_update().first()
    if factor is None:
        raise FactorError("There is no second factor to confirm; set one up first")
    if not _take_code(factor, code, timezone.now()):
        raise FactorError("otp: wrong code; expected the six digits that the authenticator shows now")
    factor.confirmed_at = timezone.now()
    factor.save(update_fields=["confirmed_at"])
    ApiToken.filter(pk=token_id, user=user).update(proof=ApiToken.Proof.TOTP)
    return _new_recovery_codes(factor)


@transaction.atomic
def accept(user: User, code: str) -> bool:
    """Whether a code of the authenticator, or a recovery code, is right. None is taken twice."""
    factor = SecondFactor.filter(user=user, confirmed_at__isnull=False).select_for_update().first()
    if factor is None:
        return False
    return _take_code(factor, code, timezone.now()) or _take_recovery_code(factor, code)


@transaction.atomic
def renew_recovery_codes(user: User) -> list[str]:
    """New recovery codes instead of all old ones.

    :raises FactorError: without a second factor.
    """
    factor = SecondFactor.filter(user=user, confirmed_at__isnull=False).select_for_update().first()
    if factor is None:
        raise FactorError("You have no second factor")
    return _new_recovery_codes(factor)


@transaction.atomic
def disable(user: User) -> bool:
    """Have no second factor any more; whether there was one."""
    ApiToken.filter(user=user, proof=ApiToken.Proof.TOTP).update(proof=ApiToken.Proof.PASSWORD)
    return bool(SecondFactor.filter(user=user).delete()[0])


def recovery_codes_left(user: User) -> int:
    """How many recovery codes were not used yet."""
    return RecoveryCode.filter(factor__user=user, used_at__isnull=True).count()


def _take_code(factor: SecondFactor, code: str, now: datetime) -> bool:
    code = "".join(code.split())
    if not (len(code) == 6 and code.isascii() and code.isdecimal()):
        return False
    generator = pyotp.TOTP(unseal(factor.secret, purpose=_PURPOSE), interval=STEP)
    step = int(now.timestamp()) // STEP
    right = [one for one in range(step - DRIFT, step + DRIFT + 1) if strings_equal(generator.generate_otp(one), code)]
    # A code seen over the shoulder, or on the wire, is worth nothing once it was used.
    fresh = [one for one in right if one > factor.last_step]
    if not fresh:
        return False
    factor.last_step = fresh[0]
    factor.save(update_fields=["last_step"])
    return True


def _take_recovery_code(factor: SecondFactor, code: str) -> bool:
    unused = RecoveryCode.filter(factor=factor, digest=_digest(code), used_at__isnull=True)
    return unused.update(used_at=timezone.now()) == 1


def _new_recovery_codes(factor: SecondFactor) -> list[str]:
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    RecoveryCode.filter(factor=factor).delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(factor=factor, digest=_digest(code)) for code in codes])
    return codes


def _recovery_code() -> str:
    """80 random bits in base 32, in groups of four."""
    text = base64.b32encode(secrets.token_bytes(10)).decode("ascii").lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _digest(code: str) -> str:
    # A plain hash will do: unlike a password, the code is 80 random bits.
    plain = "".join(character for character in code.lower() if character.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "surrogateescape")).hexdigest()
