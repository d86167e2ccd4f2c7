"""What machine-readable reports call an offence, in the three vocabularies of the desk.

Those are: the desk's own category, the category and type of XARF 4 ("content-phishing"), and the class of the Reference
Security Incident Taxonomy ("fraud").
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from . import categories


@dataclass(frozen=True, slots=True)
class Offence:
    """One kind of offence. `xarf_type` is "category-type" of XARF 4, `rsit_class` a class of RSIT, both lower case."""

    xarf_type: str
    category: str
    rsit_class: str


_OFFENCES = tuple(
    Offence(*words)
    for words in (
        ("messaging-spam", "Spam", "abusive-content"),
        ("messaging-bulk_messaging", "Spam", "abusive-content"),
        ("connection-login_attack", "Intrusion", "intrusion-attempts"),
        ("connection-port_scan", "Intrusion", "information-gathering"),
        ("connection-ddos", "Network Attack", "availability"),
        ("connection-scraping", "Intrusion", "information-gathering"),
        ("connection-sql_injection", "Intrusion", "intrusion-attempts"),
        ("connection-vulnerability_scan", "Intrusion", "information-gathering"),
        ("connection-infected_host", "Malware", "malicious-code"),
        ("connection-reconnaissance", "Intrusion", "information-gathering"),
        ("content-phishing", "Phishing", "fraud"),
        ("content-malware", "Malware", "malicious-code"),
        ("content-fraud", "Phishing", "fraud"),
        ("content-csam", "Illegal", "abusive-content"),
        ("content-csem", "Illegal", "abusive-content"),
        ("content-exposed_data", "Other", "information-content-security"),
        ("content-brand_infringement", "Copyright", "fraud"),
        ("content-suspicious_registration", "Phishing", "fraud"),
        ("content-remote_compromise", "Intrusion", "intrusions"),
        ("copyright-copyright", "Copyright", "fraud"),
        ("copyright-cyberlocker", "Copyright", "fraud"),
        ("copyright-link_site", "Copyright", "fraud"),
        ("copyright-p2p", "Copyright", "fraud"),
        ("copyright-usenet", "Copyright", "fraud"),
        ("copyright-ugc_platform", "Copyright", "fraud"),
        ("vulnerability-cve", "Other", "vulnerable"),
        ("vulnerability-misconfiguration", "Other", "vulnerable"),
        ("vulnerability-open_service", "Network Attack", "vulnerable"),
        ("infrastructure-botnet", "Malware", "malicious-code"),
        ("infrastructure-compromised_server", "Intrusion", "intrusions"),
        ("reputation-blocklist", "Spam", "other"),
        ("reputation-threat_intelligence", "Other", "other"),
    )
)
_BY_XARF_TYPE = MappingProxyType({offence.xarf_type: offence for offence in _OFFENCES})

# Words of X-ARF 0.x to 3, of STIX, IODEF and MISP, and of reporters beside all of them; letters and digits only.
_OTHER_WORDS = {
    "trap": "messaging-spam",
    "spamvertised": "messaging-spam",
    "bulkmail": "messaging-bulk_messaging",
    "bruteforce": "connection-login_attack",
    "hacking": "connection-login_attack",
    "harvesting": "connection-scraping",
    "webcrawler": "connection-scraping",
    "badbot": "connection-scraping",
    "regbot": "connection-scraping",
    "scan": "connection-port_scan",
    "scanning": "connection-port_scan",
    "scanner": "connection-port_scan",
    "dos": "connection-ddos",
    "amplification": "connection-ddos",
    "exploit": "connection-vulnerability_scan",
    "webattack": "connection-vulnerability_scan",
    "rfiattack": "connection-vulnerability_scan",
    "phish": "content-phishing",
    "malwareattack": "content-malware",
    "malwaredistribution": "content-malware",
    "maliciouscode": "content-malware",
    "virus": "content-malware",
    "worm": "content-malware",
    "trojan": "content-malware",
    "ransomware": "content-malware",
    "trademark": "content-brand_infringement",
    "counterfeit": "content-brand_infringement",
    "childabuse": "content-csam",
    "childsexualabusematerial": "content-csam",
    "potentiallycompromisedaccount": "content-remote_compromise",
    "defacement": "content-remote_compromise",
    "c2": "infrastructure-botnet",
    "c2server": "infrastructure-botnet",
    "commandandcontrol": "infrastructure-botnet",
    "infectedsystem": "connection-infected_host",
    "blacklist": "reputation-blocklist",
    "vulnerablesystem": "vulnerability-misconfiguration",
}
_BY_WORD = MappingProxyType(
    {
        **{offence.xarf_type.partition("-")[2].replace("_", ""): offence for offence in _OFFENCES},
        **{word: _BY_XARF_TYPE[name] for word, name in _OTHER_WORDS.items()},
    }
)
# For reports that say no more than what category of the desk they fall in.
_CLASS_OF_CATEGORY = MappingProxyType(
    {
        "Copyright": "fraud",
        "Illegal": "abusive-content",
        "Intrusion": "intrusion-attempts",
        "Malware": "malicious-code",
        "Network Attack": "availability",
        "Phishing": "fraud",
        "Spam": "abusive-content",
        "Other": "other",
    }
)
MAX_WORD = 60


def of_xarf_type(category: str, type_: str) -> Offence | None:
    """The offence that an XARF 4 category and type name, however they are separated; None for one that is not known."""
    return _BY_XARF_TYPE.get(f"{category.strip().lower()}-{type_.strip().lower().replace('-', '_')}")


def of_word(word: str) -> Offence | None:
    """The offence of one word of a report ("login-attack", "RFI Attack"); None when it says nothing known."""
    if len(word) > MAX_WORD:
        return None
    return _BY_WORD.get("".join(character for character in word.lower() if character.isalnum()))


def of_words(*words: str) -> Offence | None:
    """The offence of the first of `words` that is known."""
    return next((offence for word in words if (offence := of_word(word)) is not None), None)


def category_of(report_type: str, report_class: str, allowed: tuple[str, ...]) -> tuple[str, str]:
    """The desk's category for a report's own type and class words, and why. "Other" when they say nothing known."""
    offence = of_xarf_type(report_class, report_type) or of_words(report_type, report_class)
    if offence is not None and offence.category in allowed:
        return offence.category, f"the report's type is {(report_type or report_class)[:MAX_WORD]!r}"
    guessed, _ = categories.guess(f"{report_type} {report_class}", allowed)
    return guessed or "Other", f"the report's type is {report_type[:MAX_WORD]!r}"


def xarf_type_of_category(category: str) -> str:
    """The type of XARF 4 by which a report says that it is of a desk's category; its own word for one of its own."""
    first = next((offence.xarf_type for offence in _OFFENCES if offence.category == category), None)
    return first or f"other-{category}"


def class_of_category(category: str | None) -> str | None:
    """The RSIT class that most offences of a desk's category are of; None without a category, or for one of its own."""
    return _CLASS_OF_CATEGORY.get(category) if category is not None else None
