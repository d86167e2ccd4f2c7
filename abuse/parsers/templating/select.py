"""Which templates a mail is for, best first; found by index, so that a hundred templates cost no more than one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from .compiled import Conditions, Template
from .patterns import MarkSet
from .texts import View


class Rank(IntEnum):
    """How surely a mail is a template's; the lower, the surer."""

    ADDRESS = 0  # the exact address of the sender
    SIGNER = 1  # the domain of a DKIM signature
    DOMAIN = 2  # any address of the sender's domain
    MARKS = 3  # only subject, text or header fields


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of `match` on one mail: what the mail has, and whether that is what is asked for."""

    key: str
    seen: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A template that matches a mail, and how surely."""

    template: Template
    rank: Rank

    @property
    def order(self) -> tuple[int, int, str]:
        """Surer first, then the one that asks for more, then by name."""
        return self.rank, -self.template.conditions.size, self.template.name


class TemplateSet:
    """All templates of a desk, indexed by what they ask for. Immutable once built."""

    def __init__(self, templates: Iterable[Template] = ()) -> None:
        self.by_name: Mapping[str, Template] = {one.name: one for one in sorted(templates, key=lambda one: one.name)}
        self.all = tuple(self.by_name.values())
        self._by_sender: dict[str, list[int]] = defaultdict(list)  # address, "@domain" and "@.parent"
        self._by_signer: dict[str, list[int]] = defaultdict(list)
        self._by_header: dict[str, list[int]] = defaultdict(list)
        self._subjects, self._bodies = MarkSet(), MarkSet()
        for number, template in enumerate(self.all):
            self._index(number, template)
        self._subjects.compile()
        self._bodies.compile()
        self._has_parents = any(one.conditions.parents for one in self.all)

    def __len__(self) -> int:
        return len(self.all)

    def _index(self, number: int, template: Template) -> None:
        asked = template.conditions
        if asked.has_sender:
            keys = [*asked.addresses, *(f"@{name}" for name in asked.domains), *(f"@.{name}" for name in asked.parents)]
            for key in keys:
                self._by_sender[key].append(number)
        elif asked.has_signer:
            for key in (*asked.signers, *(f".{name}" for name in asked.signer_parents)):
                self._by_signer[key].append(number)
        elif asked.body:
            for pattern in asked.body:
                self._bodies.add(pattern, number)
        elif asked.subject:
            for pattern in asked.subject:
                self._subjects.add(pattern, number)
        else:
            self._by_header[asked.header[0][0]].append(number)

    def candidates(self, view: View) -> list[Candidate]:
        """The templates that match the mail, best first."""
        if not self.all:
            return []
        numbers: set[int] = set()
        if self._by_sender:
            numbers.update(number for key in self._sender_keys(view.senders) for number in self._by_sender.get(key, ()))
        if self._by_signer:
            for signer in view.signers:
                for key in (signer, *(f".{parent}" for parent in parents(signer))):
                    numbers.update(self._by_signer.get(key, ()))
        if self._subjects:
            numbers |= self._subjects.owners(view.subject)
        if self._bodies:
            numbers |= self._bodies.owners(view.body)
        for name, owners in self._by_header.items():
            if name in view.message.headers:
                numbers.update(owners)
        found = [rank_of(self.all[number], view) for number in numbers]
        return sorted((one for one in found if one is not None), key=lambda one: one.order)

    def _sender_keys(self, senders: Iterable[str]) -> Iterable[str]:
        for sender in senders:
            domain = sender.rpartition("@")[2]
            yield sender
            yield f"@{domain}"
            if self._has_parents:
                yield from (f"@.{parent}" for parent in parents(domain))


def parents(domain: str) -> list[str]:
    """The domains above one, nearest first; bounded, as senders write it."""
    labels = domain[-253:].split(".")
    return [".".join(labels[number:]) for number in range(1, len(labels))]


def rank_of(template: Template, view: View) -> Candidate | None:
    """The template as candidate for a mail; None when a condition does not hold."""
    for condition in conditions(template, view):
        if not condition.holds:
            return None
    asked = template.conditions
    if asked.addresses.intersection(view.senders):
        return Candidate(template, Rank.ADDRESS)
    if asked.has_signer:
        return Candidate(template, Rank.SIGNER)
    return Candidate(template, Rank.DOMAIN if asked.has_sender else Rank.MARKS)


def _is_asked_for(sender: str, asked: Conditions) -> bool:
    domain = sender.rpartition("@")[2]
    return (
        sender in asked.addresses
        or domain in asked.domains
        or any(parent in asked.parents for parent in parents(domain))
    )


def conditions(template: Template, view: View) -> Iterable[Condition]:
    """Each condition of a template on a mail, cheap ones first, looked at only when asked for."""
    asked = template.conditions
    if asked.has_sender:
        holds = any(_is_asked_for(sender, asked) for sender in view.senders)
        yield Condition("sender", ", ".join(view.senders), holds)
    if asked.has_signer:
        holds = any(
            signer in asked.signers or any(parent in asked.signer_parents for parent in parents(signer))
            for signer in view.signers
        )
        yield Condition("dkim_domain", ", ".join(sorted(view.signers)) or "no signature", holds)
    for key, patterns, text in (("subject", asked.subject, view.subject), ("body", asked.body, None)):
        if patterns:
            searched = view.body if text is None else text
            match = next((found for pattern in patterns if (found := pattern.search(searched))), None)
            shown = match.group() if match else searched
            words = " ".join(shown[:200].decode("utf-8", "replace").split())
            yield Condition(key, words[:80], match is not None)
    for name, pattern in asked.header:
        values = view.header(name)
        holds = any(pattern.search(value.encode("utf-8", "replace")) for value in values)
        yield Condition(f"header {name}", values[0][:80] if values else "no such field", holds)
