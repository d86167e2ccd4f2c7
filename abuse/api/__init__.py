"""The JSON API: one file a resource, its schemas beside it."""

from __future__ import annotations

from apiflask import APIFlask
from flask import Response, request

from . import (
    access,
    account,
    action_callback,
    audit,
    bulk_reports,
    bulk_tickets,
    categories,
    declared,
    defendants,
    directory,
    documentation,
    email_templates,
    emails,
    errors,
    etags,
    events,
    exports,
    figures,
    health,
    idempotency,
    labels,
    mass_contact,
    metrics,
    monitor,
    news,
    notifications,
    oidc,
    openapi,
    origins,
    outbox,
    pages,
    presets,
    providers,
    recording,
    report_edits,
    report_feedback,
    report_files,
    report_items,
    report_tags,
    reports,
    reputation,
    resolutions,
    roles,
    rule_edits,
    rule_versions,
    rules,
    screenshots,
    search,
    session,
    submissions,
    tags,
    thresholds,
    ticket_comments,
    ticket_edits,
    ticket_export,
    ticket_files,
    ticket_interact,
    ticket_items,
    ticket_jobs,
    ticket_lists,
    ticket_mail,
    ticket_proofs,
    ticket_status,
    ticket_tags,
    ticket_timeline,
    tickets,
    tools,
    users,
    webhooks,
)

RESOURCES = (
    session,
    oidc,
    account,
    users,
    roles,
    tickets,
    ticket_lists,
    ticket_edits,
    ticket_export,
    ticket_status,
    ticket_comments,
    ticket_tags,
    ticket_proofs,
    ticket_items,
    ticket_jobs,
    ticket_mail,
    ticket_interact,
    ticket_timeline,
    ticket_files,
    bulk_tickets,
    reports,
    report_edits,
    report_items,
    report_files,
    report_tags,
    report_feedback,
    screenshots,
    bulk_reports,
    exports,
    emails,
    outbox,
    search,
    figures,
    health,
    labels,
    notifications,
    news,
    defendants,
    categories,
    tags,
    providers,
    resolutions,
    presets,
    thresholds,
    email_templates,
    rule_edits,
    rule_versions,
    mass_contact,
    tools,
    reputation,
    rules,
    audit,
    action_callback,
    submissions,
    directory,
    events,
    webhooks,
    documentation,
    monitor,
    metrics,
)


def install(app: APIFlask) -> None:
    """Make the API part of an application."""
    errors.install(app)
    openapi.install(app)
    metrics.install(app)  # first, so that what the guard refuses is counted and timed as well
    app.before_request(origins.answer_preflight)
    app.before_request(access.guard)
    app.after_request(recording.record)
    app.after_request(origins.name_allowed_origin)
    app.after_request(_guarded)
    app.after_request(pages.name_next_page)
    for resource in RESOURCES:
        app.register_blueprint(resource.blueprint)
    etags.install(app)
    idempotency.install(app)  # around the versions: who sends a call again sends the version of then
    app.after_request(etags.name_version)  # the last to be named is asked first: an answer is kept with its version
    declared.routes(app)  # refuses to start with an endpoint that declares no right


def _guarded(response: Response) -> Response:
    """Answers are for the program that asked: not to be kept, framed or taken for a page, unless they say so."""
    if request.path.startswith(access.PREFIX):
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    return response
