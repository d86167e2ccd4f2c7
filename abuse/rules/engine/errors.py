"""What can go wrong with rules: in the code that declares variables, in a document, and in a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .run import ActionTrace

MAX_CAUSE = 300
"""Characters of a cause's own text repeated in a message: it may quote a whole hostile mail."""


class RuleDefinitionError(TypeError):
    """A class of variables or actions is declared wrongly. Raised at import or start-up, for the programmer."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a rule document: where (`config.conditions.all[2].operator`) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class DocumentError(ValueError):
    """A rule document is refused. `problems` holds every fault found, in the order of the document."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class FactTypeError(TypeError):
    """A variable returned a value that is not of its declared type."""


class RuleError(RuntimeError):
    """A rule could not be evaluated because one of its variables failed; the failure itself is the `__cause__`."""

    def __init__(self, rule: str, path: str, variable: str, cause: Exception) -> None:
        self.rule = rule
        self.path = path
        self.variable = variable
        self.cause = cause
        super().__init__(f"rule '{rule}': {path}: variable {variable} failed: {describe(cause)}")


class ActionError(RuntimeError):
    """An action of a matched rule failed; the failure itself is the `__cause__`.

    `done` holds the traces of the actions that had already run, in order.
    """

    def __init__(self, rule: str, index: int, action: str, cause: Exception, done: tuple[ActionTrace, ...]) -> None:
        self.rule = rule
        self.index = index
        self.action = action
        self.cause = cause
        self.done = done
        super().__init__(f"rule '{rule}': actions[{index}]: action {action} failed: {describe(cause)}")


def describe(cause: Exception) -> str:
    """Return `TypeName: text` of an exception, the text cut to MAX_CAUSE characters."""
    text = str(cause)
    if len(text) > MAX_CAUSE:
        text = text[:MAX_CAUSE] + "…"
    return f"{type(cause).__name__}: {text}" if text else type(cause).__name__
