"""Filling in texts: a small language, no access to objects, bounded in steps, output and time.

Only `{{ value }}`, `if`, `for` and `include` of a partial are understood, with the filters `date`, `indent` and
`limit`. A text is Jinja2; `language.py` lists what it may consist of, and all else is refused before it is compiled.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Template, TemplateError, nodes, pass_context
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from .formats import format_date
from .language import LOOP_ATTRIBUTES, TextError, parse

MAX_STEPS = 20_000
"""Turns of all loops together."""
MAX_OUTPUT = 200_000
"""Characters."""
MAX_SECONDS = 2.0
MAX_INDENT = 16
_BUDGET, _LANGUAGE, _PARTIAL = "_budget", "_language", "_partial_"

Value = str | int | datetime | None | list[str] | list[dict[str, str]]
Variables = Mapping[str, Value]


class _Budget:
    """What one rendering may still use."""

    def __init__(self) -> None:
        self.steps = MAX_STEPS
        self.ends_at = time.monotonic() + MAX_SECONDS

    def take(self, steps: int = 0) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise TextError(f"more than {MAX_STEPS} turns of its loops")
        if time.monotonic() > self.ends_at:
            raise TextError(f"more than {MAX_SECONDS:g} seconds")


class _Engine(ImmutableSandboxedEnvironment):
    """Jinja2 where an attribute is a key of a mapping, and nothing else."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, LoopContext) and attribute in LOOP_ATTRIBUTES:
            return getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, list) and isinstance(argument, int) and 0 <= argument < len(obj):
            return obj[argument]
        return self.getattr(obj, argument) if isinstance(argument, str) else self.undefined(obj=obj, name=argument)

    def call(*_: Any, **__: Any) -> NoReturn:
        raise TextError("a call; expected none")


def _budget(context: Context) -> _Budget:
    budget = context.resolve(_BUDGET)
    assert isinstance(budget, _Budget)  # noqa: S101 -- _bounded puts it there
    return budget


def _language(context: Context) -> str:
    return str(context.resolve(_LANGUAGE))


@pass_context
def _counted(context: Context, value: Any) -> list[Any]:
    if isinstance(value, Undefined):
        str(value)  # says which one is missing
    if not isinstance(value, list):
        raise TextError(f"{str(value)[:40]!r} in a for; expected a list")
    _budget(context).take(len(value))
    return value


@pass_context
def _date(context: Context, value: Any, style: str = "moment") -> str:
    _budget(context).take()
    if value is None:
        return ""
    if not isinstance(value, datetime):
        raise TextError(f"{str(value)[:40]!r}|date; expected a date")
    return format_date(value, _language(context), style)


@pass_context
def _indent(context: Context, value: Any, width: int = 4) -> str:
    _budget(context).take()
    if not isinstance(width, int) or not 0 <= width <= MAX_INDENT:
        raise TextError(f"indent({width!r}); expected 0 to {MAX_INDENT} blanks")
    lines = [" " * width + line if line.strip() else "" for line in str(value).splitlines()]
    return "\n".join(lines)


@pass_context
def _limit(context: Context, value: Any, count: int) -> Any:
    _budget(context).take()
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise TextError(f"limit({count!r}); expected a whole number from 0 on")
    if isinstance(value, list):
        return value[:count]
    text = str(value)
    return text if len(text) <= count else text[:count].rstrip() + "…"


@pass_context
def _shown(context: Context, value: Any) -> Any:
    """What `{{ value }}` writes."""
    _budget(context).take()
    if value is None:
        return ""
    if isinstance(value, datetime):
        return format_date(value, _language(context), "moment")
    if isinstance(value, Undefined):
        str(value)  # says which one is missing
    if not isinstance(value, str | int):
        raise TextError("a list or a row where a text is to be written; expected a for, or a field of the row")
    return value


def _engine(*, autoescape: bool) -> _Engine:
    engine = _Engine(
        autoescape=autoescape, undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True,
        lstrip_blocks=True, finalize=_shown, cache_size=0,
    )  # fmt: skip
    engine.globals.clear()
    engine.tests.clear()
    engine.filters = {"date": _date, "indent": _indent, "limit": _limit, "_counted": _counted}
    return engine


# Plain text: nothing is escaped. HTML: everything is.
_PLAIN, _HTML = _engine(autoescape=False), _engine(autoescape=True)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A text ready to be filled in. `names`: the variables it uses. `includes`: the partials."""

    template: Template
    names: frozenset[str]
    includes: frozenset[str]


@lru_cache(maxsize=1024)
def compiled(source: str, *, html: bool = False) -> Compiled:
    """A text, checked and compiled.

    :raises TextError: when it is not of the language; the message names the line.
    """
    engine = _HTML if html else _PLAIN
    parsed = parse(engine, source)
    _make_safe(parsed.tree)
    parsed.tree.set_environment(engine)
    try:
        code = engine.compile(parsed.tree)
        template = Template.from_code(engine, code, {})
    except (TemplateError, SyntaxError, RecursionError, MemoryError) as error:
        raise TextError(f"it cannot be compiled: {error}") from None
    return Compiled(template, parsed.names, parsed.includes)


def _make_safe(tree: nodes.Template) -> None:
    """Count the turns of loops, and put partials where they are included: they were filled in before."""
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, "_counted", [], [], None, None, lineno=loop.lineno)
    _replace_includes(tree)


def _replace_includes(node: nodes.Node) -> None:
    for name in node.fields:
        value = getattr(node, name)
        if isinstance(value, list):
            setattr(node, name, [_replaced(one) for one in value])
        elif isinstance(value, nodes.Node):
            setattr(node, name, _replaced(value))


def _replaced(node: Any) -> Any:
    if isinstance(node, nodes.Include) and isinstance(node.template, nodes.Const):
        partial = nodes.Name(f"{_PARTIAL}{node.template.value}", "load", lineno=node.lineno)
        return nodes.Output([partial], lineno=node.lineno)
    if isinstance(node, nodes.Node):
        _replace_includes(node)
    return node


def render(
    source: str,
    variables: Variables,
    *,
    name: str,
    lang: str = "EN",
    partials: Mapping[str, str] | None = None,
    html: bool = False,
) -> str:
    """Fill in a text; as HTML, where everything put in is escaped, but not partials and Markup.

    :raises TextError: when it is not of the language, uses a variable or partial that is not given, or is too costly.
    """
    try:
        ready = compiled(source, html=html)
        missing = sorted(ready.includes - set(partials or {}))
        if missing:
            raise TextError(f"it includes {missing[0]!r}; there is no such partial")
        given = {f"{_PARTIAL}{key}": Markup(text) if html else text for key, text in (partials or {}).items()}  # noqa: S704
        return _bounded(ready.template, {**variables, **given, _BUDGET: _Budget(), _LANGUAGE: lang})
    except TextError as error:
        raise TextError(f"template {name}: {error}") from None


def _bounded(template: Template, context: Mapping[str, object]) -> str:
    parts: list[str] = []
    length = 0
    try:
        for part in template.generate(**context):
            parts.append(part)
            length += len(part)
            if length > MAX_OUTPUT:
                raise TextError(f"more than {MAX_OUTPUT} characters")
    except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise TextError(str(error)) from None
    return "".join(parts)


def text_as_html(text: str) -> str:
    """Plain text as HTML that looks the same."""
    return str(escape(text)).replace("\n", "<br>\n")


def names_used(source: str) -> frozenset[str]:
    """The variables that a text uses, without those of the partials that it includes.

    :raises TextError: when it is malformed.
    """
    return compiled(source).names
