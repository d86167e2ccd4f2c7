"""From the YAML file that APP_SETTINGS names to one frozen `Settings`, or one error that lists all that is wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from .schema import Settings

PROJECT_ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "prod", "test", "default")
_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class SettingsError(Exception):
    """The settings cannot be used. The text has one line for each fault: key, value, what was expected."""

    def __init__(self, source: Path, faults: list[str]) -> None:
        self.source = source
        self.faults = faults
        super().__init__(
            f"{source}: {len(faults)} fault(s) in the settings\n" + "\n".join(f"  {fault}" for fault in faults)
        )


@cache
def current() -> Settings:
    """The settings of this process, read once."""
    return load(settings_path(os.environ), environ=os.environ)


def settings_path(environ: Mapping[str, str]) -> Path:
    """APP_SETTINGS; without it `settings.yml` in the project's root, else the sample, which runs as it is."""
    named = environ.get("APP_SETTINGS")
    if named:
        return Path(named).resolve()
    own = PROJECT_ROOT / "settings.yml"
    return own if own.exists() else PROJECT_ROOT / "settings-sample.yml"


def load(path: Path, *, environ: Mapping[str, str]) -> Settings:
    """Read and check a settings file.

    `${NAME}` (or `${NAME:-default}`) in any value is replaced from the environment; a key that ends in `_FILE`
    (`SECRET_KEY_FILE: /run/secrets/key`) takes the value of the key without the ending from that file.

    :raises SettingsError: with every fault found.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(path, ["APP_SETTINGS: no such file; expected the path of a settings file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(path, [f"the file cannot be read: {error}"]) from None
    except yaml.YAMLError as error:
        raise SettingsError(path, [f"the file is not YAML: {' '.join(str(error).split())}"]) from None
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise SettingsError(path, [f"the file holds a {type(document).__name__}; expected keys and values"])

    faults: list[str] = []
    resolved = _resolve(document, "", path.parent, environ, faults)
    app_env = environ.get("APP_ENV", "dev")
    if app_env not in ENVIRONMENTS:
        faults.append(f"APP_ENV: {app_env!r}; expected one of {', '.join(ENVIRONMENTS)}")
        app_env = "dev"
    for reserved in ("APP_ENV", "SOURCE"):
        if reserved in resolved:
            faults.append(f"{reserved}: not a key of the file")
    try:
        settings = Settings.model_validate({**resolved, "APP_ENV": app_env, "SOURCE": path})
    except ValidationError as error:
        faults.extend(_describe(error, resolved))
        raise SettingsError(path, faults) from None
    if faults:
        raise SettingsError(path, faults)
    return settings


def _resolve(node: Any, key: str, base: Path, environ: Mapping[str, str], faults: list[str]) -> Any:
    """Replace environment references and `*_FILE` keys, everywhere in the tree."""
    if isinstance(node, dict):
        result: dict[Any, Any] = {}
        for name, value in node.items():
            inner = f"{key}.{name}" if key else str(name)
            if isinstance(name, str) and name.endswith("_FILE") and isinstance(value, str):
                target = name.removesuffix("_FILE")
                if target in node:
                    faults.append(f"{inner}: both {target} and {name} are set; expected one of them")
                    continue
                try:
                    result[target] = (base / value).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    faults.append(f"{inner}: {value!r} cannot be read ({error}); expected a file that holds the secret")
                continue
            result[name] = _resolve(value, inner, base, environ, faults)
        return result
    if isinstance(node, list):
        return [_resolve(value, f"{key}.{index}", base, environ, faults) for index, value in enumerate(node)]
    if isinstance(node, str):

        def substitute(match: re.Match[str]) -> str:
            value: str | None = environ.get(match["name"], match["default"])
            if value is None:
                faults.append(f"{key}: ${{{match['name']}}} is not set in the environment")
                return ""
            return value

        return _REFERENCE.sub(substitute, node)
    return node


_SECRET = re.compile(r"password|secret|token", re.IGNORECASE)


def _describe(error: ValidationError, document: dict[str, Any]) -> Iterator[str]:
    for fault in error.errors(include_url=False):
        key = ".".join(str(part) for part in fault["loc"])
        own = fault["msg"].removeprefix("Value error, ")
        message = own if own != fault["msg"] else fault["msg"][0].lower() + fault["msg"][1:]
        if fault["type"] == "extra_forbidden":
            yield f"{key}: unknown key"
        elif fault["type"] == "missing":
            yield f"{key}: missing; expected a value"
        else:
            value = "(secret)" if _SECRET.search(key) else repr(fault["input"])[:100]
            yield f"{key}: {value}; {message}"
