"""A template ready for use: its patterns compiled, its words in lower case, nothing left to check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network

import re2

from ..values import ItemKind, MailKind
from . import patterns, schema, zones

KINDS_OF_WORD: dict[str, tuple[ItemKind, ...]] = {
    "ip": (ItemKind.IP,),
    "cidr": (ItemKind.CIDR,),
    "url": (ItemKind.URL,),
    "fqdn": (ItemKind.FQDN,),
    "email": (ItemKind.EMAIL,),
    "hash": (ItemKind.HASH,),
    "auto": (ItemKind.IP, ItemKind.CIDR, ItemKind.URL, ItemKind.FQDN),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value stands. `way` is the key of the template file; `words` name it for people."""

    way: str
    words: str
    pattern: re2._Regexp | None = None
    name: str = ""  # of a header field or a column, in lower case
    path: tuple[str, ...] = ()  # of XML elements, in lower case


@dataclass(frozen=True, slots=True)
class Block:
    """The part of a text that a rule reads."""

    after: re2._Regexp | None
    until: re2._Regexp | None
    lines: int | None


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a rule reads."""

    name: re2._Regexp | None
    type: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `take`."""

    words: str
    kinds: tuple[ItemKind, ...]
    reads_names: bool  # whether plain words that look like host names are taken
    source: Source | None
    table: schema.Table | None
    block: Block | None
    files: Files | None
    decode: str
    many: bool
    port: Source | int | None
    protocol: Source | str | None
    time: Source | None
    category: str | None  # of the items; None: that of the mail


@dataclass(frozen=True, slots=True)
class Conditions:
    """What `match` asks for. Senders and signing domains are split by how they are looked up."""

    addresses: frozenset[str]
    domains: frozenset[str]
    parents: frozenset[str]  # the domains whose sub-domains are meant
    signers: frozenset[str]
    signer_parents: frozenset[str]
    subject: tuple[re2._Regexp, ...]
    body: tuple[re2._Regexp, ...]
    header: tuple[tuple[str, re2._Regexp], ...]

    @property
    def has_sender(self) -> bool:
        return bool(self.addresses or self.domains or self.parents)

    @property
    def has_signer(self) -> bool:
        return bool(self.signers or self.signer_parents)

    @property
    def size(self) -> int:
        """How many kinds of conditions are set."""
        kinds = (self.has_sender, self.has_signer, self.subject, self.body)
        return sum(map(bool, kinds)) + len(self.header)


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """The category a template gives: a fixed name, or by the first pattern found, else `default` (None: guess)."""

    fixed: str | None
    source: Source | None = None  # None: the whole text
    map: tuple[tuple[re2._Regexp, str, str], ...] = ()  # pattern, its text, category
    default: str | None = None


@dataclass(frozen=True)
class Template:
    """One reporter's template. `origin` is the file it came from; `is_shipped` whether it is the desk's own."""

    spec: schema.TemplateFile
    origin: str
    is_shipped: bool
    conditions: Conditions
    rules: tuple[Rule, ...]
    category: CategoryRule
    references: tuple[Source, ...]
    ignored_urls: tuple[re2._Regexp, ...]
    ignored_domains: tuple[str, ...]
    ignored_networks: tuple[IPv4Network | IPv6Network, ...]
    zone: tzinfo | None

    @property
    def name(self) -> str:
        return self.spec.name

    @cached_property
    def kind(self) -> MailKind:
        return MailKind(self.spec.kind)


def build(spec: schema.TemplateFile, origin: str, *, is_shipped: bool) -> Template:
    """The template ready for use.

    :raises ValueError: when texts of one entry together are too long to be looked for.
    """
    ignore = spec.ignore
    return Template(
        spec=spec,
        origin=origin,
        is_shipped=is_shipped,
        conditions=_conditions(spec.match),
        rules=tuple(_rule(take) for take in spec.take),
        category=_category(spec.category),
        references=tuple(source for one in spec.reference or () if (source := _source(one)) is not None),
        ignored_urls=_compiled(ignore.urls),
        ignored_domains=ignore.domains or (),
        ignored_networks=tuple(ip_network(text) for text in ignore.ips or ()),
        zone=zones.parse(spec.time.zone) if spec.time.zone else None,
    )


