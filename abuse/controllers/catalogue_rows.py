"""The rows that the desk works with: categories, tags, thresholds, reporters. Made, changed, taken away if unused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import ProtectedError

from abuse.models import Category, Priority, Provider, ReportThreshold, Tag

from .editing import Refused
from .providers import SWITCHES, provider_key

MAX_INTERVAL = 3650
"""Days."""


@transaction.atomic
def save_category(name: str, label: str, description: str, category: Category | None = None) -> Category:
    """Make a category, or change the words of one; its name never changes.

    :raises Refused: for an empty or too long name or text, one that exists, or another name.
    """
    key = _text("name", name, 32)
    if category is None and Category.filter(name__iexact=key).exists():
        raise Refused(f"name: {key!r} exists already")
    if category is not None and category.name != key:
        raise Refused(f"name: {key!r}; expected {category.name!r}, which is its key and stays")
    label = _text("label", label, 255)
    if Category.filter(label=label).exclude(name=key).exists():
        raise Refused(f"label: {label!r} is another category's")
    row = category or Category(name=key)
    row.label, row.description = label, _text("description", description, 255)
    row.save(force_insert=category is None)
    return row


@transaction.atomic
def delete_category(category: Category) -> None:
    """Take a category away.

    :raises Refused: when anything is of it.
    """
    _delete(category, f"category {category}")


@transaction.atomic
def save_tag(name: str, tag_type: str, level: int, tag: Tag | None = None) -> Tag:
    """Make a tag, or rename one. Its kind never changes.

    :raises Refused: for a kind that is none, or an empty name or one that another tag of the kind has.
    """
    clean = _text("name", name, 255)
    if tag_type not in Tag.Type.values:
        raise Refused(f"tagType: {tag_type[:80]!r}; expected one of {', '.join(Tag.Type.values)}")
    if tag is not None and tag.tag_type != tag_type:
        raise Refused(f"tagType: {tag_type}; expected {tag.tag_type}, which it stays")
    if not -32_768 <= level <= 32_767:
        raise Refused(f"level: {level}; expected -32768 to 32767")
    same = Tag.filter(name=clean, tag_type=tag_type) | Tag.filter(codename=clean, tag_type=tag_type)
    if (same.exclude(pk=tag.pk) if tag is not None else same).exists():
        raise Refused(f"name: there is a {tag_type} tag {clean!r} already")
    # What rules know a tag by stays when it is renamed.
    row = tag or Tag(codename=clean, tag_type=tag_type)
    row.name, row.level = clean, level
    row.save()
    return row


@transaction.atomic
def delete_tag(tag: Tag) -> None:
    """Take a tag away, from everything that has it."""
    tag.delete()


@transaction.atomic
def save_threshold(
    category: Category, threshold: int, interval: int, row: ReportThreshold | None = None
) -> ReportThreshold:
    """Have so many reports within so many days open a ticket in a category.

    :raises Refused: for a number that is none, or a category that has a threshold already.
    """
    if not 1 <= threshold <= 2**31 - 1:
        raise Refused(f"threshold: {threshold}; expected 1 or more")
    if not 1 <= interval <= MAX_INTERVAL:
        raise Refused(f"interval: {interval}; expected 1 to {MAX_INTERVAL} days")
    if row is None and ReportThreshold.filter(category=category).exists():
        raise Refused(f"category: {category} has a threshold already")
    row = row or ReportThreshold(category=category)
    row.threshold, row.interval = threshold, interval
    row.save()
    return row


@transaction.atomic
def delete_threshold(row: ReportThreshold) -> None:
    """Let the category have no threshold."""
    row.delete()


@transaction.atomic
def save_provider(
    email: str,
    *,
    name: str | None,
    trusted: bool,
    priority: str,
    default_category: Category | None,
    tags: Sequence[Tag] | None,
    mail: Mapping[str, bool | None] | None = None,
    provider: Provider | None = None,
) -> Provider:
    """Make a reporter, or change what is thought of one. `tags`: None leaves those he has.

    `mail`: what he is told by machine, by the columns in `SWITCHES`; those that are left out stay.

    :raises Refused: for an address that is none or exists, another address, or a priority that is none.
    """
    key = provider_key(email)
    if "@" not in key and provider is None:
        raise Refused(f"email: {email[:80]!r}; expected an e-mail address, or a pattern such as *@reporter.example")
    if provider is None and Provider.filter(pk=key).exists():
        raise Refused(f"email: {key!r} exists already")
    if priority not in Priority.values:
        raise Refused(f"priority: {priority[:80]!r}; expected one of {', '.join(Priority.values)}")
    row = provider or Provider(email=key)
    row.name, row.trusted, row.priority, row.default_category = name, trusted, priority, default_category
    for switch in SWITCHES:
        if mail is not None and switch in mail:
            setattr(row, switch, mail[switch])
    row.save(force_insert=provider is None)
    if tags is not None:
        for tag in tags:
            if tag.tag_type != Tag.Type.PROVIDER:
                raise Refused(f"tags: {tag} is for {tag.tag_type}; expected tags for {Tag.Type.PROVIDER}")
        row.tags.set(tags)
    return row


@transaction.atomic
def delete_provider(provider: Provider) -> None:
    """Take a reporter away.

    :raises Refused: when he has reported anything.
    """
    _delete(provider, f"provider {provider}")


def _delete(row: Category | Provider, what: str) -> None:
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError as error:
        kinds = sorted({type(one)._meta.verbose_name_plural or "" for one in error.protected_objects})
        raise Refused(f"{what} is used by {', '.join(str(kind) for kind in kinds)}") from None


def _text(name: str, value: str, most: int) -> str:
    clean = value.strip()
    if not 1 <= len(clean) <= most:
        raise Refused(f"{name}: {len(clean)} characters; expected 1 to {most}")
    return clean
