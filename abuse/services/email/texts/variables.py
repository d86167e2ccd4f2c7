"""What a text may use, by whom it is written to: names, kinds, meanings and sample values. Data, never objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from abuse.models import MailTemplate

from .engine import Value

Type = MailTemplate.RecipientType


class Kind(StrEnum):
    """What a variable is."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    TEXTS = "list of texts"
    ROWS = "list of rows"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `fields`: the keys of each row, with what they say. A date may be empty."""

    name: str
    kind: Kind
    meaning: str
    sample: Value
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def bare(self) -> Value:
        """The value where there is nothing to say."""
        match self.kind:
            case Kind.TEXT:
                return ""
            case Kind.NUMBER:
                return 0
            case Kind.DATE:
                return None
            case _:
                return []


_ITEM_FIELDS = {
    "kind": "`IP`, `CIDR`, `URL`, `FQDN`, `EMAIL` or `HASH`",
    "value": "the reported thing itself",
    "port": "the port, or empty",
    "protocol": "the protocol, or empty",
    "time": "when it was seen, written out with its zone, or empty",
    "times": "how often it was seen, or empty",
}
_SAMPLE_ITEMS: list[dict[str, str]] = [
    {"kind": "URL", "value": "http://shop.example.org/login.php?a=1&b=<2>", "port": "", "protocol": "",
     "time": "2026-11-23 22:15:00 +00:00", "times": ""},
    {"kind": "IP", "value": "192.0.2.10", "port": "25", "protocol": "tcp", "time": "", "times": "17"},
]  # fmt: skip
_MOMENT = datetime(2026, 11, 23, 22, 15, tzinfo=UTC)

_EVERYWHERE = (
    Variable("publicId", Kind.TEXT, "the case number", "BCDFGHJKLM"),
    Variable("lang", Kind.TEXT, "the language of the text, such as `FR`", "EN"),
)
_ABOUT = (
    Variable("category", Kind.TEXT, "the category's name, such as `Phishing`", "Phishing"),
    Variable("category_name", Kind.TEXT, "the category in plain words: the subject of its how-to-fix text", "phishing"),
    Variable("reply_address", Kind.TEXT, "the address of the case; answers to the mail go there",
             "ticket+bcdfghjklm.Defendant@example.net"),
    Variable("creationDate", Kind.DATE, "when the case was opened", _MOMENT),
)  # fmt: skip
_ITEMS = (
    Variable("items", Kind.ROWS, "what was reported, the newest first, 40 at most", _SAMPLE_ITEMS, _ITEM_FIELDS),
    Variable("items_count", Kind.NUMBER, "how many there are in all", 45),
    Variable("items_more", Kind.NUMBER, "how many of them are not in `items`", 5),
    Variable("first_seen", Kind.DATE, "the earliest event that was reported", _MOMENT),
    Variable("last_seen", Kind.DATE, "the latest one", _MOMENT.replace(hour=23)),
    Variable("phishingUrls", Kind.TEXTS, "the reported URLs, 200 at most", ["http://shop.example.org/a?b=1&c='2'"]),
)
_SERVICE = (
    Variable("service", Kind.TEXT, "the name of the service", "vps-17 <small> & 'quick'"),
    Variable("service_reference", Kind.TEXT, "the reference in the contract, or empty", "REF-4711"),
    Variable("service_domain", Kind.TEXT, "the service's domain, or empty", "shop.example.org"),
    Variable("service_ips", Kind.TEXTS, "the reported addresses of the service, 20 at most", ["192.0.2.10"]),
)
_EVIDENCE = (
    Variable("evidence", Kind.TEXTS, "excerpts that show what is wrong, 5 at most, without who reported it",
             ["GET /login.php?a=1&b=<2> HTTP/1.1\nHost: shop.example.org"]),
    Variable("proof", Kind.TEXTS, "the texts kept as proof, without who reported; for a reporter his report, shortened",
             ["seen: a<b & 'c'"]),
)  # fmt: skip
_CUSTOMER = (
    *_SERVICE,
    *_ITEMS,
    *_EVIDENCE,
    Variable("customer_name", Kind.TEXT, "the customer's name or organisation, or empty", "Jo O'Neil & Sons"),
    Variable("reports_count", Kind.NUMBER, "how many reports the case has", 3),
    Variable("how_to_fix", Kind.TEXT, "the partial `how_to_fix_<category>`: what to do about it", "1. Look.\n2. Mend."),
    Variable("deadline", Kind.DATE, "by when an answer is expected, or nothing", _MOMENT.replace(day=25)),
    Variable("action", Kind.TEXT, "the measure that follows at the deadline, or empty", "block port 25"),
    Variable("action_done", Kind.TEXT, "the last measure that was taken, or empty", "block port 25"),
    Variable("action_done_at", Kind.DATE, "when it was taken, or nothing", _MOMENT.replace(day=24)),
    Variable("portal_url", Kind.TEXT, "the page of the case, or empty (MAIL.portal_url)",
             "https://abuse.example.net/case/BCDFGHJKLM"),
)  # fmt: skip
_REPORTER = (
    *_ITEMS,
    Variable("reference", Kind.TEXT, "the reporter's own reference, or empty", "ACME-2026-0815"),
    Variable("reported_subject", Kind.TEXT, "the subject of his report, or empty", "Phishing <b> & more"),
    Variable("reported_at", Kind.DATE, "when he wrote it, or nothing", _MOMENT),
    Variable(
        "proof",
        Kind.TEXTS,
        "the texts kept as proof, without who reported; for a reporter his report, shortened",
        ["Subject: Phishing\n\nIt's at <http://x.example/>"],
    ),
    Variable(
        "contacts",
        Kind.ROWS,
        "whom the registries name for reported addresses that are not ours, 20 at most",
        [
            {
                "value": "198.51.100.7",
                "network": "EXAMPLE-NET",
                "organisation": "Jo & Sons <hosting>",
                "email": "abuse@carrier.example",
            }
        ],
        {
            "value": "the reported address",
            "network": "the network's name",
            "organisation": "whose it is, or empty",
            "email": "where to complain, or empty",
        },
    ),
    Variable("status", Kind.TEXT, "`open` or `closed`", "closed"),
    Variable("resolution", Kind.TEXT, "why it was closed: the resolution's codename, or empty", "fixed_by_customer"),
    Variable(
        "missing",
        Kind.TEXTS,
        "what a report lacks: `port`, `time`, `zone`, `item`; of a report without a case",
        ["port", "time", "zone", "item"],
    ),
    Variable(
        "answer_until", Kind.DATE, "until when the report waits for an answer, or nothing", _MOMENT.replace(day=30)
    ),
)
_OTHER = (
    *_ITEMS,
    *_EVIDENCE,
    Variable("domain", Kind.TEXT, "the domain that is asked about, or the service's name", "shop.example.org"),
    Variable("emails", Kind.ROWS, "the conversation of the case, the oldest first, 50 mails at most",
             [{"sender": "jo@customer.example", "recipient": "ticket+x.Defendant@example.net", "subject": "Re: <case>",
               "body": "It's done & dusted.", "created": "2026-11-24 08:44:07 +00:00"}],
             {"sender": "from", "recipient": "to", "subject": "its subject", "body": "its text",
              "created": "when, with its zone"}),
)  # fmt: skip

_CAMPAIGN = Variable("ips", Kind.TEXTS, "the addresses of the service that the campaign names", ["192.0.2.10"])

CATALOGUE: Mapping[str, Mapping[str, Variable]] = MappingProxyType(
    {
        str(kind): MappingProxyType({one.name: one for one in variables})
        for kind, variables in {
            Type.DEFENDANT: (*_EVERYWHERE, *_ABOUT, *_CUSTOMER),
            Type.PLAINTIFF: (*_EVERYWHERE, *_ABOUT, *_REPORTER),
            Type.OTHER: (*_EVERYWHERE, *_ABOUT, *_OTHER),
            Type.MASS_CONTACT: (*_EVERYWHERE, _SERVICE[0], _CAMPAIGN),
            Type.PARTIAL: (*_EVERYWHERE, *_ABOUT, *_REPORTER, *_OTHER, *_CUSTOMER, _CAMPAIGN),
        }.items()
    }
)
"""By recipient type. A partial may use them all; where it is included says which of them there are."""


def sample(recipient_type: str, lang: str, *, bare: bool = False) -> dict[str, Value]:
    """Values for each variable of a recipient type; `bare`: as they are when there is nothing to say."""
    variables = CATALOGUE[recipient_type].values()
    values = {one.name: one.bare if bare else one.sample for one in variables}
    return {**values, "lang": lang, "publicId": "BCDFGHJKLM"}
