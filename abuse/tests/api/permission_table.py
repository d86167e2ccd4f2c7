"""What each call of the API answers to whom. One line a call; `test_matrix.py` makes every call and compares.

To add a call: one `Row`. The ids in its path, and `{…}` in its body, are taken by name from `World` in
`test_matrix.py`; `ids` says where one goes by another name there. A pattern says, for each place, what the seven
callers get: 2 it passes, 3 is 403, 4 is 404, 9 is 409.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CALLERS = ("no profile", "Read-only", "Beginner", "Advanced", "Expert", "admin", "superuser")
"""All have profiles in one category only. `admin`: the role admin and the profile Expert; the others: run_level_3."""
PLACES = ("own", "other", "confidential")
"""A ticket or report of the caller's category; of another; a confidential ticket of his, with its report."""


@dataclass(frozen=True)
class Pattern:
    """The answers, by caller, for each place; `anywhere` for calls that are about no ticket or report."""

    name: str
    own: str
    other: str = ""
    confidential: str = ""

    def status(self, caller: str, place: str, passes: int) -> int:
        code = (getattr(self, place) or self.own)[CALLERS.index(caller)]
        return {"2": passes, "3": 403, "4": 404, "9": 409}[code]

    @property
    def places(self) -> tuple[str, ...]:
        return PLACES if self.other else ("own",)


EVERYBODY = Pattern("everybody", "2222222")
VIEWERS = Pattern("who has a profile", "3222222")
WORKERS = Pattern("Beginner or better anywhere", "3322222")
ADMINS = Pattern("administrators", "3333322")
SENIORS = Pattern("Advanced or better in the category", "3332222")
AUTHORS = Pattern("their author and superusers (here: of another's)", "3333332")
SUPERUSERS = Pattern("Expert everywhere", "3333332")
SEE_TICKET = Pattern("see the ticket", "3222222", "3333332", "4444222")
WRITE_TICKET = Pattern("write the ticket", "3322222", "3333332", "4444222")
SEE_REPORT = Pattern("see the report", "3222222", "3333332", "3222222")
WRITE_REPORT = Pattern("write the report", "3322222", "3333332", "3333222")
BULK_TICKETS = Pattern("write each ticket", "3322222", "3399992", "3399222")
BULK_REPORTS = Pattern("write each report", "3322222", "3399992", "3399222")


@dataclass(frozen=True)
class Row:
    """One call. `passes`: the status for who may; other than 200 where the order cannot be carried out in the test."""

    method: str
    path: str
    pattern: Pattern
    body: Any = None
    passes: int = 200
    ids: Mapping[str, str] = field(default_factory=dict)


_PASSWORD = "correct horse battery staple"
_TICKET = "/api/tickets/<int:ticket_id>"
_REPORT = "/api/reports/<int:report_id>"
_REPORT_TAGS = {"tags": ["{report_tag}"]}
_DEFENDANT_COMMENT = "/api/defendants/<int:defendant_id>/comments/<int:comment_id>"
_DEFENDANT_COMMENT_ID = {"comment_id": "defendant_comment_id"}
_USER = "/api/users/<int:user_id>"
_ROLE = "/api/roles/<int:role_id>"

