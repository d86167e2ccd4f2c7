"""How users prove who they are: tokens, second factors, identities at a single sign-on, and guesses that failed."""

from __future__ import annotations

from django.db import models

from .base import Model
from .people import User


class TokenScope(models.TextChoices):
    """What a token may be used for, whatever its owner may."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    SUBMIT = "submit"


def all_scopes() -> list[str]:
    """The scopes of a login."""
    return list(TokenScope.values)


class ApiToken(Model):
    """A login of a program, the session of a browser, or a token that a user made for a program of his.

    Only the SHA-256 of the token is kept; deleting the row revokes it. `categories`: null for all of the user's.
    `last_used_at` is up to a minute old.
    """

    class Kind(models.TextChoices):
        LOGIN = "login"
        SESSION = "session"
        PERSONAL = "personal"

    class Proof(models.TextChoices):
        """By what its owner proved who he is."""

        PASSWORD = "password"  # noqa: S105 - the name of a proof
        TOTP = "totp"
        SSO = "sso"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.LOGIN)
    name = models.CharField(max_length=100, blank=True, default="")
    scopes = models.JSONField(default=all_scopes)
    categories = models.JSONField(null=True, blank=True)
    proof = models.CharField(max_length=16, choices=Proof, default=Proof.PASSWORD)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_address = models.GenericIPAddressField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} token of {self.user} until {self.expires_at:%Y-%m-%d %H:%M}"


class SecondFactor(Model):
    """The authenticator app of a user (RFC 6238). Not asked for until confirmed with a code of it.

    `secret` is encrypted. `last_step`: the time step of the last code taken; no code of it or before is taken again.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    secret = models.TextField()
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_step = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"second factor of {self.user}"


class RecoveryCode(Model):
    """A code for the day on which the authenticator is lost; good once. Only its SHA-256 is kept."""

    factor = models.ForeignKey(SecondFactor, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["factor", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.factor.user}"


class ExternalIdentity(Model):
    """Who a user is at a single sign-on: the issuer's name for him, which never changes, unlike names and addresses."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=512)
    subject = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="external_identity_once")]

    def __str__(self) -> str:
        return f"{self.user} at {self.issuer}"


class LoginAttempt(Model):
    """A refused login, kept to slow down guessing."""

    username = models.CharField(max_length=255)
    address = models.GenericIPAddressField(null=True)
    date = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["username", "date"], name="login_attempt_user")]

    def __str__(self) -> str:
        return f"{self.username} from {self.address} at {self.date}"
