"""What an answer says of a page: whether the content that was reported is still there.

Signs are plain words looked for in a bounded text. They decide little: only clear cases count as down, all else is for
a person, because phishing pages show themselves to victims and hide from others.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import re2

from .connecting import Unreachable
from .fetching import Page

READ = 64 * 1024
"""Bytes of a page in which signs are looked for."""
_SHORT_TEXT = 3000
"""Characters. A notice in place of the content is short; a page about such notices is not."""


class Kind(StrEnum):
    """What was found at a URL."""

    UP = "up"
    NO_SUCH_NAME = "no_such_name"
    UNREACHABLE = "unreachable"
    NOT_FOUND = "not_found"
    SUSPENDED = "suspended"
    PARKED = "parked"
    EMPTY_SERVER = "empty_server"
    BLOCKED = "blocked"
    FORBIDDEN = "forbidden"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, as `score` (0 up … 100 down; from 75 on the default rules take it to be down) and `state`."""

    kind: Kind
    score: int
    state: str


_VERDICTS = {
    Kind.UP: (0, "UP"),
    Kind.NO_SUCH_NAME: (100, "DOWN"),
    Kind.UNREACHABLE: (80, "DOWN"),
    Kind.NOT_FOUND: (95, "DOWN"),
    Kind.SUSPENDED: (100, "DOWN"),
    Kind.PARKED: (90, "DOWN"),
    Kind.EMPTY_SERVER: (85, "DOWN"),
    # What a third party puts in between can be clicked away, or is not shown to everybody: the content is still there.
    Kind.BLOCKED: (50, "UNKNOWN"),
    Kind.FORBIDDEN: (50, "UNKNOWN"),
    Kind.ERROR: (60, "UNKNOWN"),
    Kind.UNKNOWN: (50, "UNKNOWN"),
}

_PASSWORD_FIELD = re2.compile(r"<input\b[^<>]*\btype\s*=\s*[\"']?password")
_TITLE = re2.compile(r"<title\b[^<>]*>([^<]{0,300})")
_NO_TEXT = re2.compile(r"<(script|style)\b")
_TAG = re2.compile(r"<[^<>]*>")

_SUSPENDED = (
    "account suspended", "account has been suspended", "website suspended", "site suspended", "website is suspended",
    "site has been suspended", "domain suspended", "domain has been suspended", "suspended for abuse",
    "this page has been disabled", "site has been disabled", "hosting account is suspended", "compte suspendu",
    "site suspendu", "hébergement suspendu", "site web a été suspendu", "gesperrt wegen", "webseite wurde gesperrt",
    "cuenta suspendida", "sitio suspendido", "conta suspensa", "account sospeso",
)  # fmt: skip
_SUSPENDED_URLS = ("/cgi-sys/suspendedpage.cgi", "/suspended.page", "suspended-domain.", "suspended.hostgator.com")
_PARKED = (
    "domain is parked", "parked domain", "domain is for sale", "domain for sale", "buy this domain",
    "this domain may be for sale", "domain name is for sale", "parked free, courtesy of", "domain has expired",
    "domaine est à vendre", "domain steht zum verkauf", "dominio en venta", "nom de domaine a expiré",
)  # fmt: skip
_PARKED_SOURCES = (
    "sedoparking.com", "parkingcrew.net", "bodis.com", "parklogic.com", "hugedomains.com", "afternic.com/forsale",
    "dan.com/buy-domain", "parking.namesilo.com", "above.com/marketplace", "uniregistry.com", "skenzo.com",
)  # fmt: skip
_BLOCKED = (
    "suspected phishing", "deceptive site ahead", "reported as phishing", "reported for potential phishing",
    "reported for phishing", "this website has been blocked", "phishing site blocked", "site signalé comme",
    "checking your browser before", "verify you are human", "attention required! | cloudflare", "just a moment...",
)  # fmt: skip
_NOT_FOUND = (
    "404 not found", "page not found", "file not found", "error 404", "404 error", "erreur 404", "page introuvable",
    "page non trouvée", "seite nicht gefunden", "página no encontrada", "pagina non trovata", "could not be found",
    "no longer available", "n'existe plus", "nothing here", "the requested url was not found",
)  # fmt: skip
_EMPTY_SERVER = (
    "welcome to nginx", "apache2 ubuntu default page", "apache2 debian default page", "test page for the apache",
    "test page for the nginx", "iis windows server", "default web site page", "web server's default page",
    "<h1>it works!</h1>", "congratulations! your site is", "future home of", "website coming soon",
    "litespeed web server",
)  # fmt: skip


def judge(page: Page) -> Verdict:
    """What a page that answered is."""
    text = page.body[:READ].decode("utf-8", "replace").casefold()
    words = _words(text)
    title = html.unescape(" ".join(found.group(1).split())) if (found := _TITLE.search(text)) else ""
    last = urlsplit(page.trail[-1])
    place = f"{last.netloc}{last.path}".casefold()
    has_password = _PASSWORD_FIELD.search(text) is not None
    is_short = len(words) <= _SHORT_TEXT
    heard = f"{title}\n{words}" if is_short else title
    if page.status in (200, 201, 202, 203, 206, 401) and has_password:
        return _verdict(Kind.UP)
    if has_password and page.status in (403, 404, 410, 500, 503):
        # A sign-in form under an error code is how pages hide from whoever looks at codes.
        return _verdict(Kind.UP)
    if _any(_SUSPENDED_URLS, place) or _any(_SUSPENDED, heard):
        return _verdict(Kind.SUSPENDED)
    if _any(_BLOCKED, heard):
        return _verdict(Kind.BLOCKED)
    if page.status in (404, 410):
        return _verdict(Kind.NOT_FOUND)
    if page.status in (401, 403, 407, 429, 451):
        return _verdict(Kind.FORBIDDEN)
    if page.status >= 400:
        return _verdict(Kind.ERROR)
    if _any(_PARKED, heard) or (is_short and _any(_PARKED_SOURCES, text + place)):
        return _verdict(Kind.PARKED)
    if is_short and (_any(_EMPTY_SERVER, text) or _any(_EMPTY_SERVER, heard)):
        return _verdict(Kind.EMPTY_SERVER)
    if _any(_NOT_FOUND, title) or (len(words) <= _SHORT_TEXT // 6 and _any(_NOT_FOUND, words)):
        return _verdict(Kind.NOT_FOUND)
    return _verdict(Kind.UP)


def judge_silence(fault: Unreachable) -> Verdict:
    """What a page that did not answer is."""
    match fault.kind:
        case "no_such_name":
            return _verdict(Kind.NO_SUCH_NAME)
        case "refused":
            return _verdict(Kind.UNREACHABLE)
        case _:
            # A server that is slow, or that drops what comes from an abuse desk, is not down.
            return _verdict(Kind.UNKNOWN)


def _verdict(kind: Kind) -> Verdict:
    score, state = _VERDICTS[kind]
    return Verdict(kind, score, state)


def _any(signs: Iterable[str], text: str) -> bool:
    return any(sign in text for sign in signs)


def _words(text: str) -> str:
    """What a reader sees, roughly; linear in the length of the text."""
    kept: list[str] = []
    position = 0
    while found := _NO_TEXT.search(text, position):
        kept.append(text[position : found.start()])
        end = text.find(f"</{found.group(1)}", found.end())
        position = len(text) if end < 0 else end
    kept.append(text[position:])
    return " ".join(html.unescape(_TAG.sub(" ", "".join(kept))).split())
