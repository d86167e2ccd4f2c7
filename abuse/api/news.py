"""News for the operators."""

from __future__ import annotations

from typing import Self

from apiflask import APIBlueprint
from pydantic import Field

from abuse.controllers import news
from abuse.models import News
from abuse.policies import Right

from .access import current_user, needs, require
from .answers import Answer, EpochSeconds, Message, Paged
from .bodies import MESSAGE, Body
from .conditions import Condition, Kind
from .filters import FiltersParameter, LongText, read_filters
from .listing import ONLY_ROWS_AND_PAGES, Listing
from .objects import child

blueprint = APIBlueprint("news", __name__, url_prefix="/api/news", tag="News")

_EXAMPLE = {"id": 1, "title": "Maintenance", "content": "No sanctions tonight.", "author": "alice", "date": 1767229200}


class NewsAnswer(Answer):
    id: int
    title: str
    content: str
    author: str
    date: EpochSeconds

    @classmethod
    def of(cls, row: News) -> Self:
        return cls(id=row.pk, title=row.title, content=row.content, author=row.author.username, date=row.date)


class NewsPage(Paged):
    news: list[NewsAnswer]
    news_count: int = Field(description="How many there are on all pages.")


class NewsText(Body):
    title: LongText = Field(max_length=news.MAX_TITLE)
    content: LongText = Field(max_length=news.MAX_CONTENT)


NEWS: Listing[News] = Listing(
    fields=frozenset(NewsAnswer.json_names()),
    always=frozenset(NewsAnswer.json_names()),
    sorts={"id": "pk", "title": "title", "author": "author__username", "date": "date"},
    default_sort=("-date", "-pk"),
    conditions={
        "id": [Condition("pk", Kind.ID)],
        "title": [Condition("title")],
        "content": [Condition("content")],
        "author": [Condition("author__username")],
    },
)


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(NewsPage, example={"news": [_EXAMPLE], "newsCount": 1})
@blueprint.doc(description=NEWS.description("The newest first.", passes_over=ONLY_ROWS_AND_PAGES))
def list_news(query_data: FiltersParameter) -> NewsPage:
    """List the news"""
    filters = NEWS.with_known_sorts(read_filters(query_data.filters))
    rows = NEWS.chosen(News.all().select_related("author"), filters)
    page = NEWS.page(rows, filters)
    return NewsPage(news=[NewsAnswer.of(row) for row in page], news_count=rows.count(), next=page.next)


@blueprint.get("/<int:news_id>")
@needs(Right.LOOK)
@blueprint.output(NewsAnswer, example=_EXAMPLE)
def show_news(news_id: int) -> NewsAnswer:
    """Show one of the news"""
    return NewsAnswer.of(_the_news(news_id))


@blueprint.post("")
@needs(Right.WORK)
@blueprint.input(NewsText, example={"title": "Maintenance", "content": "No sanctions tonight."})
@blueprint.output(NewsAnswer, example=_EXAMPLE)
def publish_news(json_data: NewsText) -> NewsAnswer:
    """Tell all operators something"""
    return NewsAnswer.of(news.publish(json_data.title, json_data.content, actor=current_user()))


@blueprint.put("/<int:news_id>")
@needs(Right.EDIT_NEWS)
@blueprint.input(NewsText, example={"title": "Maintenance", "content": "It is over."})
@blueprint.output(NewsAnswer, example=_EXAMPLE)
@blueprint.doc(responses={403: "Only their author and superusers may change news."})
def update_news(news_id: int, json_data: NewsText) -> NewsAnswer:
    """Change news"""
    row = _the_news(news_id)
    require(Right.EDIT_NEWS, row)
    news.change(row, json_data.title, json_data.content)
    return NewsAnswer.of(row)


@blueprint.delete("/<int:news_id>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example=MESSAGE)
def delete_news(news_id: int) -> Message:
    """Take news back"""
    news.delete(_the_news(news_id))
    return Message(message="News deleted")


def _the_news(news_id: int) -> News:
    return child(News.all().select_related("author"), "news", news_id)
