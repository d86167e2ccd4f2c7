"""The API for people to read: pages made here from the OpenAPI document, that load nothing from anywhere else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from abuse.policies import Right

from .access import needs
from .bodies import not_found
from .documented import groups_of

blueprint = APIBlueprint("documentation", __name__, url_prefix="/api/docs", tag="Health")

CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""No script at all, and one style sheet of ours."""
_TEMPLATES = Path(__file__).with_name("templates")
_CODE = re.compile(r"`([^`]+)`")


def _content(description: str, media_type: str) -> dict[int, Any]:
    return {200: {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}}


@blueprint.get("")
@needs(Right.PUBLIC)
@blueprint.doc(responses=_content("A page.", "text/html"))
def show_documentation() -> Response:
    """Read about the API

    A page for people: how to log in, how lists are asked, and all calls there are. Works without scripts.
    """
    return _page("index")


@blueprint.get("/<group>")
@needs(Right.PUBLIC)
@blueprint.doc(responses={**_content("A page.", "text/html"), 404: "There is no such group of calls."})
def show_group(group: str) -> Response:
    """Read about a group of calls

    Each with its parameters, bodies, answers, errors, an example, and the right that it needs.
    """
    return _page(group)


@blueprint.get("/style.css")
@needs(Right.PUBLIC)
@blueprint.doc(responses=_content("A style sheet.", "text/css"))
def show_style() -> Response:
    """Get the look of the pages about the API"""
    return _answer(_TEMPLATES.joinpath("documentation.css").read_text("utf-8"), "text/css")


def prose(text: str) -> Markup:
    """A description as HTML: paragraphs, lists of lines that begin with `* `, and code between backticks."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.splitlines()
        first = next((at for at, line in enumerate(lines) if line.startswith("* ")), len(lines))
        if lines[:first]:
            blocks.append(Markup("<p>{}</p>").format(_marked(" ".join(lines[:first]))))
        if lines[first:]:
            entries = re.split(r"(?:^|\n)\* ", "\n".join(lines[first:]))[1:]
            blocks.append(
                Markup("<ul>{}</ul>").format(
                    Markup().join(Markup("<li>{}</li>").format(_marked(" ".join(one.split()))) for one in entries)
                )
            )
    return Markup().join(blocks)


def _marked(text: str) -> Markup:
    # The escaped text holds the same backticks; what is between them is escaped already.
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704


def _page(name: str) -> Response:
    pages = current_app.extensions.get("documentation")
    if pages is None:
        pages = current_app.extensions["documentation"] = _rendered(cast("APIFlask", current_app))
    if name not in pages:
        raise not_found("group of calls", name)
    return _answer(pages[name], "text/html")


def _rendered(app: APIFlask) -> dict[str, str]:
    """All pages, by their names: `index`, and that of each group."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    document = app.spec
    groups = groups_of(cast("dict[str, Any]", document))
    template = environment.get_template("documentation.html")
    pages = {"index": template.render(document=document, groups=groups, group=None)}
    return pages | {one.slug: template.render(document=document, groups=groups, group=one) for one in groups}


def _answer(text: str, mimetype: str) -> Response:
    return Response(text, mimetype=mimetype, headers={"Content-Security-Policy": CSP, "Cache-Control": "max-age=300"})
