"""The mail that a report came with: raw, readable, and its files."""

from __future__ import annotations

import re

from apiflask import APIBlueprint
from flask import Response, jsonify
from pydantic import Field

from abuse.models import AttachedDocument
from abuse.parsers.htmltext import to_text
from abuse.policies import Right
from abuse.services.storage import StorageService, StorageServiceException

from .access import needs
from .answers import Answer
from .bodies import not_found
from .filters import FiltersParameter, read_filters
from .objects import FORBIDDEN, child, the_report
from .stored_files import (
    FILE_CONTENT,
    FILE_EXAMPLE,
    MAX_FILES,
    FileAnswers,
    HowToGet,
    as_download,
    file_answers,
    file_content,
)

blueprint = APIBlueprint("report_files", __name__, url_prefix="/api/reports/<int:report_id>", tag="Reports")

MAX_RAW_BYTES = 16 * 1024 * 1024
_TAG = re.compile(r"<[A-Za-z/!]")


class RawMail(Answer):
    raw: str
    raw_is_cut: bool = Field(description=f"Whether there is more than {MAX_RAW_BYTES} bytes; `download=1` gives all.")


class ReadableText(Answer):
    dehtmlify: str = Field(description="The text without HTML.")


@blueprint.get("/attachments")
@needs(Right.SEE_REPORT)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(FileAnswers, example=[FILE_EXAMPLE])
@blueprint.doc(description=f"All of them, {MAX_FILES} at most, unless `paginate` says otherwise.", responses=FORBIDDEN)
def list_attachments(report_id: int, query_data: FiltersParameter) -> FileAnswers:
    """List the files that came with a report"""
    files = the_report(report_id).attachments.order_by("pk")
    if not query_data.filters:
        return file_answers(files[:MAX_FILES])
    page = read_filters(query_data.filters).paginate
    return file_answers(files[page.start : page.start + page.size])


@blueprint.get("/attachments/<int:file_id>")
@needs(Right.SEE_EVIDENCE)
@blueprint.input(HowToGet, location="query")
@blueprint.doc(responses=FILE_CONTENT)
def get_attachment(report_id: int, file_id: int, query_data: HowToGet) -> Response:
    """Get a file that came with a report"""
    report = the_report(report_id, Right.SEE_EVIDENCE)
    files = AttachedDocument.filter(reports=report)
    return file_content(child(files, "attachment", file_id), query_data)


@blueprint.get("/raw")
@needs(Right.SEE_EVIDENCE)
@blueprint.input(HowToGet, location="query")
@blueprint.output(RawMail, example={"raw": "From: reporter@example.com\n\nHello", "rawIsCut": False})
@blueprint.doc(responses=FORBIDDEN)
def get_raw(report_id: int, query_data: HowToGet) -> Response:
    """Get the mail that a report came with

    With `download=1` as bytes (`application/octet-stream`).
    """
    report = the_report(report_id, Right.SEE_EVIDENCE)
    try:
        mail = StorageService.read(report.filename)
    except StorageServiceException as error:
        if not error.permanent:
            raise
        raise not_found("stored mail of report", report_id) from None
    if query_data.download:
        return as_download(mail, f"report-{report_id}.eml")
    answer = RawMail(raw=_decoded(mail[:MAX_RAW_BYTES]), raw_is_cut=len(mail) > MAX_RAW_BYTES)
    return jsonify(answer.model_dump(by_alias=True))


@blueprint.get("/dehtmlify")
@needs(Right.SEE_EVIDENCE)
@blueprint.output(ReadableText, example={"dehtmlify": "Hello,\nplease look."})
@blueprint.doc(responses=FORBIDDEN)
def get_readable(report_id: int) -> ReadableText:
    """Get the text of a report without HTML"""
    body = the_report(report_id, Right.SEE_EVIDENCE).body
    return ReadableText(dehtmlify=to_text(body) if _TAG.search(body) else body)


def _decoded(mail: bytes) -> str:
    """UTF-8 where it is that; else each byte as one letter, so that nothing is lost."""
    try:
        return mail.decode("utf-8")
    except UnicodeDecodeError:
        return mail.decode("latin-1")
