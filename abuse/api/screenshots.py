"""Pictures of reported pages: a page of the older client shows them by their address, without a token.

So the address itself is the key: it is signed, and good for an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apiflask import APIBlueprint, HTTPError
from django.core import signing
from flask import Response

from abuse.models import ReportItem
from abuse.policies import Right
from abuse.services.facade import facade
from abuse.services.phishing import PhishingService, Screenshot
from abuse.services.storage import StorageService, StorageServiceException

from .access import needs
from .answers import Answer, EpochSeconds

blueprint = APIBlueprint("screenshots", __name__, url_prefix="/api/screenshots", tag="Reports")

PICTURES_OF_ONE = 10
GOOD_FOR_SECONDS = 3600
_SALT = "abuse.api.screenshots"
_PNG = b"\x89PNG\r\n\x1a\n"


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


@blueprint.get("/<key>")
@needs(Right.PUBLIC)
@blueprint.doc(responses=_ANSWERS)
def show_screenshot(key: str) -> Response:
    """Show a picture of a page

    Needs no login: the key is signed, and good for an hour.
    """
    try:
        picture = StorageService.read(signing.loads(key, salt=_SALT, max_age=GOOD_FOR_SECONDS))
    except (signing.BadSignature, StorageServiceException):
        raise HTTPError(404, "There is no such picture, or its address is too old") from None
    if not picture.startswith(_PNG):
        raise HTTPError(404, "There is no such picture, or its address is too old")
    return Response(picture, mimetype="image/png")


def pictures_of(url: str) -> Sequence[Screenshot]:
    """The newest pictures of a page; none where no service takes any."""
    if not facade("PhishingServiceBase").is_implemented():
        return ()
    return PhishingService.get_screenshots(url, limit=PICTURES_OF_ONE)


def screenshots_of(item: ReportItem | str) -> ItemScreenshots:
    """The pictures of an item."""
    url = item if isinstance(item, str) else item.raw_item
    return ItemScreenshots(raw_item=url, screenshots=[_answer(picture) for picture in pictures_of(url)])


def _answer(picture: Screenshot) -> ScreenshotAnswer:
    details = dict(picture.phishing_grade_details)
    details.setdefault("grade", picture.phishing_grade)
    return ScreenshotAnswer(
        screenshot_id=picture.screenshot_id,
        timestamp=picture.timestamp,
        location=_address(picture.location),
        score=picture.score,
        phishing_grade=picture.phishing_grade,
        phishing_grade_details=details,
        response=dict(picture.response),
    )


def _address(location: str) -> str:
    """A key of the storage as an address to show; another system's own address as it is."""
    try:
        key = StorageService.check_key(location)
    except StorageServiceException:
        return location
    return f"/api/screenshots/{signing.dumps(key, salt=_SALT)}"
