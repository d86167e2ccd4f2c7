"""What is asked of tickets and reports: who may see which, and how lists are read without a query for each row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Left

from .correspondence import OutgoingMessage, ReceivedMessage
from .history import History
from .people import ROBOT_NAME, AbusePermission, Profile, User
from .prepared import Prepared
from .reports import AttachedDocument, ItemScreenshotFeedback, Report, ReportItem
from .rules import BusinessRulesHistory
from .statuses import ReportStatus, TicketStatus
from .tags import Tag
from .tickets import ServiceActionJob, StarredTicket, Ticket, TicketComment

MAX_MERGERS = 50
"""Tickets that were merged one into the other; more than people ever do."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one user may see: all of it as a superuser, else what his profile in each category allows."""

    profiles: Mapping[str, str]
    """Profile name by category name."""
    sees_all: bool

    def may_see_ticket(self, ticket: Ticket) -> bool:
        """Tickets of his categories; confidential ones only as an expert of the category."""
        return self.may_see_ticket_of(ticket.category_id, confidential=ticket.confidential)

    def may_see_ticket_of(self, category: str, *, confidential: bool) -> bool:
        """`may_see_ticket` for one of which only this was read."""
        if self.sees_all:
            return True
        profile = self.profiles.get(category)
        return profile is not None and (profile == Profile.Name.EXPERT or not confidential)

    def may_see_report(self, report: Report) -> bool:
        """Reports of his categories."""
        return self.sees_all or report.category_id in self.profiles

    def within(self, categories: Collection[str]) -> Sight:
        """The same sight, but of some categories only: that of a token made for these."""
        if self.sees_all:
            return Sight(dict.fromkeys(sorted(categories), Profile.Name.EXPERT.value), sees_all=False)
        return Sight({name: own for name, own in self.profiles.items() if name in categories}, sees_all=False)

    def tickets(self) -> QuerySet[Ticket]:
        """The tickets for which `may_see_ticket` holds."""
        return self.within_tickets(Ticket.all())

    def within_tickets(self, tickets: QuerySet[Ticket]) -> QuerySet[Ticket]:
        """Those of some tickets for which `may_see_ticket` holds."""
        if self.sees_all:
            return tickets
        experts = [category for category, profile in self.profiles.items() if profile == Profile.Name.EXPERT]
        return tickets.filter(Q(category__in=experts) | Q(category__in=list(self.profiles), confidential=False))

    def of_shown_ticket(self, key: str) -> Q | None:
        """Rows with a ticket for which `may_see_ticket` holds, by the path to its id. None where it holds for all."""
        return None if self.sees_all else Q(Exists(self.tickets().filter(pk=OuterRef(key))))

    def reports(self) -> QuerySet[Report]:
        """The reports for which `may_see_report` holds."""
        return Report.all() if self.sees_all else Report.filter(category__in=list(self.profiles))


def sight_of(user: User) -> Sight:
    """What a user may see, in one query."""
    return Sight(dict(_PROFILES.rows(user=user.pk)), sees_all=user.is_superuser)


_PROFILES = Prepared(
    lambda user: AbusePermission.filter(user=user).order_by("category").values_list("category", "profile__name"),
    user=int,
)


def sights_of(users: Collection[User]) -> dict[int, Sight]:
    """What users may see, by their ids, in one query."""
    profiles: dict[int, dict[str, str]] = {user.pk: {} for user in users}
    rows = AbusePermission.filter(user__in=profiles).order_by("category")
    for user_id, category, profile in rows.values_list("user_id", "category", "profile__name"):
        profiles[user_id][category] = profile
    return {user.pk: Sight(profiles[user.pk], sees_all=user.is_superuser) for user in users}


def operators_with_rights() -> QuerySet[User]:
    """All people, without the robot, with role and profiles, read together."""
    return (
        User.objects.exclude(username=ROBOT_NAME)
        .select_related("operator__role")
        .prefetch_related("abuse_permissions__profile")
    )


def live_tickets(tickets: QuerySet[Ticket]) -> QuerySet[Ticket]:
    return tickets.filter(status__in=[status for status in TicketStatus if status != TicketStatus.CLOSED])


def live_reports(reports: QuerySet[Report]) -> QuerySet[Report]:
    return reports.filter(status__in=[status for status in ReportStatus if status != ReportStatus.ARCHIVED])


def with_ticket_counts(tickets: QuerySet[Ticket], *, user: User | int) -> QuerySet[Ticket]:
    """Tickets with `comments_count` and, for this user, `starred_by_me`.

    And with `mailer_id`, by which the conversation is known: the ticket's own id once there is a mail, null before.
    """
    sent, received = (model.filter(ticket=OuterRef("pk")) for model in (OutgoingMessage, ReceivedMessage))
    remarks = TicketComment.filter(ticket=OuterRef("pk")).order_by().values("ticket").annotate(n=Count("pk"))
    return tickets.annotate(
        mailer_id=Case(When(Exists(sent) | Exists(received), then=F("pk"))),
        comments_count=Coalesce(Subquery(remarks.values("n")), Value(0)),
        starred_by_me=Exists(StarredTicket.filter(ticket=OuterRef("pk"), user=user)),
    )


