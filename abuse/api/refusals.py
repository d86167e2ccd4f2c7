"""Refused logins as errors of the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from apiflask import HTTPError

from abuse.controllers import logins


@contextmanager
def login_refusals(status: int = 401) -> Iterator[None]:
    """Answer a wrong password or code with a status, a missing code with 401, and too many attempts with 429."""
    try:
        yield
    except logins.CodeNeeded as error:
        raise HTTPError(401, str(error), extra_data={"code": "totp_required"}) from None
    except logins.LoginRefused as error:
        raise HTTPError(status, str(error)) from None
    except logins.TooManyAttempts as error:
        raise HTTPError(429, str(error), headers={"Retry-After": str(error.retry_after)}) from None
