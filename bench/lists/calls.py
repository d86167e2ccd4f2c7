"""The kinds of requests: what the operator's client asks, with values that are on the desk."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abuse.models import Defendant, Provider, ReportItem, Tag, Ticket, TicketStatus

from .cases import heavy_ticket
from .parties import ADMIN, CATEGORIES, CLERK, OPERATORS, Size

PAGE = 50
REPORT_SORTS = ("id", "category", "status", "provider", "receivedDate", "creationDate", "ticket")
TICKET_SORTS = (
    "id", "category", "status", "priority", "treatedBy", "creationDate", "modificationDate", "attachedReportsCount",
)  # fmt: skip
_LIVE = [status.value for status in TicketStatus if status != TicketStatus.CLOSED]


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the API by somebody."""

    caller: str
    path: str
    query: Mapping[str, str]
    body: object = None

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"


@dataclass(frozen=True, slots=True)
class Kind:
    """Calls of one kind, each with other values. `is_list`: the promise about pages of lists holds for it."""

    name: str
    path: str
    filters: Callable[[random.Random], dict[str, Any] | None]
    callers: Sequence[str] = (ADMIN, CLERK)
    is_list: bool = True
    body: Callable[[random.Random], object] | None = None

    def requests(self, count: int) -> list[Request]:
        """As many as wanted: the same each time."""
        chance = random.Random(self.name)
        made = []
        for position in range(count):
            filters = self.filters(chance)
            query = {} if filters is None else {"filters": json.dumps(filters)}
            body = self.body(chance) if self.body else None
            made.append(Request(self.callers[position % len(self.callers)], self._path(filters, query), query, body))
        return made

    def _path(self, filters: dict[str, Any] | None, query: dict[str, str]) -> str:
        """The path; a value that is `in` it is no filter."""
        if filters is None or "path" not in filters:
            return self.path
        value = filters.pop("path")
        query["filters"] = json.dumps(filters)
        return self.path.format(value)


class Values:
    """What is looked for: values that are on the desk, frequent and rare ones."""

    def __init__(self) -> None:
        chance = random.Random(2)
        highest = ReportItem.all().order_by("-pk").values_list("pk", flat=True)[0]
        ids = [chance.randint(1, highest) for _ in range(600)]
        items = list(ReportItem.filter(pk__in=ids).values_list("item_type", "raw_item", "fqdn").order_by("pk"))
        self.addresses = [raw for kind, raw, _ in items if kind == "IP"]
        self.urls = [raw for kind, raw, _ in items if kind == "URL"]
        self.names = [name for _, _, name in items if name]
        self.providers = list(Provider.filter(name__isnull=False).values_list("email", flat=True).order_by("email"))
        self.customers = [f"C-{100_000 + 1 + int(Defendant.count() * chance.random() ** 3)}" for _ in range(300)]
        self.emails = list(
            Defendant.filter(customer_id__in=self.customers).values_list("details__email", flat=True).order_by("pk")
        )
        reports = list(ReportItem.filter(pk__in=ids).values_list("report__body", flat=True).order_by("pk"))
        self.words = [word for body in reports for word in chance.sample(body.split("\n\n")[1].strip(".").split(), 2)]
        self.ticket_tags = list(Tag.filter(tag_type="Ticket", name__contains="-tag-").values_list("name", flat=True))
        self.report_tags = list(Tag.filter(tag_type="Report", name__contains="-tag-").values_list("name", flat=True))
        self.tickets = Ticket.count()
        self.public_ids = list(Ticket.filter(pk__in=ids).values_list("public_id", flat=True).order_by("pk"))


