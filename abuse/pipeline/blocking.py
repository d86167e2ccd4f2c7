"""Having reported pages blocked by the system that can."""

from __future__ import annotations

from abuse.models import Report, ReportItem
from abuse.services.facade import facade
from abuse.services.phishing import PhishingService, PhishingServiceException


def block_urls(report_id: int) -> str:
    """Have each page that a report names blocked; how many, in words. Blocking one twice does no harm.

    :raises PhishingServiceException: when one could not be blocked; the others were.
    """
    report = Report.get(pk=report_id)
    if not facade("PhishingServiceBase").is_implemented():
        return "no phishing service is configured; nothing was blocked"
    urls = list(
        dict.fromkeys(
            ReportItem.filter(report=report, item_type=ReportItem.Type.URL)
            .order_by("pk")
            .values_list("raw_item", flat=True)
        )
    )
    faults = []
    for url in urls:
        try:
            PhishingService.block_url(url, report)
        except PhishingServiceException as error:
            faults.append(f"{url[:200]}: {error}")
    if faults:
        raise PhishingServiceException("; ".join(faults))
    return f"{len(urls)} pages blocked"
