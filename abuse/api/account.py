"""One's own account: password, tokens for programs, and the second factor."""

from __future__ import annotations

from datetime import timedelta

from apiflask import APIBlueprint, HTTPError
from pydantic import Field, RootModel

from abuse.config import current
from abuse.controllers import accounts, logins, second_factor, tokens
from abuse.models import ApiToken, User
from abuse.policies import Right

from .access import caller_address, current_token, current_user, lacks_second_factor, needs
from .answers import Answer, EpochSeconds, Message
from .bodies import Order
from .filters import Text
from .refusals import login_refusals

blueprint = APIBlueprint("account", __name__, url_prefix="/api/users/me", tag="Account")

_WRONG_PASSWORD = "The password or the code is wrong."  # noqa: S105 - a sentence
_MANY = "Too many failed attempts; wait as long as Retry-After says."


class PasswordChange(Order):
    current: Text = Field(min_length=1, max_length=1024)
    new: Text = Field(min_length=1, max_length=1024)


class TokenOrder(Order):
    name: Text = Field(min_length=1, max_length=100)
    scopes: list[Text] = Field(min_length=1, max_length=10, description="Some of read, write, admin and submit.")
    categories: list[Text] | None = Field(default=None, max_length=1000, description="Null: all of the user's.")
    days: int = Field(default=90, ge=1, le=3650, description="How long it is valid.")


class TokenAnswer(Answer):
    """A token; never what it is, only what it is for."""

    id: int
    kind: str = Field(description="login, session or personal.")
    name: str
    scopes: list[str]
    categories: list[str] | None
    created_at: EpochSeconds
    expires_at: EpochSeconds
    last_used_at: EpochSeconds | None = Field(description="To the minute.")
    last_address: str | None
    is_current: bool = Field(description="Whether this call was made with it.")

    @classmethod
    def of(cls, row: ApiToken) -> TokenAnswer:
        return cls(
            id=row.pk, kind=row.kind, name=row.name, scopes=row.scopes, categories=row.categories,
            created_at=row.created_at, expires_at=row.expires_at, last_used_at=row.last_used_at,
            last_address=row.last_address, is_current=row.pk == current_token().pk,
        )  # fmt: skip


class TokenAnswers(RootModel[list[TokenAnswer]]):
    """Tokens, newest first."""


class NewPersonalToken(TokenAnswer):
    token: str = Field(description="Goes into the header X-Api-Token. It is shown only here.")


class FactorState(Answer):
    """The second factor of the caller."""

    enabled: bool
    required: bool = Field(description="Whether the role of the caller needs one that he has not used.")
    recovery_codes_left: int


class FactorOrder(Order):
    password: Text | None = Field(default=None, max_length=1024, description="Of accounts that have a password.")


class FactorSecret(Answer):
    secret: str = Field(description="In base 32, for the authenticator. It is shown only here.")
    otpauth_uri: str = Field(description="The same, to be shown as a QR code.")


class Code(Order):
    otp: Text = Field(min_length=6, max_length=64)


class RecoveryCodes(Answer):
    recovery_codes: list[str] = Field(description="Each is good once. They are shown only here.")


TOKEN_EXAMPLE = {
    "id": 9, "kind": "personal", "name": "reporting", "scopes": ["read"], "categories": None, "createdAt": 1767225600,
    "expiresAt": 1775001600, "lastUsedAt": None, "lastAddress": None, "isCurrent": False,
}  # fmt: skip
_CODES = {"recoveryCodes": ["abcd-efgh-ijkl-mnop"]}


@blueprint.put("/password")
@needs(Right.ACCOUNT)
@blueprint.input(PasswordChange, example={"current": "correct horse battery staple", "new": "another horse, another"})
@blueprint.output(Message, example={"message": "Password changed; other logins are ended"})
@blueprint.doc(responses={409: "The new password is too weak.", 403: _WRONG_PASSWORD, 429: _MANY})
def change_password(json_data: PasswordChange) -> Message:
    """Change one's password

    All other logins and sessions are ended. Tokens made for programs go on.
    """
    user = current_user()
    with login_refusals(403):
        logins.prove_password(user, json_data.current, address=caller_address())
    try:
        accounts.change_own_password(user, json_data.new, token_id=current_token().pk)
    except accounts.AccountError as error:
        raise HTTPError(409, str(error)) from None
    return Message(message="Password changed; other logins are ended")


@blueprint.get("/tokens")
@needs(Right.SELF)
@blueprint.output(TokenAnswers, example=[TOKEN_EXAMPLE])
def list_tokens() -> list[TokenAnswer]:
    """List one's logins, sessions and tokens"""
    return [TokenAnswer.of(row) for row in tokens.listed(current_user())]