TABLE = (
    Row("POST", "/api/auth", EVERYBODY, {"name": "{username}", "password": _PASSWORD}),
    Row("GET", "/api/auth/oidc/login", EVERYBODY, passes=404),
    Row("GET", "/api/auth/oidc/callback", EVERYBODY, passes=404),
    Row("POST", "/api/session", EVERYBODY, {"name": "{username}", "password": _PASSWORD}),
    Row("GET", "/api/session", EVERYBODY),
    *(Row(method, "/api/ping", EVERYBODY) for method in ("GET", "POST", "PUT")),
    Row("POST", "/api/logout", EVERYBODY, {}),
    Row("POST", "/api/logout/everywhere", EVERYBODY, {}),
    Row("GET", "/api/monitor", EVERYBODY),
    Row("GET", "/api/openapi.json", EVERYBODY),
    Row("GET", "/api/docs", EVERYBODY),
    Row("GET", "/api/docs/<group>", EVERYBODY, passes=404, ids={"group": "key"}),
    Row("GET", "/api/docs/style.css", EVERYBODY),
    Row("POST", "/api/actions/callback", EVERYBODY, {}, passes=404),
    Row("POST", "/api/submissions", EVERYBODY, {}, passes=400),
    Row("GET", "/api/submissions/<receipt>", EVERYBODY, passes=404, ids={"receipt": "key"}),
    Row("GET", "/api/screenshots/<key>", EVERYBODY, passes=404),
    Row("GET", "/api/audit", ADMINS),
    # The desk at large
    Row("GET", "/api/dashboard", VIEWERS),
    Row("GET", "/api/health", EVERYBODY),
    Row("GET", "/api/toolbar", EVERYBODY),
    Row("GET", "/api/search", EVERYBODY),
    Row("GET", "/api/emails", ADMINS),
    Row("GET", "/api/emails/<int:email_id>", ADMINS),
    Row("GET", "/api/emails/<int:email_id>/raw", ADMINS),
    Row("POST", "/api/emails/<int:email_id>/retry", ADMINS),
    Row("GET", "/api/outbox", ADMINS),
    Row("POST", "/api/outbox/<int:message_id>/requeue", ADMINS),
    Row("POST", "/api/outbox/<int:message_id>/cancel", ADMINS),
    Row("GET", "/api/tickets/export", EVERYBODY),
    Row("GET", "/api/reports/export", EVERYBODY),
    Row("GET", "/api/items/export", EVERYBODY),
    Row("GET", "/api/stats/reports/<customer_id>", EVERYBODY),
    Row("GET", "/api/stats/tickets/<customer_id>", EVERYBODY),
    Row("GET", "/api/status", EVERYBODY),
    Row("GET", "/api/status/<model>", EVERYBODY),
    Row("GET", "/api/priorities/<model>", EVERYBODY, ids={"model": "priority_model"}),
    Row("GET", "/api/notifications", EVERYBODY),
    Row("PUT", "/api/notifications/<int:notification_id>", EVERYBODY, {"read": True}, passes=404),
    Row("GET", "/api/news", EVERYBODY),
    Row("POST", "/api/news", WORKERS, {"title": "News", "content": "None."}),
    Row("GET", "/api/news/<int:news_id>", EVERYBODY),
    Row("PUT", "/api/news/<int:news_id>", AUTHORS, {"title": "News", "content": "Other."}),
    Row("DELETE", "/api/news/<int:news_id>", ADMINS),
    # What the desk works with
    Row("GET", "/api/customers", VIEWERS),
    Row("GET", "/api/customers/<customer:customer_id>", VIEWERS, passes=404),
    Row("PUT", "/api/customers/<customer:customer_id>", ADMINS, {"customer": {}}, passes=409),
    Row("POST", "/api/customers/import", ADMINS, {"customers": [{}]}, passes=409),
    Row("GET", "/api/events", EVERYBODY),
    Row("GET", "/api/webhooks", ADMINS),
    Row("POST", "/api/webhooks", ADMINS, {"url": "https://hooks.example.net/", "events": ["ticket.created"]}),
    Row("GET", "/api/webhooks/<int:webhook_id>", ADMINS),
    Row(
        "PUT",
        "/api/webhooks/<int:webhook_id>",
        ADMINS,
        {"url": "https://hooks.example.net/", "events": ["ticket.closed"]},
    ),
    Row("DELETE", "/api/webhooks/<int:webhook_id>", ADMINS),
    Row("POST", "/api/webhooks/<int:webhook_id>/secret", ADMINS),
    Row("POST", "/api/webhooks/<int:webhook_id>/test", ADMINS),
    Row("GET", "/api/webhooks/<int:webhook_id>/deliveries", ADMINS),
    Row("POST", "/api/webhooks/<int:webhook_id>/deliveries/<int:delivery_id>/redeliver", ADMINS),
    Row("GET", "/api/admin/threshold", ADMINS),
    Row("POST", "/api/admin/threshold", ADMINS, {"category": "Phishing", "threshold": 5, "interval": 5}),
    Row("GET", "/api/admin/threshold/<int:threshold_id>", ADMINS),
    Row("PUT", "/api/admin/threshold/<int:threshold_id>", ADMINS, {"threshold": 5, "interval": 5}),
    Row("DELETE", "/api/admin/threshold/<int:threshold_id>", ADMINS),
    Row("GET", "/api/categories", EVERYBODY),
    Row("GET", "/api/my-categories", EVERYBODY),
    Row("POST", "/api/categories", ADMINS, {"name": "New", "label": "New", "description": "New"}),
    Row("GET", "/api/categories/<name>", EVERYBODY),
    Row("PUT", "/api/categories/<name>", ADMINS, {"label": "New", "description": "New"}),
    Row("DELETE", "/api/categories/<name>", ADMINS),
    Row("GET", "/api/presets", EVERYBODY),
    Row("POST", "/api/presets", ADMINS, {"name": "New"}),
    Row("GET", "/api/presets/<int:preset_id>", EVERYBODY),
    Row("PUT", "/api/presets/<int:preset_id>", ADMINS, {"name": "New"}),
    Row("DELETE", "/api/presets/<int:preset_id>", ADMINS),
    Row("PUT", "/api/presets/order", ADMINS, []),
    Row("GET", "/api/providers", EVERYBODY),
    Row("POST", "/api/providers", ADMINS, {"email": "new@example.com"}),
    Row("GET", "/api/providers/<email>", EVERYBODY),
    Row("PUT", "/api/providers/<email>", ADMINS, {"name": "New"}),
    Row("DELETE", "/api/providers/<email>", ADMINS),
    Row("POST", "/api/providers/<email>/tags", ADMINS, "{provider_tag}"),
    Row("DELETE", "/api/providers/<email>/tags/<int:tag_id>", ADMINS, ids={"tag_id": "provider_tag_id"}),
    Row("GET", "/api/resolutions", EVERYBODY),
    Row("POST", "/api/resolutions", ADMINS, {"codename": "new"}),
    Row("PUT", "/api/resolutions/<int:resolution_id>", ADMINS, {"codename": "new"}),
    Row("DELETE", "/api/resolutions/<int:resolution_id>", ADMINS),
    Row("GET", "/api/rules", EVERYBODY),
    Row("POST", "/api/rules", ADMINS, {"document": "{rule}"}),
    Row("GET", "/api/rules/<int:rule_id>", EVERYBODY),
    Row("PUT", "/api/rules/<int:rule_id>", ADMINS, {"document": "{rule}"}, passes=409),
    Row("DELETE", "/api/rules/<int:rule_id>", ADMINS),
    Row("GET", "/api/rules/<int:rule_id>/versions", EVERYBODY),
    Row("GET", "/api/rules/<int:rule_id>/versions/<int:version>", EVERYBODY),
    Row("POST", "/api/rules/<int:rule_id>/versions/<int:version>/restore", ADMINS),
    Row("GET", "/api/rules/actions", EVERYBODY),
    Row("GET", "/api/rules/conditions", EVERYBODY),
    Row("GET", "/api/rules/operators", EVERYBODY),
    Row("GET", "/api/tags", EVERYBODY),
    Row("GET", "/api/tags/types", EVERYBODY),
    Row("POST", "/api/tags", ADMINS, {"name": "new", "tagType": "Ticket"}),
    Row("GET", "/api/tags/<int:tag_id>", EVERYBODY),
    Row("PUT", "/api/tags/<int:tag_id>", ADMINS, {"name": "new"}),
    Row("DELETE", "/api/tags/<int:tag_id>", ADMINS, ids={"tag_id": "provider_tag_id"}),
    Row("GET", "/api/emailTemplates", EVERYBODY),
    Row("POST", "/api/emailTemplates", ADMINS, {"name": "New", "subject": "S", "body": "B", "recipientType": "Other"}),
    Row("GET", "/api/emailTemplates/<int:template_id>", EVERYBODY),
    Row("PUT", "/api/emailTemplates/<int:template_id>", ADMINS, {"name": "New", "subject": "S", "body": "B"}),
    Row("DELETE", "/api/emailTemplates/<int:template_id>", ADMINS),
    Row("GET", "/api/emailTemplates/languages", EVERYBODY),
    Row("GET", "/api/emailTemplates/recipientsType", EVERYBODY),
    # Customers, campaigns, tools
    Row("GET", "/api/defendants/top20", EVERYBODY),
    Row("GET", "/api/defendants/<int:defendant_id>", VIEWERS),
    Row("GET", "/api/defendants/<customer_id>/services", VIEWERS),
    Row("POST", "/api/defendants/<int:defendant_id>/tags", WORKERS, "{defendant_tag}"),
    Row("DELETE", "/api/defendants/<int:defendant_id>/tags/<int:tag_id>", WORKERS, ids={"tag_id": "defendant_tag_id"}),
    Row("POST", "/api/defendants/<int:defendant_id>/comments", WORKERS, {"comment": "a remark"}),
    Row("PUT", _DEFENDANT_COMMENT, WORKERS, {"comment": "another"}, ids=_DEFENDANT_COMMENT_ID),
    Row("DELETE", _DEFENDANT_COMMENT, WORKERS, ids=_DEFENDANT_COMMENT_ID),
    Row("GET", "/api/mass-contact", EVERYBODY),
    Row("POST", "/api/mass-contact", SENIORS, {}, passes=400),
    Row("GET", "/api/reputation/ip/<ip>/external", WORKERS),
    Row("GET", "/api/reputation/ip/<ip>/external/<source>", WORKERS, passes=409),
    Row("GET", "/api/reputation/ip/<ip>/internal", WORKERS),
    Row("GET", "/api/reputation/ip/<ip>/rbl", WORKERS),
    Row("GET", "/api/reputation/ip/<ip>/tool", WORKERS),
    Row("POST", "/api/reputation/url/external", WORKERS, {}, passes=400),
    Row("GET", "/api/tools/curl", WORKERS, passes=400),
    Row("GET", "/api/tools/whois", WORKERS, passes=400),
    # Users
    Row("GET", "/api/users/me", EVERYBODY),
    Row("PUT", "/api/users/me/password", EVERYBODY, {"current": _PASSWORD, "new": "another horse, another battery"}),
    Row("GET", "/api/users/me/tokens", EVERYBODY),
    Row("POST", "/api/users/me/tokens", EVERYBODY, {"name": "program", "scopes": ["read"]}),
    Row("DELETE", "/api/users/me/tokens/<int:token_id>", EVERYBODY, ids={"token_id": "own_token_id"}),
    Row("GET", "/api/users/me/totp", EVERYBODY),
    Row("POST", "/api/users/me/totp", EVERYBODY, {"password": _PASSWORD}),
    Row("POST", "/api/users/me/totp/confirm", EVERYBODY, {"otp": "000000"}, passes=409),
    Row("POST", "/api/users/me/totp/recovery-codes", EVERYBODY, {"otp": "000000"}, passes=403),
    Row("POST", "/api/users/me/totp/disable", EVERYBODY, {"otp": "000000"}, passes=403),
    Row("GET", "/api/users", EVERYBODY),
    Row("POST", "/api/users", ADMINS, {"username": "newcomer", "role": "run_level_1"}),
    Row("GET", _USER, ADMINS),
    Row("PUT", _USER, ADMINS, {"email": "bystander@example.net"}),
    Row("DELETE", _USER, ADMINS),
    Row("GET", f"{_USER}/tokens", ADMINS),
    Row("DELETE", f"{_USER}/tokens/<int:token_id>", ADMINS),
    Row("DELETE", f"{_USER}/totp", ADMINS),
    Row("GET", "/api/roles", EVERYBODY),
    Row("POST", "/api/roles", ADMINS, {"codename": "newcomers"}),
    Row("GET", "/api/roles/routes", ADMINS),
    Row("GET", _ROLE, ADMINS),
    Row("PUT", _ROLE, ADMINS, {"name": "Others"}),
    Row("DELETE", _ROLE, ADMINS),
    Row("GET", "/api/profiles", EVERYBODY),
    Row("POST", "/api/rules/test", SUPERUSERS, {"document": "{rule}"}),
    # Tickets
    Row("GET", "/api/tickets", EVERYBODY),
    Row("POST", "/api/tickets", WRITE_REPORT, {"id": "{report_id}"}),
    Row("GET", "/api/my-tickets", EVERYBODY),
    Row("GET", "/api/tickets/todo", EVERYBODY),
    Row("PUT", "/api/tickets/bulk", BULK_TICKETS, {"tickets": ["{ticket_id}"], "properties": {"alarm": True}}),
    Row("DELETE", "/api/tickets/bulk", BULK_TICKETS, {"tickets": ["{ticket_id}"], "properties": {"tags": ["{tag}"]}}),
    Row("GET", _TICKET, SEE_TICKET),
    Row("PUT", _TICKET, WRITE_TICKET, {"alarm": True}),
    Row("GET", f"{_TICKET}/explain", SEE_TICKET),
    Row("PUT", f"{_TICKET}/defendant", WRITE_TICKET, {"defendant": None}),
    Row("GET", f"{_TICKET}/timeline", SEE_TICKET),
    Row("GET", f"{_TICKET}/providers", SEE_TICKET),
    Row("GET", f"{_TICKET}/emails", SEE_TICKET),
    Row(
        "POST",
        f"{_TICKET}/emails",
        WRITE_TICKET,
        {"emails": [{"to": ["jo@customer.example"], "subject": "x", "body": "x"}]},
    ),
    Row("GET", f"{_TICKET}/emails/export", SEE_TICKET, passes=409),
    Row("GET", f"{_TICKET}/templates/<int:template_id>", SEE_TICKET),
    Row("GET", f"{_TICKET}/presets/<int:preset_id>", SEE_TICKET),
    Row("POST", f"{_TICKET}/presets/<int:preset_id>", WRITE_TICKET, {}),
    Row("GET", f"{_TICKET}/actions/list", SEE_TICKET),
    Row("GET", f"{_TICKET}/attachments", SEE_TICKET),
    Row("GET", f"{_TICKET}/attachments/<int:file_id>", SEE_TICKET),
    Row("GET", f"{_TICKET}/items", SEE_TICKET),
    Row("PUT", f"{_TICKET}/items/<int:item_id>", WRITE_TICKET, {"rawItem": "192.0.2.7"}),
    Row("DELETE", f"{_TICKET}/items/<int:item_id>", WRITE_TICKET),
    Row("POST", f"{_TICKET}/items/<int:item_id>/unblock", WRITE_TICKET, {}, passes=409),
    Row("POST", f"{_TICKET}/items/toproof", WRITE_TICKET, {}),
    Row("GET", f"{_TICKET}/proof", SEE_TICKET),
    Row("POST", f"{_TICKET}/proof", WRITE_TICKET, {"content": "seen"}),
    Row("PUT", f"{_TICKET}/proof/<int:proof_id>", WRITE_TICKET, {"content": "seen again"}),
    Row("DELETE", f"{_TICKET}/proof/<int:proof_id>", WRITE_TICKET),
    Row("GET", f"{_TICKET}/jobs", SEE_TICKET),
    Row("DELETE", f"{_TICKET}/jobs/<int:job_id>", WRITE_TICKET, passes=409),
    Row("POST", f"{_TICKET}/comments", WRITE_TICKET, {"comment": "a remark"}),
    Row("PUT", f"{_TICKET}/comments/<int:comment_id>", WRITE_TICKET, {"comment": "another"}),
    Row("DELETE", f"{_TICKET}/comments/<int:comment_id>", WRITE_TICKET),
    Row("POST", f"{_TICKET}/star", SEE_TICKET, {}),
    Row("DELETE", f"{_TICKET}/star", SEE_TICKET),
    Row("POST", f"{_TICKET}/tags", WRITE_TICKET, "{tag}"),
    Row("DELETE", f"{_TICKET}/tags/<int:tag_id>", WRITE_TICKET),
    Row("PUT", f"{_TICKET}/status/<status>", WRITE_TICKET, {"pauseDuration": 3600}),
    Row("PATCH", f"{_TICKET}/snoozeDuration", WRITE_TICKET, {"snoozeDuration": 3600}, passes=409),
    Row("PATCH", f"{_TICKET}/pauseDuration", WRITE_TICKET, {"pauseDuration": 3600}, passes=409),
    Row("POST", f"{_TICKET}/interact", WRITE_TICKET, {"action": {"codename": "waiting_answer"}, "emails": []}),
    # Reports
    Row("GET", "/api/reports", EVERYBODY),
    Row("PUT", "/api/reports/bulk", BULK_REPORTS, {"reports": ["{report_id}"], "properties": {"status": "Archived"}}),
    Row(
        "DELETE",
        "/api/reports/bulk",
        BULK_REPORTS,
        {"reports": ["{report_id}"], "properties": {"tags": ["{report_tag}"]}},
    ),
    Row("GET", _REPORT, SEE_REPORT),
    Row("PUT", _REPORT, WRITE_REPORT, {"status": "Attached"}),
    Row("DELETE", _REPORT, WRITE_REPORT),
    Row("GET", f"{_REPORT}/explain", SEE_REPORT),
    Row("POST", f"{_REPORT}/validate", WRITE_REPORT, {}, passes=409),
    Row("POST", f"{_REPORT}/feedback", WRITE_REPORT, [{"feedback": True}], passes=409),
    Row("GET", f"{_REPORT}/raw", SEE_REPORT),
    Row("GET", f"{_REPORT}/dehtmlify", SEE_REPORT),
    Row("GET", f"{_REPORT}/attachments", SEE_REPORT),
    Row("GET", f"{_REPORT}/attachments/<int:file_id>", SEE_REPORT),
    Row("GET", f"{_REPORT}/items", SEE_REPORT),
    Row("POST", f"{_REPORT}/items", WRITE_REPORT, {"rawItem": "192.0.2.9"}, passes=409),
    Row("PUT", f"{_REPORT}/items/<int:item_id>", WRITE_REPORT, {"rawItem": "192.0.2.7"}),
    Row("DELETE", f"{_REPORT}/items/<int:item_id>", WRITE_REPORT),
    Row("GET", f"{_REPORT}/items/screenshots", SEE_REPORT),
    Row("GET", f"{_REPORT}/items/<int:item_id>/screenshots", SEE_REPORT),
    Row("POST", f"{_REPORT}/items/<int:item_id>/unblock", WRITE_REPORT, {}, passes=409),
    Row("POST", f"{_REPORT}/tags", WRITE_REPORT, "{report_tag}"),
    Row("DELETE", f"{_REPORT}/tags/<int:tag_id>", WRITE_REPORT, ids={"tag_id": "report_tag_id"}),
)
