"""What every reader of a mail's kind hands back."""

from __future__ import annotations

from ..values import MailKind

Verdict = tuple[MailKind, str]
"""The kind of a mail, and why, in words for people."""
