"""The values of a text's variables for a ticket: strings, numbers, dates and lists of them, read when they are used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from django.db.models import Max, Min, QuerySet

from abuse.config import current
from abuse.models import (
    Deadline,
    DeadlineState,
    MailTemplate,
    OutgoingMessage,
    ReceivedMessage,
    RegistryContact,
    Report,
    ReportItem,
    ServiceAction,
    Ticket,
)
from abuse.models.fields import clipped

from ..addresses import report_address, ticket_address
from .engine import Value
from .formats import format_date
from .redaction import Identity, redacted, without_addresses, without_signature
from .reporters_identity import identity_of_reporters, shown

Type = MailTemplate.RecipientType

MAX_ITEMS = 40
MAX_URLS = 200
MAX_ADDRESSES = 20
MAX_EXCERPTS = 5
MAX_EXCERPT = 4_000
MAX_MAILS = 50
MAX_REPORTS = 20
"""Reports whose senders are taken out of what the customer sees; of more, the newest."""
_READ_ITEMS = 500


@dataclass(frozen=True)
class TicketFacts:
    """What is known of a ticket, for one recipient type and language; `report`: the one that is acknowledged."""

    ticket: Ticket
    recipient_type: str
    lang: str
    report: Report | None = None

    def values(self, names: Collection[str]) -> dict[str, Value]:
        """The values of those variables that the recipient type has."""
        known = _BY_TYPE[self.recipient_type]
        return {name: known[name](self) for name in names if name in known}

    @property
    def is_for_reporter(self) -> bool:
        return self.recipient_type == Type.PLAINTIFF

    @cached_property
    def reports(self) -> Sequence[Report]:
        """The reports that may be spoken of, the newest first: to a reporter his own only."""
        if self.is_for_reporter:
            return [self.report] if self.report is not None else self._only_reporter()
        rows = self.ticket.reports.select_related("provider", "email").order_by("-received_date", "-pk")
        return list(rows[:MAX_REPORTS])

    def _only_reporter(self) -> Sequence[Report]:
        rows = list(self.ticket.reports.order_by("-received_date", "-pk")[: MAX_REPORTS + 1])
        return rows if len({row.provider_id for row in rows}) == 1 and len(rows) <= MAX_REPORTS else []

    @property
    def _items(self) -> QuerySet[ReportItem]:
        if self.is_for_reporter:
            return ReportItem.filter(report__in=self.reports)
        return ReportItem.filter(report__ticket=self.ticket)

    @cached_property
    def _newest_items(self) -> Sequence[ReportItem]:
        rows = self._items.order_by("-report_id", "pk")[:_READ_ITEMS]
        return list({(row.item_type, row.raw_item): row for row in reversed(rows)}.values())[::-1]

    @cached_property
    def items_count(self) -> int:
        return self._items.order_by().values("item_type", "raw_item").distinct().count()

    def items(self) -> list[dict[str, str]]:
        return [
            {
                "kind": row.item_type,
                "value": self._shown(row),
                "port": str(row.port or ""),
                "protocol": row.protocol or "",
                "time": format_date(row.seen_at, self.lang) if row.seen_at else "",
                "times": str(row.times or ""),
            }
            for row in self._newest_items[:MAX_ITEMS]
        ]

    def urls(self) -> list[str]:
        rows = [row for row in self._newest_items if row.item_type == ReportItem.Type.URL]
        return list(dict.fromkeys(self._shown(row) for row in rows[:MAX_URLS]))

    def _shown(self, item: ReportItem) -> str:
        return item.raw_item if self.is_for_reporter else shown(item, self.ticket.category_id)

    @cached_property
    def seen(self) -> Mapping[str, Value]:
        found: Mapping[str, Value] = self._items.aggregate(first=Min("seen_at"), last=Max("seen_at"))
        return found

    def addresses(self) -> list[str]:
        kinds = (ReportItem.Type.IP,)
        rows = [row for row in self._newest_items if row.item_type in kinds and row.network is not None]
        return list(dict.fromkeys(str(row.network.network_address) for row in rows if row.network))[:MAX_ADDRESSES]

    def contacts(self) -> list[dict[str, str]]:
        """Whom the registries name for the reported addresses, where they were asked."""
        rows = [row for row in self._newest_items if row.network is not None][:MAX_ADDRESSES]
        known = RegistryContact.around({row.network.network_address for row in rows if row.network})
        found = [(row.raw_item, known.get(row.network.network_address)) for row in rows if row.network]
        return [
            {"value": value, "network": one.network_name, "organisation": one.organisation, "email": one.email}
            for value, one in found
            if one is not None and (one.email or one.organisation or one.network_name)
        ]

    @cached_property
    def identity(self) -> Identity:
        """The reporters of the ticket, and what in their texts is the customer's own."""
        details = self.ticket.defendant.details if self.ticket.defendant else None
        service = self.ticket.service
        return identity_of_reporters(
            self.reports,
            self._newest_items,
            self.ticket.category_id,
            own_addresses=[details.email, details.spare_email or ""] if details else [],
            own_domain=(service.domain or "") if service is not None else "",
        )

    @cached_property
    def proofs(self) -> list[str]:
        rows = self.ticket.proof.order_by("pk").values_list("content", flat=True)[:MAX_EXCERPTS]
        return [clipped(redacted(text, self.identity), MAX_EXCERPT * 5) for text in dict.fromkeys(rows)]

    def evidence(self) -> list[str]:
        """What was kept as proof; without any, what the newest reports say."""
        if self.proofs:
            return [clipped(text, MAX_EXCERPT) for text in self.proofs]
        texts = [redacted(without_signature(row.body), self.identity).strip() for row in self.reports[:MAX_EXCERPTS]]
        return [clipped(text, MAX_EXCERPT) for text in dict.fromkeys(texts) if text]

    def own_words(self) -> list[str]:
        """What a reporter wrote, for himself."""
        return [
            clipped(f"Subject: {row.subject or ''}\n\n{without_addresses(row.body[: 2 * MAX_EXCERPT])}", MAX_EXCERPT)
            for row in self.reports[:1]
        ]

    @cached_property
    def deadline(self) -> Deadline | None:
        """What happens next: a measure that is ordered, else the end of the waiting."""
        kinds = [Deadline.Kind.SERVICE_ACTION, Deadline.Kind.SNOOZE]
        rows = Deadline.filter(ticket=self.ticket, state=DeadlineState.PENDING, kind__in=kinds)
        return min(rows, key=lambda row: (kinds.index(Deadline.Kind(row.kind)), row.due_at), default=None)

    def action(self) -> str:
        job = self.deadline.payload.get("job") if self.deadline else None
        found = ServiceAction.filter(jobs__pk=job).first() if job is not None else None
        return _words(found.name) if found else ""

    @cached_property
    def done(self) -> Mapping[str, Value]:
        job = (
            self.ticket.jobs.filter(execution_date__isnull=False)
            .exclude(status__in=["actionError", "unknown"])
            .select_related("action")
            .order_by("-execution_date", "-pk")
            .first()
        )
        return {"name": _words(job.action.name), "at": job.execution_date} if job else {"name": "", "at": None}

    def customer_name(self) -> str:
        details = self.ticket.defendant.details if self.ticket.defendant else None
        if details is None:
            return ""
        return details.organisation or " ".join(part for part in (details.firstname, details.name) if part)

    def domain(self) -> str:
        asked = self.ticket.cdn_requests.order_by("-asked_at").values_list("domain", flat=True).first()
        return asked or (self.ticket.service.name if self.ticket.service else "")

    def portal_url(self) -> str:
        return (current().MAIL.portal_url or "").replace("{publicId}", self.ticket.public_id)

    def reply_address(self) -> str:
        return ticket_address(self.ticket.public_id, self.recipient_type.title(), current().MAIL.ticket_domain)

    def emails(self) -> list[dict[str, str]]:
        sent = OutgoingMessage.filter(ticket=self.ticket).exclude(state="cancelled").order_by("-created_at")
        received = ReceivedMessage.filter(ticket=self.ticket).order_by("-date")
        mails = [(row.created_at, row.sender, row.recipient, row.subject, row.body) for row in sent[:MAX_MAILS]] + [
            (row.date, row.sender, row.recipient, row.subject, row.body) for row in received[:MAX_MAILS]
        ]
        return [
            {
                "sender": sender,
                "recipient": recipient,
                "subject": subject,
                "body": clipped(body, MAX_EXCERPT),
                "created": format_date(created, self.lang, "second"),
            }
            for created, sender, recipient, subject, body in sorted(mails)[-MAX_MAILS:]
        ]


