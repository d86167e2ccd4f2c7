"""What a text may consist of: read with Jinja2's parser, every node checked, before anything is compiled."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from jinja2 import Environment, TemplateError, TemplateSyntaxError, nodes

MAX_SOURCE = 100_000
"""Characters."""
MAX_DEPTH = 40
MAX_LOOPS = 2
"""Loops within each other."""
FILTERS = frozenset({"date", "indent", "limit"})
LOOP_ATTRIBUTES = frozenset({"index", "first", "last", "length"})
PARTIAL_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LEAVES = (nodes.TemplateData, nodes.Const, nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand)
_BRANCHES = (nodes.Template, nodes.Output, nodes.If, nodes.CondExpr)
_TOLD = {
    "Assign": "{% set %}", "Macro": "{% macro %}", "CallBlock": "{% call %}", "Import": "{% import %}",
    "FromImport": "{% from %}", "Extends": "{% extends %}", "Block": "{% block %}", "With": "{% with %}",
    "FilterBlock": "{% filter %}", "Call": "a call", "Test": "a test (is …)",
}  # fmt: skip


class TextError(Exception):
    """A text cannot be filled in. The message names the template and what is wrong."""


@dataclass(frozen=True, slots=True)
class Use:
    """A variable as it is used: `name`, or `name.attribute` of one row of the list `rows_of`."""

    name: str
    line: int
    attribute: str | None = None
    rows_of: str | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text that is of the language."""

    tree: nodes.Template
    uses: tuple[Use, ...]
    names: frozenset[str]
    includes: frozenset[str]


@dataclass(slots=True)
class _Walk:
    uses: list[Use] = field(default_factory=list)
    includes: set[str] = field(default_factory=set)


def parse(engine: Environment, source: str) -> Parsed:
    """Read a text.

    :raises TextError: when it is malformed, or has something in it that is not of the language.
    """
    if len(source) > MAX_SOURCE:
        raise TextError(f"{len(source)} characters; expected {MAX_SOURCE} at most")
    try:
        tree = engine.parse(source)
        walk = _Walk()
        _check(tree, walk, {}, depth=0, loops=0)
    except TemplateSyntaxError as error:
        raise TextError(f"line {error.lineno}: {error.message}") from None
    except (TemplateError, ValueError) as error:
        raise TextError(str(error)) from None
    except (RecursionError, MemoryError):
        raise TextError("too deeply nested") from None
    names = frozenset(use.name for use in walk.uses if use.rows_of is None)
    return Parsed(tree, tuple(walk.uses), names, frozenset(walk.includes))


def _refuse(node: nodes.Node, what: str, expected: str) -> TextError:
    return TextError(f"line {node.lineno}: {what}; expected {expected}")


def _check(node: nodes.Node, walk: _Walk, scope: dict[str, str], *, depth: int, loops: int) -> None:
    """`scope`: the names that loops around give, and the list each is a row of ("" for `loop` and texts)."""
    if depth > MAX_DEPTH:
        raise TextError(f"line {node.lineno}: more than {MAX_DEPTH} levels within each other")
    match node:
        case nodes.For():
            _check_loop(node, walk, scope, depth=depth, loops=loops)
            return
        case nodes.Include():
            _note_include(node, walk)
            return
        case nodes.Name():
            _note_name(node, walk, scope)
            return
        case nodes.Getattr():
            _note_attribute(node, node.attr, walk, scope)
            return
        case nodes.Getitem():
            if not isinstance(node.arg, nodes.Const) or not isinstance(node.node, nodes.Name | nodes.Getattr):
                raise _refuse(node, "[…]", "the number of a row")
            if isinstance(node.arg.value, str):
                _note_attribute(node, node.arg.value, walk, scope)
                return
        case nodes.Filter():
            _check_filter(node)
        case _ if not isinstance(node, _LEAVES + _BRANCHES):
            kind = type(node).__name__
            raise _refuse(node, _TOLD.get(kind, kind), "{{ variable }}, if, for and include only")
    for child in node.iter_child_nodes():
        _check(child, walk, scope, depth=depth + 1, loops=loops)


def _check_loop(node: nodes.For, walk: _Walk, scope: dict[str, str], *, depth: int, loops: int) -> None:
    if node.recursive:
        raise _refuse(node, "for … recursive", "a plain for")
    if loops >= MAX_LOOPS:
        raise _refuse(node, "a third for within two others", f"{MAX_LOOPS} at most")
    if not isinstance(node.target, nodes.Name) or node.target.name.startswith("_") or node.target.name == "loop":
        raise _refuse(node, "for", "one name: for item in items")
    _check(node.iter, walk, scope, depth=depth + 1, loops=loops)
    source = node.iter
    while isinstance(source, nodes.Filter) and source.node is not None:
        source = source.node
    inner = {**scope, node.target.name: source.name if isinstance(source, nodes.Name) else "", "loop": ""}
    for child in ([node.test] if node.test else []) + node.body:
        _check(child, walk, inner, depth=depth + 1, loops=loops + 1)
    for child in node.else_:
        _check(child, walk, scope, depth=depth + 1, loops=loops)


def _check_filter(node: nodes.Filter) -> None:
    if node.name not in FILTERS:
        raise _refuse(node, f"the filter {node.name!r}", " or ".join(sorted(FILTERS)))
    if node.kwargs or node.dyn_args or node.dyn_kwargs or not all(isinstance(one, nodes.Const) for one in node.args):
        raise _refuse(node, f"the filter {node.name!r} with a variable or a name", "a plain number or text")


def _note_include(node: nodes.Include, walk: _Walk) -> None:
    name = node.template.value if isinstance(node.template, nodes.Const) else None
    if not isinstance(name, str) or PARTIAL_NAME.fullmatch(name) is None:
        raise _refuse(node, "include", 'the name of one partial in quotes: {% include "signature" %}')
    walk.includes.add(name)


def _note_name(node: nodes.Name, walk: _Walk, scope: dict[str, str]) -> None:
    if node.name.startswith("_") or node.name in {"self", "super", "caller"}:
        raise _refuse(node, repr(node.name), "a variable; none begins with _")
    if node.name not in scope:
        walk.uses.append(Use(node.name, node.lineno))


def _note_attribute(node: nodes.Getattr | nodes.Getitem, attribute: str, walk: _Walk, scope: dict[str, str]) -> None:
    owner = node.node
    while isinstance(owner, nodes.Getitem):
        owner = owner.node
    if not isinstance(owner, nodes.Name) or attribute.startswith("_"):
        raise _refuse(node, f".{attribute}", "a field of a row, such as item.value")
    if owner.name == "loop" and "loop" in scope:
        if attribute not in LOOP_ATTRIBUTES:
            raise _refuse(node, f"loop.{attribute}", " or ".join(f"loop.{one}" for one in sorted(LOOP_ATTRIBUTES)))
        return
    if owner.name not in scope:
        walk.uses.append(Use(owner.name, node.lineno))
    walk.uses.append(Use(owner.name, node.lineno, attribute, scope.get(owner.name, owner.name)))
