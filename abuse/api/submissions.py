"""Handing in reports over HTTP: XARF, whole mails, and plain forms. Each becomes a mail in the inbox."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from apiflask import APIBlueprint, HTTPError
from flask import request
from pydantic import Field

from abuse.config import current
from abuse.controllers import submissions
from abuse.controllers.editing import Refused
from abuse.models import Category
from abuse.parsers.taxonomy import xarf_type_of_category
from abuse.policies import Right

from .access import current_token, current_user, needs
from .answers import Answer
from .bodies import Body, not_found
from .filters import LongText, Text
from .submitted import FORM_TYPES, form_of, refuse_arf, refuse_faults, refuse_xarf

blueprint = APIBlueprint("submissions", __name__, url_prefix="/api/submissions", tag="Submissions")

MAX_ITEMS = 1000
MAX_FILES = 50
JSON_TYPES = frozenset({"application/json", "application/xarf+json", "application/xarf", "text/json"})
MAIL_TYPES = frozenset({"message/rfc822", "multipart/report"})
_OF_FORM = frozenset({"category", "items", "description"})
"""By any of these fields a JSON object is told to be a form."""
_FILE_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}/[a-z0-9][a-z0-9.+-]{0,63}")
_View = TypeVar("_View", bound=Callable[..., Any])
_FOLDING = re.compile(r"[\x00-\x1f\x7f]")


class FormFile(Body):
    name: Text = Field(min_length=1, max_length=255)
    content_type: Text = Field(default="application/octet-stream", max_length=129)
    content: str = Field(description="In base64.")


class ReportForm(Body):
    """A report in plain words."""

    category: Text = Field(max_length=32, description="One of the desk's categories.")
    items: list[Text] = Field(
        min_length=1, max_length=MAX_ITEMS, description="IP addresses, networks, URLs, host names or e-mail addresses."
    )
    description: LongText = Field(min_length=1, max_length=200_000)
    date: int | None = Field(default=None, ge=0, le=253402300799, description="Of the event: seconds since 1970.")
    reporter: Text | None = Field(default=None, max_length=255, description="The reporter's own reference or name.")
    attachments: list[FormFile] = Field(default=[], max_length=MAX_FILES)


class SubmissionReceipt(Answer):
    """The report is stored. What becomes of it is to be asked with the receipt."""

    receipt: str
    sha256: str = Field(description="Of the body as it was sent.")
    status_url: str


class SubmissionStatus(Answer):
    """What became of a report."""

    state: str = Field(description="received, processing, processed, answer, duplicate, ignored or failed.")
    reports: int = Field(description="How many complaints were found in it.")
    tickets: list[str] = Field(description="The public ids of the tickets that they are on.")


_FORM = {
    "category": "Phishing", "items": ["https://shop.example.net/login"], "description": "A copy of our login page.",
    "date": 1767225600, "reporter": "case 4711",
}  # fmt: skip
_RECEIPT = "mJ0cS7oVbR3r0mXxJ3b4nY0xT3JrS0eWl0mFZk0nJ7W"


def _takes_form(view: _View) -> _View:
    """Say in the OpenAPI document what the form is. APIFlask would read every body as one; here the view does."""
    spec = {"body": ReportForm, "body_example": _FORM, "content_type": "application/json"}
    view._spec = {**getattr(view, "_spec", {}), **spec}  # type: ignore[attr-defined]
    return view


@blueprint.before_request
def _allow_report() -> None:
    request.max_content_length = current().API.submission_max_bytes


@blueprint.post("")
@needs(Right.SUBMIT)
@blueprint.output(
    SubmissionReceipt,
    status_code=202,
    example={"receipt": _RECEIPT, "sha256": "0f" * 32, "statusUrl": f"/api/submissions/{_RECEIPT}"},
)
@_takes_form
@blueprint.doc(
    responses={413: "The report is too large.", 415: "No report has such a type.", 429: "Too many for the token."}
)
def submit() -> SubmissionReceipt:
    """Hand in a report

    As XARF (`application/xarf+json`, or `application/json`), as a mail such as ARF (`message/rfc822`, or
    `multipart/report`), or as a form (`application/json`: `category`, `items`, `description`, `date`, `reporter`,
    `attachments`; likewise `application/x-www-form-urlencoded`, and `multipart/form-data` with files). The user
    of the token is its reporter. The same bytes again get the same receipt.
    """
    wait = submissions.seconds_to_wait(current_token().pk, per_minute=current().API.submissions_per_minute)
    if wait:
        raise HTTPError(429, f"Too many submissions with this token; wait {wait} s", headers={"Retry-After": str(wait)})
    sent = request.get_data(cache=False)
    if not sent.strip():
        raise HTTPError(400, "body: empty; expected a report")
    row = submissions.submit(sent, _mail_of(sent, request.mimetype), actor=current_user())
    return SubmissionReceipt(receipt=row.receipt, sha256=row.sha256, status_url=f"/api/submissions/{row.receipt}")


@blueprint.get("/<receipt>")
@needs(Right.PUBLIC)
@blueprint.output(SubmissionStatus, example={"state": "processed", "reports": 1, "tickets": ["BCDFGHJKLM"]})
@blueprint.doc(responses={404: "Nobody was given such a receipt."})
def show_submission(receipt: str) -> SubmissionStatus:
    """Ask what became of a report

    The receipt is the key: nobody can guess one, and no login is needed.
    """
    row = submissions.by_receipt(receipt) if len(receipt) <= 64 and receipt.isascii() else None
    if row is None:
        raise not_found("submission", receipt)
    status = submissions.status_of(row)
    return SubmissionStatus(state=status.state, reports=status.reports, tickets=list(status.tickets))


def _mail_of(sent: bytes, content_type: str) -> bytes:
    """The mail that the body is or becomes.

    :raises HTTPError: naming what cannot be read.
    """
    whole_type = request.headers.get("Content-Type", "")
    if content_type == "message/rfc822":
        return sent
    if content_type == "multipart/report":
        # The header fields of the body are those of the request.
        refuse_arf(sent, whole_type)
        return _with_header(sent, whole_type)
    if content_type in FORM_TYPES:
        return _mail_of_form(sent, form_of(sent, whole_type))
    if content_type not in JSON_TYPES:
        expected = ", ".join(sorted(JSON_TYPES | MAIL_TYPES | FORM_TYPES))
        raise HTTPError(415, f"Content-Type: {content_type[:100]!r}; expected one of {expected}")
    try:
        document = json.loads(sent)
    except (ValueError, RecursionError):
        raise HTTPError(400, "body: is no JSON; expected an object") from None
    if isinstance(document, dict) and not _is_xarf(document) and _OF_FORM & document.keys():
        return _mail_of_form(sent, document)
    documents = document if isinstance(document, list) else [document]
    if not documents or not all(isinstance(one, dict) and _is_xarf(one) for one in documents):
        raise HTTPError(
            400, "body: is no XARF report (xarf_version, source_identifier …) and no form (category, items …)"
        )
    refuse_xarf(documents)
    return submissions.mail_with_document(sent, "application/xarf+json", actor=current_user())


def _is_xarf(document: dict[str, Any]) -> bool:
    return "xarf_version" in document or "ReporterInfo" in document or {"source_identifier", "type"} <= document.keys()


def _with_header(body: bytes, content_type: str) -> bytes:
    head = f"From: {submissions.reporter_address(current_user())}\r\nMIME-Version: 1.0\r\n"
    return f"{head}Content-Type: {_FOLDING.sub(' ', content_type)}\r\n\r\n".encode("utf-8", "replace") + body


def _mail_of_form(sent: bytes, document: dict[str, Any]) -> bytes:
    refuse_faults(ReportForm, document)
    form = ReportForm.model_validate(document)
    names = list(Category.all().values_list("name", flat=True))
    if form.category not in names:
        raise Refused(f"category: {form.category[:40]!r}; expected one of {', '.join(names)}")
    group, _, kind = xarf_type_of_category(form.category).partition("-")
    shared: dict[str, Any] = {"xarf_version": "4.2.0", "category": group, "type": kind}
    if form.reporter:
        shared["report_id"] = form.reporter
    if form.date is not None:
        shared["timestamp"] = str(form.date)
    reports = [{**shared, "source_identifier": item} for item in form.items]
    files = [_file(number, one) for number, one in enumerate(form.attachments)]
    text = "\n".join([form.description, "", *form.items, ""])
    return submissions.mail_of_form(sent, json.dumps(reports).encode(), text, files, actor=current_user())


def _file(number: int, one: FormFile) -> submissions.File:
    kind = one.content_type.lower()
    if not _FILE_TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/")):
        raise Refused(f"attachments.{number}.contentType: {kind[:60]!r}; expected one such as image/png")
    try:
        content = base64.b64decode(one.content, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f"attachments.{number}.content: expected base64") from None
    return submissions.File(_FOLDING.sub(" ", one.name), kind, content)
