"""Looking at reported pages before the rules decide. No transaction is open while other systems are asked.

Only pages in phishing reports about a customer are looked at, each once for the whole batch, several at a time, and for
a limited time in all; one that was looked at a moment ago is not asked again. A page that could not be looked at has no
look: the rules then take it to be up. What was seen is written down with the reports, and as the history of the pages.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from django.utils import timezone

from abuse.controllers import url_checks
from abuse.controllers.providers import pattern_of, provider_key
from abuse.models import Provider, ReportItem, UrlStatus
from abuse.models.fields import clipped
from abuse.models.inserting import insert_all
from abuse.parsers.values import ItemKind, ParsedItem
from abuse.services.crm import Match
from abuse.services.facade import facade
from abuse.services.phishing import PhishingService, PingResponse

from .kinds import DOUBTFUL, is_complaint
from .reading import ReadMail
from .reporting import RAW_ITEM_LIMIT, MadeReport

log = logging.getLogger(__name__)

PHISHING = "Phishing"
THREADS = 8
MAX_URLS = 200
"""Pages looked at for one batch of mails; those beyond it count as up."""
_STATES = frozenset(UrlStatus.State.values)


def look_at_urls(mails: Sequence[ReadMail], *, seconds: float) -> None:
    """Look at the pages that phishing reports name, for so long at most; the looks are kept with the mails."""
    if not facade("PhishingServiceBase").is_implemented():
        return
    pages: dict[int, list[str]] = {}
    countries: dict[str, str | None] = {}
    for number, match, item in _phishing_pages(mails):
        pages.setdefault(number, []).append(item.value)
        countries.setdefault(item.value, match.defendant.country)
    if not countries:
        return
    if len(countries) > MAX_URLS:
        log.warning("%s pages are reported in one batch of mails; %s are looked at", len(countries), MAX_URLS)
        countries = dict(list(countries.items())[:MAX_URLS])
    looks = ping_all(countries, seconds=seconds, may_be_fresh=True)
    for number, urls in pages.items():
        mails[number].looks = {url: looks[url] for url in urls if url in looks}


def _phishing_pages(mails: Sequence[ReadMail]) -> Iterator[tuple[int, Match, ParsedItem]]:
    """The URLs in what will be reports of the category phishing about a customer, each with its mail's number.

    The category is found as that of the report will be: the reporter's own goes before that of the items, and that
    before the mail's.
    """
    accusing = {
        number: [accusation for accusation in mail.accusations if accusation.match is not None]
        for number, mail in enumerate(mails)
        # long feeds have their items on disk
        if mail.spool is None and (is_complaint(mail.parsed.kind) or mail.parsed.kind in DOUBTFUL)
    }
    keys = {provider_key(mails[number].parsed.provider) for number, found in accusing.items() if found}
    if not keys:
        return
    own = dict(
        Provider.filter(pk__in=[*keys, *map(pattern_of, keys)], default_category__isnull=False).values_list(
            "pk", "default_category_id"
        )
    )
    for number, accusations in accusing.items():
        parsed = mails[number].parsed
        key = provider_key(parsed.provider)
        for accusation in accusations:
            category = own.get(key) or own.get(pattern_of(key)) or accusation.category or parsed.category
            if category == PHISHING and accusation.match is not None:
                for item in accusation.items:
                    if item.kind == ItemKind.URL:
                        yield number, accusation.match, item


def ping_all(
    countries: Mapping[str, str | None], *, seconds: float, may_be_fresh: bool = False
) -> dict[str, PingResponse]:
    """How pages answer, each as seen from a country; those that could not be looked at in time are missing.

    `may_be_fresh`: the look of a moment ago is as good. Not for what a measure hangs on.
    """
    looks = url_checks.fresh_looks(countries) if may_be_fresh else {}
    wanted = {url: country for url, country in countries.items() if url not in looks}
    return looks | _ping(wanted, seconds=seconds) if wanted else looks


def _ping(countries: Mapping[str, str | None], *, seconds: float) -> dict[str, PingResponse]:
    started = time.monotonic()
    pool = ThreadPoolExecutor(min(THREADS, len(countries)), thread_name_prefix="look")
    waiting: dict[Future[PingResponse], str] = {
        pool.submit(PhishingService.ping_url, url, country): url for url, country in countries.items()
    }
    done, late = wait(waiting, timeout=seconds)
    pool.shutdown(wait=False, cancel_futures=True)  # a thread that hangs must not hold up the mails
    looks = {}
    for future in done:
        url, error = waiting[future], future.exception()
        if error is None:
            looks[url] = url_checks.named(future.result(), countries[url])
        else:
            log.warning("the phishing service could not look at %s: %s", url[:200], error)
    if late:
        spent = time.monotonic() - started
        log.warning("the phishing service did not look at %s of %s pages in %.0f s", len(late), len(waiting), spent)
    return looks


def write_looks(made: Sequence[MadeReport]) -> None:
    """Keep the looks with the items of the reports just made, and as the history of the pages."""
    rows = [
        look_row(item, look)
        for one in made
        if one.mail.looks
        for item in one.report.items.all()
        if item.item_type == ReportItem.Type.URL and (look := _look(one.mail, item)) is not None
    ]
    if rows:
        insert_all(rows, at_once=500)
        url_checks.keep((url, look) for one in made for url, look in one.mail.looks.items())
    found: dict[int, list[UrlStatus]] = {}
    for row in rows:
        found.setdefault(row.item_id, []).append(row)
    for one in made:
        for item in () if one.is_spooled else one.report.items.all():
            if item.item_type == ReportItem.Type.URL:
                # These are all that there are: rule variables that ask for them cost no query.
                item._prefetched_objects_cache = {"url_statuses": found.get(item.pk, [])}  # type: ignore[attr-defined]


def _look(mail: ReadMail, item: ReportItem) -> PingResponse | None:
    by_item = {clipped(url, RAW_ITEM_LIMIT): look for url, look in mail.looks.items()}
    return by_item.get(item.raw_item)


def look_row(item: ReportItem, look: PingResponse) -> UrlStatus:
    """A look as a row. What the service says is held to what the columns take."""
    return UrlStatus(
        item=item,
        direct_status=look.direct_status if look.direct_status in _STATES else UrlStatus.State.UNKNOWN,
        proxied_status=look.proxied_status if look.proxied_status in _STATES else None,
        http_code=look.http_code if look.http_code is not None and 0 <= look.http_code < 1000 else None,
        score=min(100, max(0, int(look.score))),
        is_phishing=look.is_phishing,
        date=timezone.now(),
    )
