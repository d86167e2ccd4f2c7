"""Parameters of variables and actions: declared in the decorator, held against the function's signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .errors import RuleDefinitionError
from .fields import FieldType, Option, read_options, value_problems
from .jsonable import Json, bounded

ParameterDeclaration = Mapping[str, FieldType | str] | Sequence[Mapping[str, object]]
"""Either `{name: field type}` or a list of `{name, fieldType[, label][, options][, check]}`."""

Check = Callable[[object], None]
"""Raises ValueError with the reason when a value that is of the field's type makes no sense all the same."""

_DECLARATION_KEYS = {"name", "fieldType", "label", "options", "check"}
_KEYWORD_KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter. `default` is the function's own and has a meaning only when it is not `required`."""

    name: str
    field_type: FieldType
    label: str
    options: tuple[Option, ...]
    required: bool
    default: object
    check: Check | None = None

    def problems(self, value: object) -> Iterator[tuple[str, str]]:
        """Yield every fault of `value`: (place inside it, what was expected). Null is fine where it is the default."""
        if value is None and not self.required and self.default is None:
            return
        faults = list(value_problems(self.field_type, value, self.options))
        yield from faults
        if self.check is not None and not faults:
            try:
                self.check(value)
            except ValueError as error:
                yield "", str(error)

    def to_json(self) -> Json:
        result: dict[str, Json] = {
            "name": self.name,
            "label": self.label,
            "fieldType": self.field_type.value,
            "required": self.required,
        }
        if not self.required:
            result["default"] = bounded(self.default)
        if self.options:
            result["options"] = [option.to_json() for option in self.options]
        return result


def pretty_label(name: str) -> str:
    """Return `customer_since` as `Customer Since`."""
    return " ".join(word.title() for word in name.split("_"))


def read_parameters(function: Callable[..., object], declaration: ParameterDeclaration | None) -> tuple[Parameter, ...]:
    """Return the parameters a decorator declares for `function`, with the defaults of its signature.

    Raises RuleDefinitionError when a declared name is not in the signature, a field type is unknown, or the function
    has an undeclared argument without default: no document could ever give it.
    """
    owner = function.__qualname__
    signature = list(inspect.signature(function).parameters.values())[1:]  # without self
    arguments = {argument.name: argument for argument in signature if argument.kind in _KEYWORD_KINDS}
    parameters: dict[str, Parameter] = {}
    for entry in _declared_entries(owner, declaration):
        parameter = _read_parameter(owner, entry, arguments)
        if parameter.name in parameters:
            raise RuleDefinitionError(f"{owner}: parameter {parameter.name} is declared twice")
        parameters[parameter.name] = parameter
    for argument in signature:
        variadic = argument.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        if argument.name not in parameters and argument.default is inspect.Parameter.empty and not variadic:
            raise RuleDefinitionError(f"{owner}: argument {argument.name} has no default and is not declared in params")
    return tuple(parameters.values())


def _declared_entries(owner: str, declaration: ParameterDeclaration | None) -> list[Mapping[str, object]]:
    if declaration is None:
        return []
    if isinstance(declaration, Mapping):
        return [{"name": name, "fieldType": field_type} for name, field_type in declaration.items()]
    if not all(isinstance(entry, Mapping) for entry in declaration):
        raise RuleDefinitionError(f"{owner}: params is {{name: field type}} or a list of {{name, fieldType, label}}")
    return list(declaration)


def _read_parameter(owner: str, entry: Mapping[str, object], arguments: Mapping[str, inspect.Parameter]) -> Parameter:
    unknown = sorted(set(entry) - _DECLARATION_KEYS)
    if unknown:
        raise RuleDefinitionError(f"{owner}: a parameter has no key {', '.join(unknown)}")
    name = entry.get("name")
    if not isinstance(name, str) or name not in arguments:
        expected = ", ".join(arguments) or "none"
        raise RuleDefinitionError(f"{owner}: parameter {name!r} is not in the signature; it has {expected}")
    label = entry.get("label") or pretty_label(name)
    if not isinstance(label, str):
        raise RuleDefinitionError(f"{owner}: the label of parameter {name} is no text")
    options = entry.get("options")
    if options is not None and not isinstance(options, (list, tuple)):
        raise RuleDefinitionError(f"{owner}: the options of parameter {name} are no list")
    check = entry.get("check")
    if check is not None and not callable(check):
        raise RuleDefinitionError(f"{owner}: the check of parameter {name} is no function")
    required = arguments[name].default is inspect.Parameter.empty
    return Parameter(
        name=name,
        field_type=_read_field_type(owner, name, entry.get("fieldType")),
        label=label,
        options=read_options(f"{owner}: {name}", options),
        required=required,
        default=None if required else arguments[name].default,
        check=check,
    )


def _read_field_type(owner: str, name: str, field_type: object) -> FieldType:
    try:
        return FieldType(str(field_type))
    except ValueError:
        expected = ", ".join(kind.value for kind in FieldType)
        raise RuleDefinitionError(
            f"{owner}: field type {field_type!r} of parameter {name} is unknown; expected one of {expected}"
        ) from None
