"""What the phishing service is told."""

from __future__ import annotations

from abuse.services.facade import facade
from abuse.services.phishing import PhishingService


def post_feedback(screenshot_id: str, is_phishing: bool) -> str:
    """Hand an operator's verdict on a picture to the phishing service. Handing it over twice does no harm.

    :raises PhishingServiceException: when it could not be handed over; it is tried again.
    """
    if not facade("PhishingServiceBase").is_implemented():
        return "no phishing service is configured; nobody was told"
    PhishingService.post_feedback(screenshot_id, is_phishing)
    return "told"
