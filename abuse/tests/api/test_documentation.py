"""The pages about the API: complete, and harmless."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from abuse.api.documentation import prose
from abuse.api.documented import groups_of

from .conftest import MakeCaller

pytestmark = pytest.mark.django_db
VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """What a page holds; refuses tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def pages(client: FlaskClient) -> dict[str, str]:
    index = client.get("/api/docs")
    assert index.status_code == 200
    names = re.findall(r'<li><a href="(/api/docs/[a-z-]+)"', index.text)
    found = {name: client.get(name) for name in names}
    assert {one.status_code for one in found.values()} == {200}
    return {"/api/docs": index.text, **{name: one.text for name, one in found.items()}}


def test_the_document_is_valid(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").get_json()
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_call_is_on_a_page_with_its_right_and_its_answers(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").get_json()
    found = pages(client)
    for group in groups_of(document):
        page = found[f"/api/docs/{group.slug}"]
        for call in group.operations:
            _, _, section = page.partition(f'<h2 id="{call.anchor}">')
            section = section.partition("</section>")[0]
            assert f"<code>{call.method} {call.path}</code>" in section, call.path
            operation = document["paths"][call.path][call.method.lower()]
            for status in operation["responses"]:
                assert f"<dt>{status} " in section, (call.path, status)
            for parameter in operation["parameters"]:
                assert f"<td><code>{parameter['name']}</code>" in section
            if not call.is_public:
                assert f"Right: <strong>{operation['x-right']}</strong>" in section
            assert f'#{call.anchor}"><code>{call.method} {call.path}</code>' in found["/api/docs"]
    calls = [(path, method) for path, item in document["paths"].items() for method in item]
    assert len(calls) == sum(len(group.operations) for group in groups_of(document))


def test_the_pages_hold_no_script_and_load_nothing_from_elsewhere(client: FlaskClient) -> None:
    for name, text in pages(client).items():
        page = Page(text)
        assert not {"script", "iframe", "img", "object", "form", "style"} & {tag for tag, _ in page.tags}, name
        for tag, attributes in page.tags:
            assert not any(one.startswith("on") or one == "style" for one in attributes), (name, tag)
            if tag == "link":
                assert attributes["href"] == "/api/docs/style.css"
            if tag == "a":
                assert re.fullmatch(r"(/api/(docs|openapi\.json)[^:]*)?(#\w+)?", attributes["href"] or ""), attributes
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids)), name


@pytest.mark.parametrize(
    ("path", "mimetype"),
    [("/api/docs", "text/html"), ("/api/docs/tickets", "text/html"), ("/api/docs/style.css", "text/css")],
)
def test_browsers_are_told_to_run_nothing(client: FlaskClient, path: str, mimetype: str) -> None:
    response = client.get(path)
    assert response.mimetype == mimetype
    policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'", "style-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
        "frame-ancestors": "'none'",
    }  # fmt: skip
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in response.headers


def test_other_answers_keep_their_stricter_headers(client: FlaskClient) -> None:
    response = client.get("/api/openapi.json")
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert response.headers["Cache-Control"] == "no-store"


def test_an_unknown_group_is_not_found(client: FlaskClient) -> None:
    response = client.get("/api/docs/<script>")
    assert (response.status_code, response.mimetype) == (404, "application/json")


def test_the_fields_of_nested_objects_are_shown_with_their_way(app: APIFlask, client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").get_json()
    (call,) = [
        one for group in groups_of(document) for one in group.operations
        if (one.method, one.path) == ("GET", "/api/tickets/{ticket_id}")
    ]  # fmt: skip
    (answer,) = [one for one in call.responses if one.status == "200"]
    fields = {field.name: field for field in answer.contents[0].fields}
    assert fields["id"].kind == "integer"
    assert fields["tags"].kind == "array of TagAnswer"
    assert {"defendant.email", "tags[].name", "comments[].date"} <= set(fields)
    assert call.command == 'curl -H "X-Api-Token: $TOKEN" "$DESK/api/tickets/{ticket_id}"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One\ntwo", "<p>One two</p>"),
        ("`<a>` & b", "<p><code>&lt;a&gt;</code> &amp; b</p>"),
        ("See:\n\n* `x`: 1\n  or 2\n* y", "<p>See:</p><ul><li><code>x</code>: 1 or 2</li><li>y</li></ul>"),
        ("See:\n* x", "<p>See:</p><ul><li>x</li></ul>"),
        ("", ""),
    ],
)
def test_descriptions_become_html_in_which_nothing_is_markup(text: str, html: str) -> None:
    assert prose(text) == html


def test_a_token_can_come_as_a_bearer_token(client: FlaskClient, make_caller: MakeCaller) -> None:
    token = make_caller().token

    def status(**headers: Any) -> int:
        return client.get("/api/users/me", headers=headers).status_code

    assert status(Authorization=f"Bearer {token}") == 200
    assert status(Authorization=f"bearer {token}") == 200
    assert status(Authorization=f"Basic {token}") == 401
    assert status(Authorization="Bearer") == 401
    assert status(Authorization=f"Bearer {token}x") == 401
    assert status(**{"X-Api-Token": "wrong", "Authorization": f"Bearer {token}"}) == 401