def _compiled(texts: Iterable[str] | None) -> tuple[re2._Regexp, ...]:
    return tuple(patterns.check(text) for text in texts or ())


def _conditions(match: schema.Match) -> Conditions:
    senders = match.sender or ()
    signers = match.dkim_domain or ()
    return Conditions(
        addresses=frozenset(sender for sender in senders if not sender.startswith("*@")),
        domains=frozenset(
            sender[2:] for sender in senders if sender.startswith("*@") and not sender.startswith("*@*.")
        ),
        parents=frozenset(sender[4:] for sender in senders if sender.startswith("*@*.")),
        signers=frozenset(signer for signer in signers if not signer.startswith("*.")),
        signer_parents=frozenset(signer[2:] for signer in signers if signer.startswith("*.")),
        subject=_compiled(match.subject),
        body=_compiled(match.body),
        header=tuple((name.lower(), patterns.check(text)) for name, text in (match.header or {}).items()),
    )


def _rule(take: schema.Take) -> Rule:
    source = _source(take)
    block = None
    if take.after or take.until:
        block = Block(
            patterns.any_literal(take.after) if take.after else None,
            patterns.any_literal(take.until) if take.until else None,
            take.lines,
        )
    attachment = take.attachment
    return Rule(
        words=_words(take, source),
        kinds=tuple(dict.fromkeys(kind for word in take.what for kind in KINDS_OF_WORD[word])),
        reads_names="fqdn" in take.what,
        source=source,
        table=take.table,
        block=block,
        files=Files(
            patterns.check(attachment.name) if attachment.name else None, (attachment.type or "").lower()
        ) if attachment else None,
        decode=take.decode,
        many=take.many,
        port=_source(take.port) if isinstance(take.port, schema.FieldSource) else take.port,
        protocol=_source(take.protocol) if isinstance(take.protocol, schema.FieldSource) else take.protocol,
        time=_source(take.time) if take.time else None,
        category=take.category,
    )  # fmt: skip


def _source(spec: schema.FieldSource | schema.Take) -> Source | None:
    """The source that a part of a template names; None for a rule that takes all of a block or file."""
    if spec.line:
        return Source("line", f"line {spec.line[0]!r}", patterns.labelled_line(spec.line))
    if spec.pattern:
        return Source("pattern", f"pattern {spec.pattern!r}", patterns.check(spec.pattern))
    if spec.subject:
        return Source("subject", f"subject {spec.subject!r}", patterns.check(spec.subject))
    if spec.header:
        pattern = patterns.check(spec.header.pattern) if spec.header.pattern else None
        return Source("header", f"header {spec.header.name}", pattern, spec.header.name.lower())
    if spec.xml:
        path = tuple(name.strip().lower() for name in spec.xml.strip("/").split("/"))
        return Source("xml", f"element {spec.xml}", path=path)
    if isinstance(spec, schema.FieldSource) and spec.column:
        return Source("column", f"column {spec.column!r}", name=spec.column.lower())
    return None


def _words(take: schema.Take, source: Source | None) -> str:
    """How a rule is called in `place` and in explanations."""
    words = source.words if source else f"column {take.table.column[0]!r}" if take.table else "all"
    if take.after:
        words += f" after {take.after[0]!r}"
    elif take.until:
        words += f" until {take.until[0]!r}"
    if take.attachment:
        words += " in attachment"
    return words[:200]


def _category(spec: str | schema.CategoryMap) -> CategoryRule:
    if isinstance(spec, str):
        return CategoryRule(None if spec == "guess" else spec)
    return CategoryRule(
        fixed=None,
        source=_source(spec.from_) if isinstance(spec.from_, schema.FieldSource) else None,
        map=tuple((patterns.check(text), text, category) for text, category in spec.map.items()),
        default=None if spec.default == "guess" else spec.default,
    )