@dataclass(frozen=True)
class ReportFacts(TicketFacts):
    """What is known of a report that is in no ticket, for its reporter. Its number stands in the place of a case's."""

    more: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def about(cls, report: Report, lang: str, more: Mapping[str, Value]) -> ReportFacts:
        """`more`: the values that only whoever writes knows."""
        number = f"R{report.pk}"
        # Never saved: a case that this report alone would be.
        alone = Ticket(public_id=number, category=report.category, creation_date=report.created_at)
        return cls(alone, Type.PLAINTIFF, lang, report, more)

    def values(self, names: Collection[str]) -> dict[str, Value]:
        own = {**self.more, "reply_address": self.reply_address()}
        return {**super().values(names), **{name: own[name] for name in names if name in own}}

    def reply_address(self) -> str:
        pk = self.report.pk if self.report is not None else 0
        return report_address(pk, current().MAIL.ticket_domain)


def _words(codename: str) -> str:
    return codename.replace("_", " ")


Getter = Callable[[TicketFacts], Value]

_COMMON: dict[str, Getter] = {
    "publicId": lambda facts: facts.ticket.public_id,
    "lang": lambda facts: facts.lang,
    "service": lambda facts: facts.ticket.service.name if facts.ticket.service else "",
}
_ABOUT: dict[str, Getter] = {
    **{name: getter for name, getter in _COMMON.items() if name != "service"},
    "category": lambda facts: facts.ticket.category_id,
    "creationDate": lambda facts: facts.ticket.creation_date,
    "reply_address": TicketFacts.reply_address,
    "items": TicketFacts.items,
    "items_count": lambda facts: facts.items_count,
    "items_more": lambda facts: max(0, facts.items_count - MAX_ITEMS),
    "first_seen": lambda facts: facts.seen["first"],
    "last_seen": lambda facts: facts.seen["last"],
    "phishingUrls": TicketFacts.urls,
}
_SHOWN: dict[str, Getter] = {"evidence": TicketFacts.evidence, "proof": lambda facts: list(facts.proofs)}
_CUSTOMER: dict[str, Getter] = {
    **_COMMON,
    **_ABOUT,
    **_SHOWN,
    "service_reference": lambda facts: (facts.ticket.service.reference or "") if facts.ticket.service else "",
    "service_domain": lambda facts: (facts.ticket.service.domain or "") if facts.ticket.service else "",
    "service_ips": TicketFacts.addresses,
    "customer_name": TicketFacts.customer_name,
    "reports_count": lambda facts: facts.ticket.reports.count(),
    "deadline": lambda facts: facts.deadline.due_at if facts.deadline else None,
    "action": TicketFacts.action,
    "action_done": lambda facts: facts.done["name"],
    "action_done_at": lambda facts: facts.done["at"],
    "portal_url": TicketFacts.portal_url,
}
_REPORTER: dict[str, Getter] = {
    **_ABOUT,
    "reference": lambda facts: (facts.reports[0].reporter_reference or "") if facts.reports else "",
    "reported_subject": lambda facts: (facts.reports[0].subject or "") if facts.reports else "",
    "reported_at": lambda facts: facts.reports[0].received_date if facts.reports else None,
    "proof": TicketFacts.own_words,
    "contacts": TicketFacts.contacts,
    "status": lambda facts: "open" if facts.ticket.is_open else "closed",
    "resolution": lambda facts: facts.ticket.resolution.codename if facts.ticket.resolution else "",
    # Only said of reports that are in no ticket: see ReportFacts.
    "missing": lambda facts: [],
    "answer_until": lambda facts: None,
}
_BY_TYPE: Mapping[str, Mapping[str, Getter]] = {
    Type.DEFENDANT: _CUSTOMER,
    Type.PLAINTIFF: _REPORTER,
    Type.OTHER: {**_ABOUT, **_SHOWN, "domain": TicketFacts.domain, "emails": TicketFacts.emails},
    Type.MASS_CONTACT: {**_COMMON, "ips": TicketFacts.addresses},
}
