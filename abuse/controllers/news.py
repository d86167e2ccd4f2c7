"""News for the operators."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from abuse.models import News, User

from .editing import Refused

MAX_TITLE = 1023
MAX_CONTENT = 65_535


@transaction.atomic
def publish(title: str, content: str, *, actor: User) -> News:
    """Tell all operators something.

    :raises Refused: for an empty or too long title or content.
    """
    return News.create(author=actor, **_checked(title, content), date=timezone.now())


@transaction.atomic
def change(news: News, title: str, content: str) -> None:
    """Say it otherwise. Its author and date stay.

    :raises Refused: for an empty or too long title or content.
    """
    News.filter(pk=news.pk).update(**_checked(title, content))
    news.refresh_from_db()


@transaction.atomic
def delete(news: News) -> None:
    """Take it back."""
    news.delete()


def _checked(title: str, content: str) -> dict[str, str]:
    for name, value, most in (("title", title, MAX_TITLE), ("content", content, MAX_CONTENT)):
        if not 1 <= len(value.strip()) <= most:
            raise Refused(f"{name}: {len(value.strip())} characters; expected 1 to {most}")
    return {"title": title.strip(), "content": content.strip()}
