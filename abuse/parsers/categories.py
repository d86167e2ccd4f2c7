"""Which of the desk's categories a free text complains about: keyword hits, whole words only, fixed order on ties."""

from __future__ import annotations

from collections import Counter

import re2

from . import charset

# In order of precedence on equal counts: what harms people most and what is least often said in passing comes first.
# A "*" ends a word stem. Words that occur in ordinary complaints of every kind ("legal", "logo", "brand", "proxy",
# "attack" alone in a footer) are left out or count only as part of a phrase.
_KEYWORDS: dict[str, tuple[str, ...]] = {
    "Illegal": (
        "child abuse", "child porn*", "child sexual", "child exploitation", "csam", "csem", "pedopornogra*",
        "pédopornogra*", "illegal", "illégal*", "nazism", "racism", "racist", "terrorism", "terrorist", "hate speech",
        "incitement",
    ),
    "Phishing": (
        "phish*", "hameçonnage", "hameconnage", "spoofed website", "fake website", "fake login", "credential harvest*",
        "fraudulent website", "fraudulent site", "site frauduleux", "fraudulent page", "identity theft", "portals",
    ),
    "Malware": (
        "malware*", "botnet", "c&c", "command and control", "drive-by", "exploit kit", "malicious file*",
        "malicious content", "malicious code", "ransomware", "spyware", "virus*", "trojan*", "backconnect", "infected",
        "drone", "webshell", "web shell", "ioc", "iocs", "indicator of compromise", "indicators of compromise",
    ),
    "Copyright": (
        "copyright*", "dmca", "infringed", "infringing", "infringement*", "piracy", "pirated", "trademark*",
        "counterfeit*", "intellectual property", "rights holder", "rights owner", "bittorrent", "peer-to-peer", "p2p",
        "distributed illegally", "illegally distribut*", "illegal distribution", "illegally shared",
        "illegal cop*", "illegal download*", "unauthorized cop*", "unauthorised cop*", "unauthorized distribution",
        "unauthorised distribution",
    ),
    "Network Attack": (
        "ddos", "drdos", "denial of service", "denial-of-service", "dos attack*", "amplification", "reflection attack*",
        "flood*", "rogue dns", "open resolver*", "attacked", "network attack*", "behind the ip",
    ),
    "Intrusion": (
        "brute force*", "brute-force*", "bruteforc*", "access denied", "intrusion*", "invalid user", "login failed",
        "failed login*", "failed password", "login-attack", "login attack*", "unauthorized access",
        "unauthorised access",
        "hack*", "crack*", "defacement", "harvesting", "port scan*", "portscan*", "port-scan*", "netscan*", "scan",
        "scanning", "scanned", "scans", "sql injection", "fail2ban", "web attack*", "exploit*", "pharming", "scam*",
        "wp-login.php", "ssh attack*", "vulnerability scan*",
    ),
    "Spam": (
        "spam*", "comment spam", "trackback", "unsolicited", "uce", "bulk mail", "bulk email*", "junk mail",
        "mail bomb*", "email bomb*", "blacklisted",
    ),
}  # fmt: skip

_WORDS = {
    keyword.rstrip("*"): (category, keyword.endswith("*"))
    for category, keywords in _KEYWORDS.items()
    for keyword in keywords
}
_PATTERN = re2.compile(
    "(?i)("
    + "|".join(re2.escape(word) for word in sorted(_WORDS, key=len, reverse=True)).replace("\\ ", r"[\s_-]+")
    + ")"
)
_COMPLAINT = re2.compile(
    r"(?i)(?:^|[^\pL\pN./@_-])(abuse|abusive|complaint|complain|plainte|beschwerde|missbrauch|notice of|takedown|"
    r"take down|report(?:ed|ing)? (?:an? )?(?:incident|abuse|ip)|"
    r"security incident|compromised|blacklisted|blocklist(?:ed)?|"
    r"vulnerab(?:le|ility|ilities)|harassment|"
    r"attack(?:s|ed|ing|er|ers)?|malicious|unauthori[sz]ed|incident reports?)(?:$|[^\pL\pN@_])"
)
MAX_TEXT = 200_000  # characters looked at
MAX_HITS = 5_000


def guess(text: str, allowed: tuple[str, ...]) -> tuple[str | None, str]:
    """The category `text` speaks of most, and why; (None, reason) when no keyword occurs.

    A keyword counts where it stands as a word of its own ("illegal" is no "legal"). The category with most hits wins;
    on a tie the first of Illegal, Phishing, Malware, Copyright, Network Attack, Intrusion, Spam. Words inside hosts,
    paths and addresses ("/phishing.html") decide only when there are no others.
    """
    in_prose: Counter[str] = Counter()
    in_names: Counter[str] = Counter()
    first: dict[str, str] = {}
    text = text[:MAX_TEXT]
    for number, match in enumerate(_PATTERN.finditer(charset.searchable(text))):
        if number >= MAX_HITS:
            break
        word, is_prose = _keyword(text, *match.span())
        if word is None:
            continue
        category = _WORDS[word][0]
        (in_prose if is_prose else in_names)[category] += 1
        if is_prose:
            first.setdefault(category, word)
    counts = in_prose or in_names
    known = [category for category in _KEYWORDS if category in allowed and counts[category]]
    if not known:
        return None, "no category's keyword occurs in the text"
    best = max(known, key=lambda category: counts[category])  # the first of equals
    times = "once" if counts[best] == 1 else f"{counts[best]} times"
    if counts is in_names:
        return best, f"keywords of {best} occur {times}, only in names or addresses"
    return best, f"keywords of {best} occur {times}, first {first[best]!r}"


def _keyword(text: str, start: int, end: int) -> tuple[str | None, bool]:
    """The keyword found, if it stands at word bounds, and whether in prose and not within a host, path or address."""
    before = text[start - 1] if start else " "
    if before.isalnum():
        return None, False
    word = text[start:end].lower()
    if word not in _WORDS:
        word = " ".join(word.replace("_", " ").replace("-", " ").split())
        if word not in _WORDS:
            return None, False
    if _WORDS[word][1]:
        while end < len(text) and text[end].isalnum() and end - start < 40:
            end += 1
    following = text[end : end + 2]
    if following and following[0].isalnum():
        return None, False
    is_prose = before not in "_./@=%" and following[:1] not in ("_", "@", "/")
    if following[:1] == "." and following[1:].isalnum():
        is_prose = False
    return word, is_prose


def speaks_of_abuse(text: str) -> str | None:
    """The first word in `text` that complaints use; None when there is none."""
    text = text[:MAX_TEXT]
    searched = charset.searchable(text)
    match = _COMPLAINT.search(searched)
    if match:
        return text[slice(*match.span(1))].lower()
    for number, hit in enumerate(_PATTERN.finditer(searched)):
        if number >= 50:
            break
        word, is_prose = _keyword(text, *hit.span())
        if word is not None and is_prose:
            return word
    return None
