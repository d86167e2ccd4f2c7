"""AbuseIPDB and Safe Browsing as they answer, on the loopback interface."""

from __future__ import annotations

from collections.abc import Callable

from abuse.tests.services.crm.servers import Asked, Said

LISTED, CLEAN = "8.8.4.4", "8.8.8.8"
PHISHING = "http://bank.example/login?id=7"


def reputation_sources(asked: Asked) -> Said:
    """Both at one address, as one server may answer them."""
    answers: dict[str, Callable[[Asked], Said]] = {
        "/check": _check, "/reports": _reports, "/v4/threatMatches:find": _find,
    }  # fmt: skip
    answer = answers.get(asked.path)
    return answer(asked) if answer is not None else Said({"errors": [{"detail": "nothing", "status": 404}]}, 404)


def _check(asked: Asked) -> Said:
    if not asked.headers.get("key"):
        return Said({"errors": [{"detail": "Authentication failed.", "status": 401}]}, 401)
    address = asked.query["ipAddress"][0]
    is_listed = address == LISTED
    data = {
        "ipAddress": address,
        "isPublic": True,
        "abuseConfidenceScore": 87 if is_listed else 0,
        "totalReports": 12 if is_listed else 0,
        "lastReportedAt": "2026-11-20T20:55:14+00:00" if is_listed else None,
        "isp": "Example",
    }
    return Said({"data": data})


def _reports(asked: Asked) -> Said:
    reports = [
        {"reportedAt": "2026-11-20T20:55:14+00:00", "comment": "ssh\x07 brute\nforce", "categories": [18, 22, 99]},
        {"reportedAt": "2026-11-19T20:55:14+00:00", "comment": "x" * 10_000, "categories": []},
        {"reportedAt": "2026-11-18T20:55:14+00:00", "comment": None, "categories": [11]},
    ]
    count = int(asked.query["perPage"][0])
    return Said({"data": {"total": 3, "page": 1, "results": reports[:count]}})


def _find(asked: Asked) -> Said:
    if not asked.headers.get("x-goog-api-key"):
        return Said({"error": {"code": 403}}, 403)
    urls = [entry["url"] for entry in asked.json["threatInfo"]["threatEntries"]]
    matches = [
        {
            "threatType": kind,
            "platformType": "ANY_PLATFORM",
            "threatEntryType": "URL",
            "threat": {"url": url},
            "cacheDuration": "300.000s",
        }
        for url in urls
        if url == PHISHING
        for kind in ("SOCIAL_ENGINEERING", "MALWARE")
    ]
    return Said({"matches": matches} if matches else {})
