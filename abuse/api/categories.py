"""Categories: the kinds of abuse."""

from __future__ import annotations

from typing import Self

from apiflask import APIBlueprint
from pydantic import Field, RootModel

from abuse.controllers import catalogue_rows
from abuse.models import Category
from abuse.policies import Right

from .access import current_sight, needs
from .answers import Answer, Message
from .bodies import MESSAGE, Body
from .filters import Text
from .objects import child

blueprint = APIBlueprint("categories", __name__, url_prefix="/api", tag="Categories")

_EXAMPLE = {"name": "Phishing", "label": "Phishing", "description": "Pages that steal passwords"}


class CategoryAnswer(Answer):
    name: str
    label: str
    description: str

    @classmethod
    def of(cls, row: Category) -> Self:
        return cls(name=row.name, label=row.label, description=row.description)


class CategoryAnswers(RootModel[list[CategoryAnswer]]):
    """Categories, by name."""


class CategoryText(Body):
    name: Text | None = Field(default=None, max_length=32)
    label: Text = Field(max_length=255)
    description: Text = Field(max_length=255)


@blueprint.get("/categories")
@needs(Right.LOOK)
@blueprint.output(CategoryAnswers, example=[_EXAMPLE])
def list_categories() -> CategoryAnswers:
    """List the categories"""
    return CategoryAnswers([CategoryAnswer.of(row) for row in Category.all()])


@blueprint.get("/my-categories")
@needs(Right.LOOK)
@blueprint.output(CategoryAnswers, example=[_EXAMPLE])
def list_my_categories() -> CategoryAnswers:
    """List the categories in which the caller has a profile"""
    sight = current_sight()
    rows = Category.all() if sight.sees_all else Category.filter(name__in=list(sight.profiles))
    return CategoryAnswers([CategoryAnswer.of(row) for row in rows])


@blueprint.get("/categories/<name>")
@needs(Right.LOOK)
@blueprint.output(CategoryAnswer, example=_EXAMPLE)
def show_category(name: str) -> CategoryAnswer:
    """Show a category"""
    return CategoryAnswer.of(_category(name))


@blueprint.post("/categories")
@needs(Right.ADMINISTER)
@blueprint.input(CategoryText, example=_EXAMPLE)
@blueprint.output(CategoryAnswer, example=_EXAMPLE)
def create_category(json_data: CategoryText) -> CategoryAnswer:
    """Make a category"""
    name = json_data.name or ""
    return CategoryAnswer.of(catalogue_rows.save_category(name, json_data.label, json_data.description))


@blueprint.put("/categories/<name>")
@needs(Right.ADMINISTER)
@blueprint.input(CategoryText, example=_EXAMPLE)
@blueprint.output(CategoryAnswer, example=_EXAMPLE)
def update_category(name: str, json_data: CategoryText) -> CategoryAnswer:
    """Change the words of a category; its name stays"""
    row = _category(name)
    new_name = json_data.name or row.name
    return CategoryAnswer.of(catalogue_rows.save_category(new_name, json_data.label, json_data.description, row))


@blueprint.delete("/categories/<name>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses={409: "Something is of this category."})
def delete_category(name: str) -> Message:
    """Take a category away that nothing is of"""
    catalogue_rows.delete_category(_category(name))
    return Message(message="Category deleted")


def _category(name: str) -> Category:
    return child(Category.all(), "category", name)
