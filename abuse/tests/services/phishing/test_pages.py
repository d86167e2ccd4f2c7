"""What an answer says of a page. When in doubt it is up, and a person looks."""

from __future__ import annotations

import time
from typing import get_args

import pytest

from abuse.services.phishing.connecting import Unreachable
from abuse.services.phishing.fetching import Page
from abuse.services.phishing.pages import Kind, judge, judge_silence

DOWN = 75
FORM = '<form action=x><input name=p TYPE = "password"></form>'
LONG = "<p>" + "words of a page that has something to say " * 100 + "</p>"


def found(body: str, status: int = 200, url: str = "http://bank.example/login") -> Kind:
    return judge(Page(status, {}, body.encode(), True, ("http://first.example/", url))).kind


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ("<title>Bank</title>" + FORM, 200, Kind.UP),
        ("hello", 200, Kind.UP),
        ("", 200, Kind.UP),
        (LONG, 200, Kind.UP),
        ("<title>Not Found</title><h1>404 Not Found</h1>", 404, Kind.NOT_FOUND),
        ("", 404, Kind.NOT_FOUND),
        ("gone", 410, Kind.NOT_FOUND),
        ("<title>Page not found</title>" + LONG, 200, Kind.NOT_FOUND),
        ("<h1>Page introuvable</h1>", 200, Kind.NOT_FOUND),
        (
            "<title>Account Suspended</title><h1>Account Suspended</h1>Contact your host",
            200,
            Kind.SUSPENDED,
        ),
        ("<h1>This Account has been suspended.</h1>", 403, Kind.SUSPENDED),
        ("<h1>Ce site web a &#233;t&#233; suspendu</h1>Ce site web a été suspendu", 200, Kind.SUSPENDED),
        ("<h1>Diese Webseite wurde gesperrt</h1>", 503, Kind.SUSPENDED),
        ("<title>bank.example - domain is for sale</title>", 200, Kind.PARKED),
        ('<script src="https://img1.sedoparking.com/x.js"></script>', 200, Kind.PARKED),
        ("<h1>Welcome to nginx!</h1>", 200, Kind.EMPTY_SERVER),
        ("<title>Apache2 Ubuntu Default Page: It works</title>", 200, Kind.EMPTY_SERVER),
        ("<html><body><h1>It works!</h1></body></html>", 200, Kind.EMPTY_SERVER),
        ("<h2>Warning: Suspected Phishing Site Ahead!</h2>", 200, Kind.BLOCKED),
        ("<title>Just a moment...</title>", 403, Kind.BLOCKED),
        ("no", 403, Kind.FORBIDDEN),
        ("no", 451, Kind.FORBIDDEN),
        ("slow down", 429, Kind.FORBIDDEN),
        ("oops", 500, Kind.ERROR),
        ("oops", 503, Kind.ERROR),
        # content that hides behind a code, or behind words
        (FORM, 404, Kind.UP),
        (FORM, 403, Kind.UP),
        (FORM, 503, Kind.UP),
        ("<title>Account Suspended</title>sign in to get it back" + FORM, 200, Kind.UP),
        ("<title>404 Not Found</title>" + FORM, 200, Kind.UP),
        # words that are not for readers, or in a text about such things
        ("<script>var message = 'account suspended';</script><p>hello</p>", 200, Kind.UP),
        ("<style>/* page not found */</style><p>hello</p>", 200, Kind.UP),
        ("<title>News</title>" + LONG + "his account has been suspended" + LONG, 200, Kind.UP),
        ("<title>News</title>" + LONG + "page not found, domain is for sale" + LONG, 200, Kind.UP),
    ],
)
def test_what_a_page_is(body: str, status: int, kind: Kind) -> None:
    assert found(body, status) == kind


def test_where_a_page_leads_is_a_sign() -> None:
    assert found("x", url="http://bank.example/cgi-sys/suspendedpage.cgi") == Kind.SUSPENDED
    assert found("x", url="http://www.hugedomains.com/domain_profile.cfm?d=bank") == Kind.PARKED


def test_only_clear_cases_are_down() -> None:
    scores = {kind: judge(Page(status, {}, body.encode(), True, ("http://a.example/",))) for kind, status, body in [
        (Kind.UP, 200, "x"), (Kind.NOT_FOUND, 404, ""), (Kind.SUSPENDED, 200, "account suspended"),
        (Kind.PARKED, 200, "parked domain"), (Kind.EMPTY_SERVER, 200, "welcome to nginx"),
        (Kind.BLOCKED, 200, "suspected phishing"), (Kind.FORBIDDEN, 403, ""), (Kind.ERROR, 500, ""),
    ]}  # fmt: skip
    assert {kind for kind, verdict in scores.items() if verdict.score >= DOWN} == {
        Kind.NOT_FOUND, Kind.SUSPENDED, Kind.PARKED, Kind.EMPTY_SERVER,
    }  # fmt: skip
    for kind, verdict in scores.items():
        assert verdict.kind == kind
        assert 0 <= verdict.score <= 100
        assert (verdict.state == "DOWN") == (verdict.score >= DOWN)
        assert (verdict.state == "UP") == (verdict.score == 0)


def test_silence() -> None:
    verdicts = {kind: judge_silence(Unreachable(kind, "")) for kind in get_args(Unreachable.Kind)}
    assert {kind for kind, verdict in verdicts.items() if verdict.score >= DOWN} == {"no_such_name", "refused"}
    assert verdicts["timeout"].state == "UNKNOWN"


@pytest.mark.parametrize(
    "body", ["<" * 60_000, "<input " * 9_000, "<title>" * 9_000, "<script>" * 8_000, "&#" * 30_000, "type=" * 12_000]
)
def test_a_hostile_page_is_judged_at_once(body: str) -> None:
    started = time.process_time()
    found(body)
    assert time.process_time() - started < 0.5
