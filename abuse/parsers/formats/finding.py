"""What a format reader hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..values import MailKind, ParsedItem

if TYPE_CHECKING:
    from ..feeds.layout import Feed


@dataclass(frozen=True, slots=True)
class Finding:
    """The content of a machine-readable report. It beats the prose around it.

    `items` is all the report names, also when that is nothing. `category` is one of the desk's, None when the report
    says none; `xarf_type` and `rsit_class` are those of `ParsedEmail`.
    """

    template: str
    kind: MailKind
    kind_reason: str
    items: tuple[ParsedItem, ...] = ()
    category: str | None = None
    category_reason: str = ""
    reporter_reference: str | None = None
    feed: Feed | None = None
    xarf_type: str | None = None
    rsit_class: str | None = None
