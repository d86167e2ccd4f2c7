"""The report types of every X-ARF and XARF generation, to the desk's categories."""

from __future__ import annotations

from .. import categories

_CATEGORY_OF_TYPE = {
    # content
    "phishing": "Phishing",
    "fraud": "Phishing",
    "brandinfringement": "Copyright",
    "trademark": "Copyright",
    "counterfeit": "Copyright",
    "copyright": "Copyright",
    "cyberlocker": "Copyright",
    "linksite": "Copyright",
    "p2p": "Copyright",
    "usenet": "Copyright",
    "ugcplatform": "Copyright",
    "csam": "Illegal",
    "csem": "Illegal",
    "childabuse": "Illegal",
    "childsexualabusematerial": "Illegal",
    "suspiciousregistration": "Phishing",
    "exposeddata": "Other",
    "remotecompromise": "Intrusion",
    # malware
    "malware": "Malware",
    "malwareattack": "Malware",
    "botnet": "Malware",
    "infectedhost": "Malware",
    "compromisedserver": "Malware",
    "virus": "Malware",
    # mail
    "spam": "Spam",
    "bulkmessaging": "Spam",
    "spamvertised": "Spam",
    "trap": "Spam",
    # network
    "ddos": "Network Attack",
    "dos": "Network Attack",
    "amplification": "Network Attack",
    # break-ins and what prepares them
    "loginattack": "Intrusion",
    "portscan": "Intrusion",
    "exploit": "Intrusion",
    "sqlinjection": "Intrusion",
    "vulnerabilityscan": "Intrusion",
    "reconnaissance": "Intrusion",
    "scraping": "Intrusion",
    "webcrawler": "Intrusion",
    "harvesting": "Intrusion",
    "bruteforce": "Intrusion",
    "hacking": "Intrusion",
    "webattack": "Intrusion",
    "rfiattack": "Intrusion",
    "badbot": "Intrusion",
    "regbot": "Intrusion",
    "potentiallycompromisedaccount": "Intrusion",
}


def category_of(report_type: str, report_class: str, allowed: tuple[str, ...]) -> tuple[str, str]:
    """The desk's category for a report's own type and class words, and why. "Other" when they say nothing known."""
    for word in (report_type, report_class):
        key = "".join(character for character in word.lower() if character.isalnum())
        if key in _CATEGORY_OF_TYPE:
            return _CATEGORY_OF_TYPE[key], f"the report's type is {report_type[:60] or report_class[:60]!r}"
    guessed, _ = categories.guess(f"{report_type} {report_class}", allowed)
    return guessed or "Other", f"the report's type is {report_type[:60]!r}"