def _page(chance: random.Random, sorts: Sequence[str] = (), *, deep: int = 0, size: int = PAGE) -> dict[str, Any]:
    current = chance.randint(max(1, deep // 20), max(1, deep)) if deep else chance.randint(1, 20)
    filters: dict[str, Any] = {"paginate": {"currentPage": current, "resultsPerPage": size}}
    if sorts:
        filters["sortBy"] = {chance.choice(sorts): chance.choice((1, -1))}
    return filters


Make = Callable[[random.Random], dict[str, Any]]


def kinds(size: Size, values: Values) -> list[Kind]:
    """All of them, the cheap ones that others are compared with first."""
    return [
        Kind("floor: monitor", "/api/monitor", lambda _: None, is_list=False),
        Kind("floor: me", "/api/users/me", lambda _: None, is_list=False),
        *_report_kinds(size, values),
        *_ticket_kinds(size, values),
        *_search_kinds(values),
        *_work_kinds(),
        *_detail_kinds(size, values),
    ]


def _report_kinds(size: Size, values: Values) -> list[Kind]:
    path = "/api/reports"
    statuses = ["New", "Attached", "Archived", "PhishToCheck", "ToValidate"]
    choices: dict[str, Make] = {
        "status": lambda chance: _in(status=[chance.choice(statuses)]),
        "category": lambda chance: _in(category=[chance.choice(list(CATEGORIES))]),
        "provider": lambda chance: _in(providerEmail=[_skewed(chance, values.providers)]),
        "customer": lambda chance: _in(defendantCustomerId=[chance.choice(values.customers)]),
        "customer's e-mail like": lambda chance: _like(defendantEmail=chance.choice(values.emails)),
        "provider like": lambda chance: _like(providerEmail=chance.choice(values.providers)[:-8]),
        "tag": lambda chance: _in(reportTag=[_skewed(chance, values.report_tags)]),
        "without ticket": lambda _: _in(ticket=[None]),
        "ticket": lambda chance: _in(ticket=[chance.randint(1, values.tickets)]),
        **_item_choices(values),
    }
    return [
        Kind("reports: newest", path, _page),
        Kind("reports: deep", path, lambda chance: _page(chance, deep=size.reports // 4 // PAGE)),
        *(Kind(f"reports: by {name}", path, _sorted(name)) for name in REPORT_SORTS),
        *(Kind(f"reports: by {name}, deep", path, _sorted(name, deep=100)) for name in REPORT_SORTS),
        *(Kind(f"reports of {name}", path, _with(make, REPORT_SORTS)) for name, make in choices.items()),
    ]


def _ticket_kinds(size: Size, values: Values) -> list[Kind]:
    path = "/api/tickets"
    choices: dict[str, Make] = {
        "status": lambda chance: _in(status=[chance.choice(_LIVE)]),
        "status closed": lambda _: _in(status=["Closed"]),
        "category": lambda chance: _in(category=[chance.choice(list(CATEGORIES))]),
        "priority": lambda chance: _in(priority=[chance.choice(["Low", "Normal", "High", "Critical"])]),
        "treatedBy": lambda chance: _in(treatedBy=[chance.choice([None, f"bench-{chance.randint(1, OPERATORS)}"])]),
        "alarm": lambda chance: _in(alarm=[chance.choice([True, False])]),
        "confidential": lambda _: _in(confidential=[True]),
        "escalated": lambda _: _in(escalated=[True]),
        "moderation": lambda _: _in(moderation=[True]),
        "status and category": lambda chance: _in(
            status=[chance.choice(_LIVE)], category=[chance.choice(list(CATEGORIES))]
        ),
        "customer": lambda chance: _in(defendantCustomerId=[chance.choice(values.customers)]),
        "customer like": lambda chance: _like(defendant=chance.choice(values.emails)[:9]),
        "ticketIds": lambda chance: _like(ticketIds=chance.choice(values.public_ids)),
        "provider": lambda chance: _in(providerEmail=[_skewed(chance, values.providers)]),
        "tag": lambda chance: _in(ticketTag=[_skewed(chance, values.ticket_tags)]),
        "report tag": lambda chance: _in(reportTag=[_skewed(chance, values.report_tags)]),
        **_item_choices(values),
    }
    return [
        Kind("tickets: live", path, _page),
        Kind("tickets: deep", path, lambda chance: _page(chance, deep=size.tickets // 10 // PAGE)),
        *(Kind(f"tickets: by {name}", path, _sorted(name)) for name in TICKET_SORTS),
        *(Kind(f"tickets of {name}", path, _with(make, TICKET_SORTS)) for name, make in choices.items()),
    ]


def _item_choices(values: Values) -> dict[str, Make]:
    return {
        "item address": lambda chance: _in(itemRawItem=[chance.choice(values.addresses)]),
        "item URL": lambda chance: _in(itemRawItem=[chance.choice(values.urls)]),
        "item like address": lambda chance: _like(item=chance.choice(values.addresses)),
        "item like domain": lambda chance: _like(item=chance.choice(values.names)),
        "fulltext word": lambda chance: _like(fulltext=chance.choice(values.words)),
        "fulltext words": lambda chance: _like(fulltext=" ".join(chance.sample(values.words, 2))),
        "fulltext address": lambda chance: _like(fulltext=chance.choice(values.addresses)),
        "subject like": lambda chance: _like(subject=chance.choice(values.words)),
        "body like": lambda chance: _like(body=chance.choice(values.words)),
    }


def _search_kinds(values: Values) -> list[Kind]:
    path = "/api/search"
    live: Make = lambda _: _in(status=_LIVE)  # noqa: E731
    choices: dict[str, Make] = {
        "nothing": lambda _: {},
        "live": live,
        "category": lambda chance: _in(category=[chance.choice(list(CATEGORIES))]),
        "customer": lambda chance: _like(defendant=chance.choice(values.customers)),
        "customer exactly": lambda chance: _in(defendantCustomerId=[chance.choice(values.customers)]),
        **_item_choices(values),
    }
    sorts = ("creationDate", "modificationDate", "status", "priority", "category")
    return [
        *(Kind(f"search: {name}", path, _with(make, sorts)) for name, make in choices.items()),
        *(Kind(f"search: count of {name}", path, _counting(make)) for name, make in choices.items() if name != "live"),
    ]


def _work_kinds() -> list[Kind]:
    todo = "/api/tickets/todo"
    return [
        Kind("todo", todo, _page),
        Kind("todo: deep", todo, lambda chance: _page(chance, deep=100)),
        Kind("todo: unassigned", todo, lambda chance: {**_page(chance), "onlyUnassigned": True}),
        Kind("my-tickets", "/api/my-tickets", lambda chance: _page(chance, TICKET_SORTS)),
        Kind("todo: 250 at once", todo, lambda chance: _page(chance, deep=1, size=250), is_list=False),
        Kind("toolbar", "/api/toolbar", lambda _: None, is_list=False),
        Kind("dashboard", "/api/dashboard", lambda _: None, is_list=False),
        Kind("top20", "/api/defendants/top20", lambda _: None, is_list=False),
        Kind("providers", "/api/providers", lambda chance: _page(chance, deep=1, size=10)),
        Kind("providers: all", "/api/providers", lambda chance: _page(chance, deep=1, size=250), is_list=False),
    ]


def _detail_kinds(size: Size, values: Values) -> list[Kind]:
    heavy = heavy_ticket(size)

    def ticket(chance: random.Random) -> dict[str, Any]:
        return {"path": chance.randint(1, size.tickets)}

    def customer(chance: random.Random) -> dict[str, Any]:
        return {"path": chance.choice(values.customers)}

    def few(chance: random.Random) -> dict[str, Any]:
        return _page(chance, size=5)

    parts = ("", "/items", "/timeline", "/emails", "/providers", "/proof", "/explain", "/attachments")
    return [
        *(Kind(f"ticket{part}", "/api/tickets/{}" + part, ticket, (ADMIN,), is_list=False) for part in parts),
        *(Kind(f"large ticket{part}", f"/api/tickets/{heavy}{part}", few, (ADMIN,), is_list=False) for part in parts),
        Kind("reports of the large ticket", "/api/reports", lambda chance: {**few(chance), **_in(ticket=[heavy])}),
        Kind("customer's tickets chart", "/api/stats/tickets/{}", customer, is_list=False),
        Kind("customer's reports chart", "/api/stats/reports/{}", customer, is_list=False),
    ]


def _in(**conditions: Sequence[object]) -> dict[str, Any]:
    return {"where": {"in": [{name: list(values)} for name, values in conditions.items()]}}


def _like(**conditions: str) -> dict[str, Any]:
    return {"where": {"like": [{name: [value]} for name, value in conditions.items()]}}


def _sorted(name: str, deep: int = 0) -> Make:
    return lambda chance: _page(chance, (name,), deep=deep)


def _with(make: Make, sorts: Sequence[str]) -> Make:
    """With conditions; on one of the first pages, in the usual order or in another."""

    def made(chance: random.Random) -> dict[str, Any]:
        conditions = make(chance)
        filters = _page(chance, sorts if chance.random() < 0.5 else ())
        filters["paginate"]["currentPage"] = chance.choice((1, 1, 1, 2, 3, 5))
        return {**filters, **conditions}

    return made


def _counting(make: Make) -> Make:
    return lambda chance: {**make(chance), "paginate": {"currentPage": 1, "resultsPerPage": 0}}


def _skewed(chance: random.Random, values: Sequence[str]) -> str:
    return values[int(len(values) * chance.random() ** 2)]
