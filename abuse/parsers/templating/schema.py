"""What may stand in a template file: the one place that says its keys, their types and their meaning.

Changing this changes `abuse/parsers/templates/schema.json`, which editors read; see `json_schema`.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self

import re2
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from . import patterns, zones

CategoryName = Literal["Copyright", "Illegal", "Intrusion", "Malware", "Network Attack", "Other", "Phishing", "Spam"]
CategoryOrGuess = Literal[
    "Copyright", "Illegal", "Intrusion", "Malware", "Network Attack", "Other", "Phishing", "Spam", "guess"
]  # fmt: skip
What = Literal["ip", "cidr", "url", "fqdn", "email", "hash", "auto"]
Kind = Literal[
    "abuse_report", "feed", "reply_to_ticket", "legal_request", "counter_notice", "retraction", "information",
    "auto_reply", "newsletter", "spam", "other",
]  # fmt: skip

_DOMAIN = re2.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")
_SENDER = re2.compile(r"(?:\*|[^\s@<>*]{1,64})@(?:\*\.)?([^\s@<>*]+)")
_NAME = re2.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_HEADER_NAME = re2.compile(r"[A-Za-z0-9_.-]{1,100}")
RESERVED_NAMES = ("default", "feedback-report", "jmrp", "x-arf", "xarf")


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _one_source_or_more(value: object) -> object:
    return (value,) if isinstance(value, dict | FieldSource) else value


def _sender(value: str) -> str:
    found = _SENDER.fullmatch(value.lower())
    if found is None or not _DOMAIN.fullmatch(found.group(1)):
        raise ValueError(
            "expected an address (soc@example.com), *@example.com for exactly that domain, "
            "or *@*.example.com for the domains below it"
        )
    if "*." in value and not value.startswith("*@"):
        raise ValueError("expected *@*.example.com: an address before the @ stands for one domain only")
    return value.lower()


def _domain(value: str) -> str:
    if not _DOMAIN.fullmatch(value.lower()):
        raise ValueError("expected a domain such as example.com")
    return value.lower()


def _signing_domain(value: str) -> str:
    _domain(value.removeprefix("*."))
    return value.lower()


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("expected lower-case letters, digits, - and _, at most 60")
    if value in RESERVED_NAMES or value.startswith("xarf-"):
        raise ValueError("expected another name: this one stands for a built-in reader")
    return value


def _pattern(value: str) -> str:
    patterns.check(value)
    return value


def _one_group(value: str) -> str:
    compiled = patterns.check(value)
    named = {name.decode() if isinstance(name, bytes) else name for name in compiled.groupindex}
    if named:
        unknown = named - {"value", "port", "protocol", "time"}
        if unknown or "value" not in named:
            raise ValueError("expected named groups of value (needed), port, protocol and time, and no others")
    elif compiled.groups != 1:
        raise ValueError(
            f"expected one group in brackets around the value, found {compiled.groups}; use (?:…) for others"
        )
    return value


def _words(value: str) -> str:
    if not 0 < len(value.strip()) <= 300:
        raise ValueError("expected a text of 1 to 300 characters")
    return value


def _block_words(value: str) -> str:
    if not value.strip("^ \t"):
        raise ValueError("expected words after the ^, which stands for the start of a line")
    return _words(value)


def _header_name(value: str) -> str:
    if not _HEADER_NAME.fullmatch(value):
        raise ValueError("expected the name of a header field such as X-Mailer")
    return value


def _network(value: str) -> str:
    try:
        ip_network(value, strict=True)
    except ValueError as error:
        raise ValueError(f"expected an address or network such as 192.0.2.1 or 2001:db8::/32 ({error})") from None
    return value


def _zone(value: str) -> str:
    zones.parse(value)
    return value


Name = Annotated[str, AfterValidator(_name)]
Pattern = Annotated[str, AfterValidator(_pattern)]
ValuePattern = Annotated[str, AfterValidator(_one_group)]
Words = Annotated[str, AfterValidator(_words)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
Zone = Annotated[str, AfterValidator(_zone)]

# One value or a list of them; of a list any may be the one.
_MANY = BeforeValidator(_one_or_more, json_schema_input_type=str | list[str])
_FEW = Field(min_length=1, max_length=50)
Senders = Annotated[tuple[Annotated[str, AfterValidator(_sender)], ...], _FEW, _MANY]
SigningDomains = Annotated[tuple[Annotated[str, AfterValidator(_signing_domain)], ...], _FEW, _MANY]
Domains = Annotated[tuple[Annotated[str, AfterValidator(_domain)], ...], _FEW, _MANY]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], _FEW, _MANY]
Patterns = Annotated[tuple[Pattern, ...], _FEW, _MANY]
Texts = Annotated[tuple[Words, ...], _FEW, _MANY]
BlockTexts = Annotated[tuple[Annotated[str, AfterValidator(_block_words)], ...], _FEW, _MANY]
Whats = Annotated[tuple[What, ...], _FEW, BeforeValidator(_one_or_more, json_schema_input_type=What | list[What])]


class Section(BaseModel):
    """A part of a template: unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Match(Section):
    """Which mails the template is for. Keys must all hold; of a list any one."""

    sender: Senders | None = Field(
        None,
        description="The address of From, or the writer of a mail that a ticket system or list sent on: "
        "soc@example.com, *@example.com (exactly that domain) or *@*.example.com (the domains below it).",
    )
    dkim_domain: SigningDomains | None = Field(
        None,
        description="The domain (d=) of a DKIM signature of the mail; *.example.com for those below. It is claimed, "
        "not verified: a template says how to read a mail, never whom to trust.",
    )
    subject: Patterns | None = Field(None, description="RE2 patterns found in the subject.")
    body: Patterns | None = Field(None, description="RE2 patterns found in the text.")
    header: dict[HeaderName, Pattern] | None = Field(
        None, description="RE2 patterns found in header fields, by the field's name.", max_length=20
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any((self.sender, self.dkim_domain, self.subject, self.body, self.header)):
            raise ValueError("expected at least one of sender, dkim_domain, subject, body, header")
        return self


class HeaderValue(Section):
    """A header field of the mail."""

    name: HeaderName
    pattern: ValuePattern | None = Field(None, description="Takes a part of the field; without it all of it is taken.")


_FIELD_SOURCES = ("line", "pattern", "subject", "header", "xml", "column")


class FieldSource(Section):
    """Where one value stands: exactly one of these keys."""

    line: Texts | None = Field(None, description='The label of a line "label: value".')
    pattern: ValuePattern | None = Field(None, description="RE2 with one group, searched in the text.")
    subject: ValuePattern | None = Field(None, description="RE2 with one group, searched in the subject.")
    header: HeaderValue | None = None
    xml: Words | None = Field(
        None, description="Element names, outermost first: Source/IP_Address; an attribute: Source/@ip."
    )
    column: Words | None = Field(None, description="A column of the rule's table.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(getattr(self, name) is not None for name in _FIELD_SOURCES) != 1:
            raise ValueError(f"expected exactly one of {', '.join(_FIELD_SOURCES)}")
        return self


def _number_text_or_source(value: object) -> str:
    return "source" if isinstance(value, dict | FieldSource) else "value"


Port = Annotated[
    Annotated[Annotated[int, Field(strict=True, ge=1, le=65535)], Tag("value")] | Annotated[FieldSource, Tag("source")],
    Discriminator(_number_text_or_source),
]
Protocol = Annotated[
    Annotated[Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,20}$")], Tag("value")]
    | Annotated[FieldSource, Tag("source")],
    Discriminator(_number_text_or_source),
]


class Table(Section):
    """Rows of fields, in the text or a file: CSV, or columns parted by a character or by blanks."""

    delimiter: str = Field(",", description="One character, or the word tab or spaces (two blanks or more).")
    columns: tuple[Words, ...] | None = Field(
        None, description="The columns' names in order, when no row names them. Rows of other widths are passed over.",
        min_length=2, max_length=200,
    )  # fmt: skip
    header: tuple[Words, ...] | None = Field(
        None, description="Names that stand in the row that names the columns; rows before it are passed over.",
        min_length=1, max_length=50,
    )  # fmt: skip
    column: Texts = Field(description="The column, or columns, that the value is taken from.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        is_character = len(self.delimiter) == 1 and self.delimiter.isprintable() and self.delimiter not in "\" '"
        if self.delimiter not in ("tab", "spaces") and not is_character:
            raise ValueError("delimiter: expected one character (no blank or quote), tab or spaces")
        if (self.columns is None) == (self.header is None):
            raise ValueError("expected either columns (no row names them) or header (words of the row that does)")
        self.check_column(self.column)
        return self

    def check_column(self, wanted: tuple[str, ...]) -> None:
        """:raises ValueError: when the table's columns are named and one of `wanted` is none of them."""
        known = {name.lower() for name in self.columns or wanted}
        for name in wanted:
            if name.lower() not in known:
                raise ValueError(f"column {name!r}: expected one of {', '.join(self.columns or ())}")


class Attachment(Section):
    """Files of the mail, and of zip, gzip and 7z archives in it."""

    name: Pattern | None = Field(None, description="RE2 found in the file's name.")
    type: Words | None = Field(None, description="The media type, such as text/csv, or its start, such as text/.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.name or self.type):
            raise ValueError("expected name, type or both")
        return self


_TAKE_SOURCES = ("line", "pattern", "subject", "header", "xml", "table")


class Take(Section):
    """One rule: what is taken from where. Without a source, all of the kind in the block, file or text is taken."""

    what: Whats = Field(description="The kinds taken; auto is ip, cidr, url and fqdn, whatever it turns out to be.")
    line: Texts | None = Field(None, description='The label of a line "label: value", or any of several.')
    pattern: ValuePattern | None = Field(
        None,
        description="RE2 with one group, or with named groups value, port, protocol, time. Searched in the text.",
    )
    subject: ValuePattern | None = Field(None, description="As pattern, searched in the subject.")
    header: HeaderValue | None = None
    xml: Words | None = Field(
        None, description="Element names, outermost first: Source/IP_Address; an attribute: Source/@ip."
    )
    table: Table | None = None
    after: BlockTexts | None = Field(
        None,
        description="Only what follows this text is read, at each place where it stands; ^ before the text: only where "
        "a line starts with these words.",
    )
    until: BlockTexts | None = Field(None, description="… up to this text (^ as in after). Without it, to the end.")
    lines: int | None = Field(None, ge=1, le=10_000, description="… and at most so many lines that are not empty.")
    attachment: Attachment | None = Field(None, description="Read in these files instead of the text.")
    decode: Literal["none", "html", "qp"] = Field("none", description="Undo HTML or quoted-printable before reading.")
    many: bool = Field(True, description="false: only the first.")
    port: Port | None = Field(None, description="The source port: a number, or where it stands.")
    protocol: Protocol | None = Field(None, description="A word such as tcp, or where it stands.")
    time: FieldSource | None = Field(None, description="When it happened.")
    category: CategoryName | None = Field(None, description="Of what this rule takes, when that differs.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        sources = [name for name in _TAKE_SOURCES if getattr(self, name) is not None]
        if len(sources) > 1:
            raise ValueError(f"expected one of {', '.join(_TAKE_SOURCES)}, found {' and '.join(sources)}")
        if not sources and not (self.after or self.until or self.attachment):
            raise ValueError(
                f"expected a source: one of {', '.join(_TAKE_SOURCES)}, or a block (after, until) or attachment"
            )
        if self.lines is not None and not self.after:
            raise ValueError("lines: expected after beside it")
        if (self.subject or self.header) and (self.after or self.until or self.attachment):
            raise ValueError("subject and header: expected no after, until or attachment beside them")
        for name in ("port", "protocol", "time"):
            source = getattr(self, name)
            if isinstance(source, FieldSource) and source.column is not None:
                if self.table is None:
                    raise ValueError(f"{name}: a column needs a table beside it")
                self.table.check_column((source.column,))
        return self


def _word_or_source(value: object) -> str:
    return "source" if isinstance(value, dict | FieldSource) else "word"


Place = Annotated[
    Annotated[Literal["text"], Tag("word")] | Annotated[FieldSource, Tag("source")], Discriminator(_word_or_source)
]


References = Annotated[
    tuple[FieldSource, ...],
    Field(min_length=1, max_length=10),
    BeforeValidator(_one_source_or_more, json_schema_input_type=FieldSource | list[FieldSource]),
]


class CategoryMap(Section):
    """A category that depends on what the mail says."""

    from_: Place = Field(
        "text", alias="from", description="Where the word stands that decides; text is subject and text."
    )
    map: dict[Pattern, CategoryName] = Field(
        default={}, description="RE2 pattern to category; the first found counts.", max_length=100
    )
    default: CategoryOrGuess = "guess"


def _name_or_map(value: object) -> str:
    return "map" if isinstance(value, dict | CategoryMap) else "name"


Category = Annotated[
    Annotated[CategoryOrGuess, Tag("name")] | Annotated[CategoryMap, Tag("map")],
    Discriminator(_name_or_map),
]


class Ignore(Section):
    """What is never taken: the reporter's own footer, links, examples."""

    urls: Patterns | None = Field(None, description="RE2 patterns found in the URL.")
    domains: Domains | None = Field(None, description="Domains, with all names below them.")
    ips: Networks | None = Field(None, description="Addresses and networks.")


class Time(Section):
    """How the reporter writes times."""

    zone: Zone | None = Field(
        None,
        description="Of times that state none: Europe/Paris or +02:00. Without it, the zone of the mail's Date field.",
    )
    formats: Texts | None = Field(None, description="strptime formats for times that are not read by themselves.")


class TemplateFile(Section):
    """How the mails of one reporter are read."""

    name: Name = Field(description="The name of the file without .yml.")
    description: Words = Field(description="What the reporter sends, in a sentence.")
    home: str = Field("", max_length=500, description="Who the reporter is, in words.")
    match: Match
    kind: Kind = Field("abuse_report", description="What such a mail is for.")
    category: Category = Field("guess", description="A category, guess (by keywords), or from where it is read.")
    take: tuple[Take, ...] = Field((), max_length=50, description="Rules, all of which are applied.")
    ignore: Ignore = Ignore()
    time: Time = Time()
    reference: References | None = Field(
        None, description="Where the reporter's own case number stands; of a list, the first place that has one."
    )
    fallback: bool = Field(
        True, description="Whether the whole text is searched when no rule took anything. false: then nothing is taken."
    )


def json_schema() -> dict[str, Any]:
    """The schema of a template file for editors (JSON Schema 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TemplateFile.model_json_schema(mode="validation", by_alias=True),
    }
