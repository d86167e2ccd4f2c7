"""How a service is called: through one object per process, behind which the configured class works."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, Self


class ServiceError(Exception):
    """A service could not do what was asked. `permanent`: asking again will not help.

    `wait`: seconds for which the other side said that it is not to be asked again; None when it said nothing.
    """

    wait: float | None = None

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class NotImplementedByConfiguration(ServiceError):
    """The settings name no class for this service."""

    def __init__(self, base: str) -> None:
        super().__init__(f"IMPLEMENTATIONS.{base}: no class is configured for this service", permanent=True)


class ServiceBase:
    """The ancestor of all service contracts. `config` is the service's part of the settings."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        self.config: dict[str, Any] = dict(config or {})

    @classmethod
    def missing_methods(cls) -> list[str]:
        """The methods of the contract that this class does not give."""
        return sorted(getattr(cls, "__abstractmethods__", ()))

    @classmethod
    def create(cls, config: dict[str, Any]) -> Self:
        """Build the service from its `config`; a key that the constructor does not take is an error that names it."""
        parameters = cls._parameters()
        if "config" in parameters:
            return cls(config=config)
        unknown = sorted(set(config) - parameters)
        if unknown:
            expected = ", ".join(sorted(parameters)) or "none"
            raise ServiceError(
                f"config.{unknown[0]}: unknown key of {cls.__qualname__}; expected {expected}", permanent=True
            )
        return cls(**config)

    @classmethod
    def _parameters(cls) -> set[str]:
        """What the constructor takes; one that hands keywords on (`**`) takes those of the class above it, too."""
        names: set[str] = set()
        for one in cls.__mro__:
            if "__init__" not in vars(one):
                continue
            parameters = inspect.signature(vars(one)["__init__"]).parameters.values()
            names |= {parameter.name for parameter in parameters if parameter.kind != parameter.VAR_KEYWORD}
            if not any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters):
                break
        return names - {"self"}


class Facade:
    """The one object that callers import. All names but its own are looked up on the implementation."""

    _facades: ClassVar[dict[str, Facade]] = {}

    def __init__(self, base: type[ServiceBase]) -> None:
        self._base = base
        self._implementation: ServiceBase | None = None
        Facade._facades[base.__name__] = self

    def set_up(self, implementation: ServiceBase | None) -> None:
        """Put an implementation behind the name; None takes it away.

        :raises TypeError: when it does not descend from the contract.
        """
        if implementation is not None and not isinstance(implementation, self._base):
            raise TypeError(f"{type(implementation).__qualname__} does not descend from {self._base.__qualname__}")
        self._implementation = implementation

    def is_implemented(self) -> bool:
        return self._implementation is not None

    def overrides(self, name: str) -> bool:
        """Whether the implementation gives this method itself, instead of having it from the contract."""
        return getattr(type(self._implementation), name, None) is not getattr(self._base, name, None)

    def __getattr__(self, name: str) -> Any:
        if self._implementation is None:
            raise NotImplementedByConfiguration(self._base.__name__)
        return getattr(self._implementation, name)


def facade(base_name: str) -> Facade:
    """The facade of a contract by its name, such as `CRMServiceBase`."""
    return Facade._facades[base_name]
