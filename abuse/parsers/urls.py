"""URLs in text, de-fanged ones too, to their normal form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import re2

from . import hosts

# A dot between labels as reporters disguise it; only ever undone inside a host, never in running text.
BRACKET_DOT = (
    r"(?:[ \t]{0,2}(?:\[[ \t]?(?:\.|dot)[ \t]?\]|\([ \t]?(?:\.|dot)[ \t]?\)|\{[ \t]?(?:\.|dot)[ \t]?\}"
    r"|<(?:\.|dot)>|\[\.|\.\]|\\\.)[ \t]{0,2})"
)
DOT = rf"(?:\.|{BRACKET_DOT})"
SPACED_DOT = rf"(?:\.|{BRACKET_DOT}|[ \t]dot[ \t])"
# Letters, digits and hyphen; of other scripts letters only, so that CJK punctuation and quotes end a host.
LABEL = r"[0-9A-Za-z_\x{c0}-\x{1fff}\x{2c00}-\x{2fef}\x{3041}-\x{fdff}\x{20000}-\x{2ffff}-]+"
_PATH_CHARACTER = (
    r"[^\s<>\"'`{}|\\^\[\]\x{a0}\x{ab}\x{bb}\x{2000}-\x{206f}\x{3000}-\x{303f}\x{fe30}-\x{fe4f}\x{feff}-\x{ff0f}"
    r"\x{ff1a}-\x{ff20}\x{fffd}]"
)
_URL = re2.compile(
    (
        r"(?i)([a-z][a-z0-9*+]{0,15})[ \t]?[\[({]?:[\])}]?[ \t]{0,2}[\[(]?(?://|\\/\\/|\[/\]\[/\])[\])]?[ \t]{0,2}"
        rf"((?:[^\s/@<>\"'?#\[\]]{{1,80}}@)?)(\[[0-9a-f:.%]{{2,60}}\]|{LABEL}(?:{SPACED_DOT}{LABEL})+)"
        r"(\.?(?:[ \t]?[\[(]:[\])]|:)\d{1,5})?"
        rf"((?:[/?#]|\\/|\[/\])(?:{_PATH_CHARACTER}|\[[^\s<>\"\[\]]{{0,40}}\]|\\/)*)?"
    ).encode()
)
# A line that is nothing but a host and a path, and one that is nothing but a URL.
_BARE_LINE = re2.compile(
    rf"(?im)^[ \t>*-]{{0,10}}({LABEL}(?:{DOT}{LABEL})+(?::\d{{1,5}})?/{_PATH_CHARACTER}+)[ \t\r]*$".encode()
)
_DISGUISED_LINE = re2.compile(
    (
        r"(?i)[ \t>*-]{0,10}(?:(?:h[x*]{1,3}ps?|meows?|fxps?|https?[\[(]:[\])]|https?:[\[(]//[\])])[^ \t]*|"
        rf"https?://[^\s/]*{BRACKET_DOT}[^ \t]*)[ \t\r]*"
    ).encode()
)
# A second URL glued on by a list separator.
_NEXT_URL = re2.compile(rb"(?i)[,;|](?:h[tx*]{2}ps?|fxp|ftp)s?\[?:")
_DOT_DISGUISE = re2.compile(BRACKET_DOT.replace("dot", "(?i:dot)"))
_DISGUISES = frozenset("[]({<\\")  # each disguise of a dot has one of them
_HTTP = re2.compile(r"h[tx*]{1,2}p(s?)|h[tx*]{2,3}(s?)|meow(s?)|h\*+p?(s?)")
_FTP = re2.compile(r"f[tx*]p(s?)")
_GLUED = re2.compile(r"(?:https?|hxxps?|ftps?|fxps?)$")
_ENTITY_ENDS = ("&gt;", "&lt;", "&quot;", "&#39;", ",,")
_TRAILING = ".,;:!?*_~'\"…"
MAX_HOST = 1_000  # bytes of a host with all its disguise; a name has at most 253 characters
MAX_PATH = 4_000  # characters of path, query and fragment together that are kept
_DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21}


@dataclass(frozen=True, slots=True)
class FoundURL:
    """A URL in a text: where it stands (byte offsets), as written, and its normal form with the explicit port."""

    start: int
    end: int
    raw: str
    value: str
    host: str
    port: int | None


def find(data: bytes) -> Iterator[FoundURL]:
    """Every URL in UTF-8 text, in order; linear in its length."""
    position = 0
    built: dict[bytes, FoundURL | None] = {}  # logs repeat one URL thousands of times
    while match := _URL.search(data, position):
        start, position = match.span()
        raw = match.group()
        if raw in built:
            known = built[raw]
            found = replace(known, start=start, end=start + known.end - known.start) if known else None
        else:
            found = _build(data, match)
            if match.group(5):  # without a path, what follows the match decides too
                built[raw] = found
        if found is not None:
            # what was cut off the end may hold the next URL
            position = max(found.end, start + 1)
            yield found


def find_listed(data: bytes) -> Iterator[FoundURL]:
    """Lines of a host and a path alone, without scheme, right before or after a line that is a disguised URL.

    In such a list they are meant; anywhere else they may be the reporter's own address.
    """
    built: dict[bytes, FoundURL | None] = {}
    for match in _BARE_LINE.finditer(data):
        start, end = match.span()
        before = data[data.rfind(b"\n", 0, max(start - 1, 0)) + 1 : max(start - 1, 0)]
        after = data[end + 1 : (data.find(b"\n", end + 1) + 1 or len(data) + 1) - 1]
        if not any(len(line) <= MAX_PATH and _DISGUISED_LINE.fullmatch(line) for line in (before, after)):
            continue
        text = match.group(1)
        if text not in built:
            built[text] = normalise("http://" + text.decode("utf-8", "replace"))
        found = built[text]
        if found is not None and hosts.has_public_suffix(found.host):
            yield replace(found, start=match.start(1), end=match.end(1), raw=found.raw.removeprefix("http://"))


def normalise(text: str) -> FoundURL | None:
    """The URL that the whole of `text` is, as machine-readable parts give them; None when it is none."""
    data = text.strip().strip("<>\"'").encode("utf-8", "replace")
    match = _URL.match(data)
    return _build(data, match) if match else None


def _build(data: bytes, match: re2._Match) -> FoundURL | None:
    scheme = _scheme(match.group(1).decode("ascii"))
    raw_host = match.group(3)
    start, end = match.span()
    host_end = match.end(3)
    if len(raw_host) > MAX_HOST:
        return None
    port_text, path = match.group(4) or b"", match.group(5) or b""
    spaced = raw_host.lower().find(b" dot ")
    if spaced > 0 and b"." in raw_host:
        # "see http://a.example dot com": words after a complete URL are no labels
        raw_host, port_text, path, end = raw_host[:spaced], b"", b"", match.start(3) + spaced
        host_end = end
    host_text = refang(raw_host.decode("utf-8", "replace"))
    if host_text.startswith("["):
        address = hosts.ip(host_text)
        host = f"[{address}]" if address and ":" in address else address
    else:
        host = hosts.ip(host_text) or hosts.name(host_text)
    if host is None or scheme is None:
        return None
    if not path and not _ends_well(data, end, host):
        return None
    port = int(port_text.strip(b" \t.[]():")) if port_text else None
    port = port if port is not None and 0 < port < 65536 else None
    tail, kept = _path(path)
    # every byte of the path belongs to the match except what was trimmed off
    end = end - len(path) + kept if path else (host_end if port is None and not port_text else end)
    userinfo = match.group(2).decode("utf-8", "replace")
    shown_port = "" if port is None or _DEFAULT_PORTS.get(scheme) == port else f":{port}"
    value = f"{scheme}://{userinfo}{host}{shown_port}{tail}"
    raw = data[start:end].decode("utf-8", "replace")
    return FoundURL(start, end, raw, value, host.strip("[]"), port)


def _ends_well(data: bytes, end: int, host: str) -> bool:
    """False when a line end cut a host in two: what is left has no known top-level domain and nothing follows."""
    if hosts.ip(host.strip("[]")) is not None or hosts.has_public_suffix(host):
        return True
    return data[end : end + 1] not in (b"\n", b"\r", b"") or end == len(data)


def _scheme(word: str) -> str | None:
    word = word.lower()
    http = _HTTP.fullmatch(word)
    if http:
        return "https" if any(http.groups()) else "http"
    if ftp := _FTP.fullmatch(word):
        return "ftps" if ftp.group(1) else "ftp"
    if "*" in word:
        return None
    glued = _GLUED.search(word)  # "urlhttp://…", a label that lost its blank
    return _scheme(glued.group()) if glued and glued.group() != word else word


def _path(path: bytes) -> tuple[str, int]:
    """The path, query and fragment without what belongs to the sentence around, and how many bytes were kept."""
    following = _NEXT_URL.search(path)
    text = path[: following.start() if following else MAX_PATH].decode("utf-8", "replace")[:MAX_PATH]
    for mark in _ENTITY_ENDS:
        text = text.partition(mark)[0]
    text = _without_sentence_end(text)
    kept = len(text.encode("utf-8"))
    text = refang(text.replace("\\/", "/").replace("[/]", "/"))
    base, mark, fragment = text.partition("#")
    if mark and ("@" in fragment or "@" in refang(fragment)):
        text = base  # the victim's address, which no server ever sees
    return text, kept


def _without_sentence_end(text: str) -> str:
    """`text` without closing punctuation and without brackets that were opened before it; one pass."""
    missing = {")": text.count(")") - text.count("("), "]": text.count("]") - text.count("[")}
    end = len(text)
    while end:
        last = text[end - 1]
        if missing.get(last, 0) > 0:
            missing[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return text[:end]


def refang(text: str) -> str:
    """`text` (one host or path) with disguised dots and blanks around them undone."""
    if not _DISGUISES.isdisjoint(text):
        text = _DOT_DISGUISE.sub(".", text)
    return text.replace(" dot ", ".").replace(" DOT ", ".").replace(" Dot ", ".") if " " in text else text
