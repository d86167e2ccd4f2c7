"""Example answers for the OpenAPI document. The tests check each against its schema."""

from __future__ import annotations

from typing import Any

TAG = {"id": 7, "codename": "phishing:autoclosed", "name": "phishing:autoclosed", "tagType": "Ticket", "level": 0}
REPORT_TAG = {"id": 31, "codename": "report:urls_down", "name": "report:urls_down", "tagType": "Report", "level": 0}
COMMENT = {"id": 5, "user": "alice", "comment": "The customer has called.", "date": 1767229200}
DEFENDANT: dict[str, Any] = {
    "id": 12,
    "customerId": "C-1042",
    "email": "customer@example.net",
    "spareEmail": None,
    "firstname": "Jo",
    "name": "Doe",
    "organisation": "Doe Ltd",
    "legalForm": "corporation",
    "address": "1 High Street",
    "zip": "12345",
    "city": "Exampleton",
    "state": None,
    "country": "FR",
    "billingCountry": "FR",
    "lang": "EN",
    "phone": None,
    "creationDate": "31/01/24",
    "isVIP": False,
    "isGS": False,
    "isInternal": False,
}
SERVICE = {
    "id": 3,
    "name": "vps-1042.example.net",
    "domain": "vps-1042.example.net",
    "componentType": "VPS",
    "componentSubType": None,
    "reference": "vps-1042",
    "serviceId": "4711",
}
_DECISION = {"rule": "phishing_phishtocheck", "ruleVersion": 1, "rulesType": "Report", "report": 99, "date": 1767225605}
_HISTORY = {
    "username": "abuse.robot",
    "date": 1767225606,
    "log": "created the ticket with report 99 from reporter@example.com",
    "action": "created the ticket with report 99 from reporter@example.com",
    "actionType": "CreateTicket",
}

_TICKET: dict[str, Any] = {
    "id": 42,
    "publicId": "BCDFGHJKLM",
    "mailerId": 42,
    "category": "Phishing",
    "status": "WaitingAnswer",
    "previousStatus": "Open",
    "priority": "Normal",
    "level": 0,
    "treatedBy": "alice",
    "resolution": None,
    "creationDate": 1767225606,
    "modificationDate": 1767229200,
    "snoozeStart": 1767229200,
    "snoozeDuration": 172800,
    "pauseStart": None,
    "pauseDuration": None,
    "alarm": False,
    "confidential": False,
    "moderation": False,
    "protected": False,
    "escalated": False,
    "locked": False,
    "update": True,
    "version": 3,
    "service": SERVICE,
    "action": None,
    "tags": [TAG],
    "attachedReportsCount": 2,
    "commentsCount": 1,
    "starredByMe": False,
}
TICKET_ROW: dict[str, Any] = {**_TICKET, "defendant": DEFENDANT}
TICKET_DETAIL: dict[str, Any] = {
    **_TICKET,
    "defendant": {**DEFENDANT, "tags": [], "comments": []},
    "comments": [COMMENT],
    "jobs": [],
    "history": [_HISTORY],
    "decisions": [_DECISION],
    "justAssigned": False,
}

_REPORT: dict[str, Any] = {
    "id": 99,
    "receivedDate": 1767225600,
    "creationDate": 1767225605,
    "status": "Attached",
    "category": "Phishing",
    "subject": "Phishing at http://vps-1042.example.net/login",
    "provider": {"email": "reporter@example.com", "name": None, "trusted": False, "priority": "Normal"},
    "service": SERVICE,
    "ticket": 42,
    "reporterReference": "2026-000123",
    "missingData": [],
    "treatedMode": "NONE",
    "tags": [REPORT_TAG],
    "body": "Hello,\nplease take down http://vps-1042.example.net/login",
}
REPORT_ROW: dict[str, Any] = {**_REPORT, "bodyIsCut": False, "defendant": DEFENDANT}
REPORT_DETAIL: dict[str, Any] = {
    **_REPORT,
    "defendant": {**DEFENDANT, "tags": [], "comments": []},
    "question": {
        "state": "asked",
        "isWaiting": True,
        "missing": ["port", "time"],
        "askedAt": 1767229200,
        "waitsUntil": 1767834000,
        "answeredAt": None,
        "answer": "",
    },
    "decisions": [_DECISION],
}
ITEM: dict[str, Any] = {
    "id": 1001,
    "report": 99,
    "itemType": "URL",
    "rawItem": "http://vps-1042.example.net/login",
    "original": "hxxp://vps-1042[.]example[.]net/login",
    "place": "text/plain",
    "port": None,
    "protocol": None,
    "seenAt": None,
    "viewed": False,
    "history": [
        {
            "date": 1767225605,
            "rawItem": "http://vps-1042.example.net/login",
            "itemType": "URL",
            "ip": None,
            "ipReverse": None,
            "ipReverseResolved": None,
            "ipCategory": None,
            "fqdn": "vps-1042.example.net",
            "fqdnResolved": "192.0.2.42",
            "fqdnResolvedReverse": "vps-1042.example.net",
            "url": "http://vps-1042.example.net/login",
        }
    ],
}
ITEMS: dict[str, Any] = {"items": [ITEM], "itemsCount": 1}
