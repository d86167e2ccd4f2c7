"""OpenID Connect, the part of who relies on it: authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636).

What the provider says is believed only as far as its signature goes: the keys come from where its discovery document
says, over TLS, and issuer, audience, nonce and time are checked.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from abuse.config.web import Oidc

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with keys of which we know the public half only: no provider's secret is a key."""
LEEWAY = 60
"""Seconds by which clocks may differ."""
GOOD_FOR = 3600.0
"""Seconds that the provider's description and keys are kept."""
ASK_AGAIN = 60.0
"""Seconds between two looks for new keys, however many tokens name unknown ones."""
MAX_BYTES = 1024 * 1024
MAX_TOKEN = 64 * 1024


class OidcError(Exception):
    """The provider cannot be asked, or what came from it cannot be believed. The text has no secret in it."""


@dataclass(frozen=True, slots=True)
class Started:
    """A login that was begun. All but `url` is to be kept until the user comes back."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(slots=True)
class _Known:
    """What is known of a provider, and since when."""

    description: Mapping[str, Any]
    described_at: float
    keys: KeySet | None = None
    keys_at: float = 0.0


class OidcClient:
    """One provider. Safe to share between threads."""

    def __init__(self, settings: Oidc) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def start(self) -> Started:
        """Where to send a browser for a login.

        :raises OidcError: when the provider cannot be asked.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        with self._session() as session:
            endpoint = self._described(session).description["authorization_endpoint"]
            url, _ = session.create_authorization_url(endpoint, state=state, code_verifier=verifier, nonce=nonce)
        return Started(url, state, nonce, verifier)

    def finish(self, code: str, *, nonce: str, verifier: str) -> dict[str, Any]:
        """The claims about who came back with a code.

        :raises OidcError: when the code is refused, or the ID token cannot be believed.
        """
        with self._session() as session:
            known = self._described(session)
            try:
                token = session.fetch_token(
                    known.description["token_endpoint"], grant_type="authorization_code", code=code,
                    code_verifier=verifier, timeout=self.settings.timeout_seconds, allow_redirects=False,
                )  # fmt: skip
            except (OAuthError, requests.RequestException, ValueError) as error:
                raise OidcError(f"the provider gave no token ({type(error).__name__})") from None
            id_token = token.get("id_token")
            if not isinstance(id_token, str) or len(id_token) > MAX_TOKEN:
                raise OidcError("the provider gave no ID token")
            return self._claims(session, known, id_token, nonce)

    def _claims(self, session: OAuth2Session, known: _Known, id_token: str, nonce: str) -> dict[str, Any]:
        try:
            header = extract_compact(id_token.encode()).headers()
            keys = self._keys(session, known, header.get("kid"))
            claims = jwt.decode(id_token, keys, algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY,
                iss={"essential": True, "value": known.description["issuer"]},
                aud={"essential": True, "value": self.settings.client_id},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise OidcError(f"the ID token cannot be believed ({type(error).__name__}: {error})") from None
        for_others = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (for_others or "azp" in claims) and claims.get("azp") != self.settings.client_id:
            raise OidcError("the ID token is for another client")
        if not isinstance(claims["sub"], str) or not 1 <= len(claims["sub"]) <= 255:
            raise OidcError("sub: expected 1 to 255 characters")
        return claims

    def _described(self, session: OAuth2Session) -> _Known:
        with self._lock:
            known = self._known
        if known is not None and time.monotonic() - known.described_at < GOOD_FOR:
            return known
        found = self._get(session, f"{self.settings.issuer}/.well-known/openid-configuration")
        # Some end in a slash, which the settings leave out.
        if str(found.get("issuer")).rstrip("/") != self.settings.issuer:
            raise OidcError("issuer: the provider calls itself otherwise than API.oidc.issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not _is_safe(found.get(name), self.settings.issuer):
                raise OidcError(f"{name}: expected an https:// address in the provider's description")
        known = _Known(found, time.monotonic())
        with self._lock:
            self._known = known
        return known

    def _keys(self, session: OAuth2Session, known: _Known, key_id: object) -> KeySet:
        with self._lock:
            keys, age = known.keys, time.monotonic() - known.keys_at
        if keys is not None:
            is_there = key_id is None or any(key.kid == key_id for key in keys.keys)
            # A new key is looked for at once, but not for every token that names one that is none.
            if age < (GOOD_FOR if is_there else ASK_AGAIN):
                return keys
        fresh = KeySet.import_key_set(self._get(session, known.description["jwks_uri"]))  # type: ignore[arg-type]
        with self._lock:
            known.keys, known.keys_at = fresh, time.monotonic()
        return fresh

    def _get(self, session: OAuth2Session, url: str) -> dict[str, Any]:
        try:
            with session.request(
                "GET",
                url,
                withhold_token=True,
                timeout=self.settings.timeout_seconds,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = response.raw.read(MAX_BYTES + 1, decode_content=True)
                if response.status_code != 200 or len(content) > MAX_BYTES:
                    raise OidcError(f"{url}: {response.status_code}, {len(content)} bytes; expected a JSON object")
                found = json.loads(content)
        except (requests.RequestException, OSError, ValueError, RecursionError) as error:
            raise OidcError(f"{url} cannot be read ({type(error).__name__})") from None
        if not isinstance(found, dict):
            raise OidcError(f"{url}: expected a JSON object")
        return found

    def _session(self) -> OAuth2Session:
        return OAuth2Session(
            self.settings.client_id,
            self.settings.client_secret.get_secret_value(),
            scope=" ".join(self.settings.scopes),
            redirect_uri=self.settings.redirect_uri,
            code_challenge_method="S256",
        )


def _is_safe(url: object, issuer: str) -> bool:
    """TLS, unless the issuer itself is without it, as on one machine."""
    return isinstance(url, str) and url.startswith("https://" if issuer.startswith("https://") else "http")
