"""Pictures of reported pages: a page of the older client shows them by their address, without a token.

So the address itself is the key: it is signed, and good for an hour. It tells who was given it and for which report, so
that looking at the picture is on record as his.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from apiflask import APIBlueprint, HTTPError
from django.core import signing
from flask import Response, request

from abuse.config import current
from abuse.controllers import audit, url_checks
from abuse.models import Report, User
from abuse.policies import Right
from abuse.services.facade import facade
from abuse.services.phishing import PhishingService, Screenshot
from abuse.services.storage import StorageService, StorageServiceException

from .access import caller_address, current_token, needs
from .answers import Answer, EpochSeconds
from .origins import own_address

blueprint = APIBlueprint("screenshots", __name__, url_prefix="/api/screenshots", tag="Reports")

PICTURES_OF_ONE = 10
GOOD_FOR_SECONDS = 3600
_SALT = "abuse.api.screenshots"
_PNG = b"\x89PNG\r\n\x1a\n"
_UNKNOWN: dict[str, Any] = {"state": "UNKNOWN", "statusCode": None, "headers": {}}


_ANSWERS: dict[int, Any] = {
    200: {"description": "The picture.", "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
    404: "The address is not one of ours, or too old.",
}


class ScreenshotAnswer(Answer):
    """A picture of a page. `phishingGradeDetails.grade` goes from 0 to 1; `response` is how the page answered."""

    screenshot_id: str
    timestamp: EpochSeconds
    location: str
    score: int
    phishing_grade: float | None
    phishing_grade_details: dict[str, Any]
    response: dict[str, Any]


class ItemScreenshots(Answer):
    raw_item: str
    screenshots: list[ScreenshotAnswer]


@dataclass(frozen=True, slots=True)
class _Address:
    """What the address of a picture says: its key in the storage and its name; who was given it, with which token, and
    for which report."""

    picture: str
    screenshot_id: str
    report_id: int
    user_id: int
    token_id: int

    def signed(self) -> str:
        told = [self.picture, self.screenshot_id, self.report_id, self.user_id, self.token_id]
        return f"/api/screenshots/{signing.dumps(told, salt=_SALT)}"

    @classmethod
    def read(cls, key: str) -> Self:
        """:raises signing.BadSignature: for what we did not sign, or too long ago."""
        return cls(*signing.loads(key, salt=_SALT, max_age=GOOD_FOR_SECONDS))


@blueprint.get("/<key>")
@needs(Right.PUBLIC)
@blueprint.doc(responses=_ANSWERS)
def show_screenshot(key: str) -> Response:
    """Show a picture of a page

    Needs no login: the key is signed, good for an hour, and for as long as the account of who was given it is active.
    The reading is on record as his.
    """
    try:
        address = _Address.read(key)
        picture = StorageService.read(address.picture)
    except (signing.BadSignature, StorageServiceException):
        raise _no_such() from None
    if not picture.startswith(_PNG) or not User.objects.filter(pk=address.user_id, is_active=True).exists():
        raise _no_such()
    audit.put_on_record(
        user_id=address.user_id,
        token_id=address.token_id,
        address=caller_address(),
        method=request.method,
        endpoint=request.endpoint or "",
        about=f"report_id={address.report_id} screenshot_id={address.screenshot_id}",
        status=200,
    )
    url_checks.note_view(address.screenshot_id, ip=caller_address(), user_agent=request.user_agent.string)
    response = Response(picture, mimetype="image/png")
    if current().API.allowed_origins:
        # Their pages show it as an image: nothing is sent along with which the answer could name an origin.
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _no_such() -> HTTPError:
    return HTTPError(404, "There is no such picture, or its address is too old")


def pictures_of(url: str) -> Sequence[Screenshot]:
    """The newest pictures of a page; none where no service takes any."""
    if not facade("PhishingServiceBase").is_implemented():
        return ()
    return PhishingService.get_screenshots(url, limit=PICTURES_OF_ONE)


def screenshots_of(report: Report, url: str) -> ItemScreenshots:
    """The pictures of a page that a report names."""
    return ItemScreenshots(raw_item=url, screenshots=[_answer(report, picture) for picture in pictures_of(url)])


def _answer(report: Report, picture: Screenshot) -> ScreenshotAnswer:
    details = dict(picture.phishing_grade_details)
    details.setdefault("grade", picture.phishing_grade)
    return ScreenshotAnswer(
        screenshot_id=picture.screenshot_id,
        timestamp=picture.timestamp,
        location=_location(report, picture),
        score=picture.score,
        phishing_grade=picture.phishing_grade,
        phishing_grade_details=details,
        response={
            "directAccess": {**_UNKNOWN, **_access(picture, "directAccess")},
            "proxyAccess": {**_UNKNOWN, "proxyAddr": None, **_access(picture, "proxyAccess")},
        },
    )


def _access(picture: Screenshot, name: str) -> dict[str, Any]:
    """How the page answered on one of the two ways; empty when nobody tried."""
    said = picture.response.get(name)
    return dict(said) if isinstance(said, Mapping) else {}


def _location(report: Report, picture: Screenshot) -> str:
    """A key of the storage as an address to show; another system's own address as it is."""
    try:
        key = StorageService.check_key(picture.location)
    except StorageServiceException:
        return picture.location
    token = current_token()
    return own_address() + _Address(key, picture.screenshot_id, report.pk, token.user_id, token.pk).signed()
