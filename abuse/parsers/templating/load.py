"""Templates from files: every fault named with file, key, value and what was expected; what is good is used."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from . import compiled, schema
from .compiled import Template
from .select import TemplateSet

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).resolve().parents[1] / "templates"
MAX_FILE = 256_000  # bytes
MAX_FILES = 2_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a template file. As text: one line with file, key, value and expectation."""

    file: Path
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key + ': ' if self.key else ''}{self.message}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The usable templates of a directory, and what is wrong with the others."""

    templates: tuple[Template, ...] = ()
    faults: tuple[Fault, ...] = ()


@cache
def shipped() -> Loaded:
    """The templates that come with Cerberus, read once per process."""
    return read_directory(SHIPPED, is_shipped=True)


def load(directory: Path | None) -> tuple[TemplateSet, tuple[Fault, ...]]:
    """The shipped templates and those of the operator's `directory`; one of the same name replaces the shipped one.

    The directory is read again only when a file in it has changed. What is wrong in it is logged once and returned;
    it never stops the others.
    """
    return _load(directory, _state(directory) if directory else ())


_known: dict[Path | None, tuple[tuple[object, ...], TemplateSet, tuple[Fault, ...]]] = {}


def _load(directory: Path | None, state: tuple[object, ...]) -> tuple[TemplateSet, tuple[Fault, ...]]:
    known = _known.get(directory)
    if known is None or known[0] != state:
        own = read_directory(directory) if directory else Loaded()
        faults = shipped().faults + own.faults
        for fault in faults:
            log.warning("template left out: %s", fault)
        templates = {one.name: one for one in (*shipped().templates, *own.templates)}
        known = _known[directory] = (state, TemplateSet(templates.values()), faults)
    return known[1], known[2]


def _state(directory: Path) -> tuple[object, ...]:
    """What changes when a template changes; cheap, as it is asked for at each start of work."""
    try:
        return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in _files(directory))
    except OSError as error:  # reading the directory names this fault
        return (str(error),)


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.suffix in (".yml", ".yaml") and path.is_file())


def read_directory(directory: Path, *, is_shipped: bool = False) -> Loaded:
    """Every template in a directory (not below it), in the order of their names."""
    templates: list[Template] = []
    faults: list[Fault] = []
    try:
        files = _files(directory)
    except OSError as error:
        return Loaded((), (Fault(directory, "", f"cannot be read: {error.strerror}; expected a directory"),))
    if len(files) > MAX_FILES:
        faults.append(Fault(directory, "", f"{len(files)} files; expected at most {MAX_FILES}, the rest is left out"))
    for path in files[:MAX_FILES]:
        template, wrong = read_file(path, is_shipped=is_shipped)
        if template is not None and any(template.name == other.name for other in templates):
            wrong = [Fault(path, "name", f"{template.name!r}; expected a name that no other file has")]
            template = None
        faults.extend(wrong)
        if template is not None:
            templates.append(template)
    return Loaded(tuple(templates), tuple(faults))


def read_file(path: Path, *, is_shipped: bool = False) -> tuple[Template | None, list[Fault]]:
    """One template file, or all that is wrong with it."""
    try:
        if path.stat().st_size > MAX_FILE:
            return None, [Fault(path, "", f"{path.stat().st_size} bytes; expected at most {MAX_FILE}")]
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        return None, [Fault(path, "", f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        return None, [Fault(path, "", f"is not UTF-8 (byte {error.start})")]
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: 2025-02-30 is read as a date
        words = " ".join(str(error).split())
        hint = "; a pattern with a backslash needs single quotes" if "escape character" in words else ""
        return None, [Fault(path, "", f"is not YAML: {words}{hint}")]
    if not isinstance(document, dict):
        return None, [Fault(path, "", f"holds a {type(document).__name__}; expected keys and values")]
    document.setdefault("name", path.stem)
    try:
        spec = schema.TemplateFile.model_validate(document)
        if spec.name != path.stem:
            return None, [Fault(path, "name", f"{spec.name!r}; expected the name of the file, {path.stem!r}")]
        return compiled.build(spec, str(path), is_shipped=is_shipped), []
    except ValidationError as error:
        return None, [Fault(path, key, message) for key, message in _describe(error)]
    except ValueError as error:
        return None, [Fault(path, "", str(error))]


class _Loader(yaml.CSafeLoader):
    """YAML's safe types, and no key twice in one mapping: the second would silently hide the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key is a list or has keys itself; expected a word", key_node.start_mark
                )
            key = key_node.value
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_TAGS = ("name", "map", "value", "source", "word")
_PLAIN_TYPES = {
    "tuple_type": "expected a list, or a single value",
    "dict_type": "expected keys and values",
    "model_type": "expected keys and values",
    "model_attributes_type": "expected keys and values",
    "string_type": "expected a text; put it in quotes",
    "bool_type": "expected true or false",
}


def _describe(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Each fault as its key and a sentence: the value and what was expected."""
    faults = error.errors(include_url=False)
    places = [_place(fault["loc"], fault["type"]) for fault in faults]
    for place, fault in zip(places, faults, strict=True):
        if fault["type"] == "too_short" and any(other[: len(place)] == place != other for other in places):
            continue  # the faults of the entries themselves are told
        key = ".".join(place)
        if fault["type"] == "extra_forbidden":
            yield key, "unknown key"
            continue
        if fault["type"] == "missing":
            yield key, "missing; expected a value"
            continue
        message = fault["msg"]
        message = message.removeprefix("Value error, ").replace("Input should be", "expected")
        message = _PLAIN_TYPES.get(fault["type"], message)
        value = repr(fault["input"])
        yield key, f"{value if len(value) <= 100 else value[:97] + '...'}; {message}"


def _place(location: tuple[int | str, ...], kind: str) -> tuple[str, ...]:
    """The keys to a fault as they stand in the file, list entries counted from 1."""
    words: list[str] = []
    for position, part in enumerate(location):
        if isinstance(part, int):
            words.append(str(part + 1))
        elif part == "[key]":
            continue
        elif part in _TAGS and position and location[position - 1] in ("category", "port", "protocol", "from"):
            continue  # the name of an alternative in the schema, no key of the file
        else:
            words.append("from" if part == "from_" else part)
    return tuple(words)