@blueprint.post("/tokens")
@needs(Right.ACCOUNT)
@blueprint.input(TokenOrder, example={"name": "reporting", "scopes": ["read"], "days": 90})
@blueprint.output(NewPersonalToken, example={**TOKEN_EXAMPLE, "token": "cerberus_6Qm0mXxJ3b4nY0xT3JrS0eWl0mFZk0nJ7W9b"})
@blueprint.doc(responses={403: "The role needs a second factor, or the call was made with a personal token."})
def make_token(json_data: TokenOrder) -> NewPersonalToken:
    """Make a token for a program

    It can do what its scopes and categories allow of what the user may; it cannot change his account.
    """
    if lacks_second_factor(current_token()):
        raise HTTPError(403, "Your role needs a second factor: set one up first")
    longest = current().API.personal_token_days
    if json_data.days > longest:
        raise HTTPError(409, f"days: {json_data.days}; expected {longest} at most")
    try:
        issued = tokens.make_personal(
            current_user(), json_data.name, scopes=json_data.scopes, categories=json_data.categories,
            lifetime=timedelta(days=json_data.days),
        )  # fmt: skip
    except tokens.TokenRefused as error:
        raise HTTPError(409, str(error)) from None
    return NewPersonalToken(**TokenAnswer.of(issued.row).model_dump(), token=issued.token)


@blueprint.delete("/tokens/<int:token_id>")
@needs(Right.ACCOUNT)
@blueprint.output(Message, example={"message": "Token revoked"})
@blueprint.doc(responses={404: "The caller has no such token."})
def revoke_token(token_id: int) -> Message:
    """Take back a token or end a login of one's own"""
    if not tokens.revoke(current_user(), token_id):
        raise HTTPError(404, f"There is no token {token_id}")
    return Message(message="Token revoked")


@blueprint.get("/totp")
@needs(Right.SELF)
@blueprint.output(FactorState, example={"enabled": True, "required": False, "recoveryCodesLeft": 10})
def show_second_factor() -> FactorState:
    """Ask whether one has a second factor"""
    user = current_user()
    return FactorState(
        enabled=second_factor.is_active(user),
        required=lacks_second_factor(current_token()),
        recovery_codes_left=second_factor.recovery_codes_left(user),
    )


@blueprint.post("/totp")
@needs(Right.ACCOUNT)
@blueprint.input(FactorOrder, example={"password": "correct horse battery staple"})
@blueprint.output(
    FactorSecret,
    example={"secret": "JBSWY3DPEHPK3PXP", "otpauthUri": "otpauth://totp/Cerberus:alice?secret=JBSWY3DPEHPK3PXP"},
)
@blueprint.doc(responses={403: _WRONG_PASSWORD, 409: "There is one already.", 429: _MANY})
def enrol_second_factor(json_data: FactorOrder) -> FactorSecret:
    """Begin to set up a second factor

    Logins need it once it is confirmed.
    """
    user = current_user()
    if user.has_usable_password():
        with login_refusals(403):
            logins.prove_password(user, json_data.password or "", address=caller_address())
    try:
        enrolment = second_factor.enrol(user)
    except second_factor.FactorError as error:
        raise HTTPError(409, str(error)) from None
    return FactorSecret(secret=enrolment.secret, otpauth_uri=enrolment.uri)


@blueprint.post("/totp/confirm")
@needs(Right.ACCOUNT)
@blueprint.input(Code, example={"otp": "287082"})
@blueprint.output(RecoveryCodes, example=_CODES)
def confirm_second_factor(json_data: Code) -> RecoveryCodes:
    """Confirm the second factor with its first code"""
    try:
        codes = second_factor.confirm(current_user(), json_data.otp, token_id=current_token().pk)
    except second_factor.FactorError as error:
        raise HTTPError(409, str(error)) from None
    return RecoveryCodes(recovery_codes=codes)


@blueprint.post("/totp/recovery-codes")
@needs(Right.ACCOUNT)
@blueprint.input(Code, example={"otp": "287082"})
@blueprint.output(RecoveryCodes, example=_CODES)
@blueprint.doc(responses={403: _WRONG_PASSWORD, 429: _MANY})
def renew_recovery_codes(json_data: Code) -> RecoveryCodes:
    """Get new recovery codes; the old ones are worth nothing any more"""
    _prove_code(current_user(), json_data.otp)
    return RecoveryCodes(recovery_codes=second_factor.renew_recovery_codes(current_user()))


@blueprint.post("/totp/disable")
@needs(Right.ACCOUNT)
@blueprint.input(Code, example={"otp": "287082"})
@blueprint.output(Message, example={"message": "The second factor is disabled"})
@blueprint.doc(responses={403: _WRONG_PASSWORD, 429: _MANY})
def disable_second_factor(json_data: Code) -> Message:
    """Have no second factor any more"""
    _prove_code(current_user(), json_data.otp)
    second_factor.disable(current_user())
    return Message(message="The second factor is disabled")


def _prove_code(user: User, code: str) -> None:
    with login_refusals(403):
        logins.prove_code(user, code, address=caller_address())