def with_ticket_relations(tickets: QuerySet[Ticket]) -> QuerySet[Ticket]:
    """Tickets with their customer, service, owner, resolution, action and tags, read together."""
    return tickets.select_related(
        "defendant__details", "service", "treated_by", "resolution", "action"
    ).prefetch_related("tags")


BODY_START = 20_000
"""Characters of a report's text that a list shows."""


def with_report_relations(reports: QuerySet[Report]) -> QuerySet[Report]:
    """Reports with their customer, service, reporter, ticket, question to the reporter and tags, read together."""
    related = ("defendant__details", "service", "provider", "ticket", "question")
    return reports.select_related(*related).prefetch_related("tags")


def with_body_start(reports: QuerySet[Report], shown: int = BODY_START) -> QuerySet[Report]:
    """Reports without their text; `body_start` is its beginning, one character longer than shown when there is more."""
    return reports.annotate(body_start=Left("body", shown + 1)).defer("body")


def items_with_views(of: Report | Ticket) -> QuerySet[ReportItem]:
    """The items of a report, or of all reports in a ticket, in the order in which they were found.

    Each with `viewed`: by the defendant.
    """
    seen = ItemScreenshotFeedback.filter(item=OuterRef("pk"), is_viewed=True)
    items = ReportItem.filter(report=of) if isinstance(of, Report) else ReportItem.filter(report__ticket=of)
    return items.annotate(viewed=Exists(seen)).order_by("pk")


def files_of_ticket(ticket: Ticket) -> QuerySet[AttachedDocument]:
    """The files of a ticket and of the reports in it, each once."""
    own = Ticket.attachments.through.objects.filter(ticket=ticket).values("attacheddocument")
    of_reports = Report.attachments.through.objects.filter(report__ticket=ticket).values("attacheddocument")
    return AttachedDocument.filter(Q(pk__in=own) | Q(pk__in=of_reports)).order_by("pk")


def tags_on_ticket(ticket: Ticket) -> QuerySet[Tag]:
    """The tags of a ticket and of the reports in it, each once."""
    own = Ticket.tags.through.objects.filter(ticket=ticket).values("tag")
    of_reports = Report.tags.through.objects.filter(report__ticket=ticket).values("tag")
    return Tag.filter(Q(pk__in=own) | Q(pk__in=of_reports))


def comments_on_ticket(ticket: Ticket) -> QuerySet[TicketComment]:
    """The remarks on a ticket, newest first."""
    return TicketComment.filter(ticket=ticket).select_related("comment__user").order_by("-comment__date", "-pk")


def jobs_of_ticket(ticket: Ticket) -> QuerySet[ServiceActionJob]:
    """The orders to carry out an action for a ticket, oldest first."""
    return ServiceActionJob.filter(tickets=ticket).select_related("action").order_by("creation_date", "pk")


def history_of_ticket(ticket: Ticket) -> QuerySet[History]:
    """What happened to a ticket, newest first."""
    return History.filter(ticket=ticket).select_related("user").order_by("-date", "-pk")


def decisions_on_ticket(ticket: Ticket) -> QuerySet[BusinessRulesHistory]:
    """What the rules decided about a ticket and the reports in it, newest first: why it is as it is."""
    return _decisions(decided_about(ticket))


def decided_about(ticket: Ticket) -> Q:
    """Which decisions are about a ticket or a report in it."""
    # Two indexes answer this; an OR over both tables would be answered by reading all decisions.
    own = BusinessRulesHistory.filter(ticket=ticket).values("pk")
    of_reports = BusinessRulesHistory.filter(report__ticket=ticket).values("pk")
    return Q(pk__in=own.union(of_reports))


def decisions_on_report(report: Report) -> QuerySet[BusinessRulesHistory]:
    """What the rules decided about a report, newest first."""
    return _decisions(Q(report=report))


def _decisions(about: Q) -> QuerySet[BusinessRulesHistory]:
    return BusinessRulesHistory.filter(about).select_related("business_rules").defer("trace").order_by("-date", "-pk")


def where_merged(tickets: Iterable[Ticket]) -> dict[int, Ticket]:
    """The tickets that some were merged into, and those again, to the last: by the id of the first. One query a step.

    A merged ticket stays closed, so there are no circles.
    """
    asked = {ticket.pk: ticket for ticket in tickets if ticket.merged_into_id is not None}
    for _ in range(MAX_MERGERS):
        wanted = {ticket.merged_into_id for ticket in asked.values() if ticket.merged_into_id is not None}
        if not wanted:
            break
        found = Ticket.objects.select_related("defendant__details", "category", "service", "treated_by").in_bulk(wanted)
        asked = {pk: found[one.merged_into_id] if one.merged_into_id else one for pk, one in asked.items()}
    return asked
