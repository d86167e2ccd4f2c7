"""Who is to be taken out of a text about reports: those who sent them, but not what the reports are about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from abuse.models import Report, ReportItem

from .redaction import Identity, identity_of, without_token

Type = ReportItem.Type
SPAM = "Spam"


def identity_of_reporters(
    reports: Sequence[Report],
    items: Sequence[ReportItem],
    category: str,
    *,
    own_addresses: Iterable[str] = (),
    own_domain: str = "",
) -> Identity:
    """The senders of reports, which come with provider and mail at hand. What was reported (`items`) stays in a text.

    :param own_addresses: e-mail addresses that stay, too: the customer's.
    :param own_domain: the domain of his service.
    """
    hosts = [item.fqdn or "" for item in items if item.item_type == Type.URL]
    hosts += [item.raw_item for item in items if item.item_type == Type.FQDN]
    hosts += [urlsplit(item.raw_item).hostname or "" for item in items if item.item_type == Type.URL]
    return identity_of(
        [address for report in reports for address in _addresses_of(report)],
        [name for report in reports for name in (report.provider.name, report.reporter_reference)],
        own_hosts=[*hosts, own_domain.lower()],
        own_networks=[item.network for item in items if item.network is not None],
        # A link in spam may say who reads it, see `shown`.
        own_urls=() if category == SPAM else {text for item in items for text in (item.raw_item, item.original)},
        own_addresses=[*own_addresses, *(item.raw_item for item in items if item.item_type == Type.EMAIL)],
    )


def shown(item: ReportItem, category: str) -> str:
    """A reported thing as somebody else than its reporter may see it.

    A link in spam may say who reads it: whoever reported it would be struck off the list, and known.
    """
    return without_token(item.raw_item) if category == SPAM and item.item_type == Type.URL else item.raw_item


def _addresses_of(report: Report) -> Iterable[str]:
    yield report.provider_id
    if report.email is not None:
        yield report.email.provider
        yield report.email.envelope_sender or ""
        yield report.email.message_id or ""
