"""The one place where settings, Django, services and rules are put together. Which class runs? Look here."""

from __future__ import annotations

import gc
import importlib
import logging
import logging.handlers
import os
import socket
from collections.abc import Mapping
from functools import cache
from typing import Any

import django

from abuse.config import SERVICE_NAMES, Settings, SettingsError, current
from abuse.config.schema import FileLogger, Implementation, Logger, SyslogLogger
from abuse.services.facade import ServiceBase, ServiceError, facade

SERVICE_PACKAGES = {
    "ActionServiceBase": "abuse.services.action",
    "CRMServiceBase": "abuse.services.crm",
    "EmailServiceBase": "abuse.services.email",
    "KPIServiceBase": "abuse.services.kpi",
    "PhishingServiceBase": "abuse.services.phishing",
    "ReputationServiceBase": "abuse.services.reputation",
    "SearchServiceBase": "abuse.services.search",
    "StorageServiceBase": "abuse.services.storage",
}


@cache
def set_up() -> Settings:
    """Make this process ready: settings read, Django set up, every service behind its name.

    Opens no connection and starts no server: that happens when one is first used.

    :raises SettingsError: with every fault, of the file and of the classes it names.
    """
    settings = current()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "abuse.django_settings")
    set_up_logging(settings)
    django.setup()
    faults = [fault for name in SERVICE_NAMES if (fault := set_up_service(settings, name))]
    faults += _unusable_key(settings)
    if faults:
        raise SettingsError(settings.SOURCE, faults)
    all_catalogues = importlib.import_module("abuse.rules.catalogues").all_catalogues  # needs Django to be ready
    all_catalogues()
    gc.freeze()  # what is loaded by now is never garbage: looking through all of it takes as long as ten mails
    return settings


def _unusable_key(settings: Settings) -> list[str]:
    """What is wrong with the key that mails are signed with: it is better to know before the first one is written."""
    signing = importlib.import_module("abuse.services.email.signing")  # needs Django to be ready
    try:
        signing.signer_of(settings)
    except signing.SigningError as error:
        return [str(error)]
    return []


def set_up_service(settings: Settings, base_name: str) -> str | None:
    """Put the configured class behind one service; the fault in words when that is not possible."""
    package = importlib.import_module(SERVICE_PACKAGES[base_name])
    base: type[ServiceBase] = getattr(package, base_name)
    configured = settings.implementation(base_name)
    if configured is None:
        facade(base_name).set_up(None)
        return None
    key = f"IMPLEMENTATIONS.{base_name}"
    try:
        implementation = build_service(base, configured, settings)
    except (ImportError, AttributeError) as error:
        return f"{key}.class: {configured.class_!r} cannot be imported ({error}); expected the dotted path of a class"
    except (ServiceError, TypeError, ValueError, OSError) as error:
        return f"{key}: {error}"
    facade(base_name).set_up(implementation)
    return None


def build_service(base: type[ServiceBase], configured: Implementation, settings: Settings) -> ServiceBase:
    """An instance of a class that the settings, or a command, name.

    :raises ImportError, AttributeError: when there is no such class.
    :raises ServiceError, TypeError, ValueError, OSError: when it is not of that service, or does not take its config.
    """
    module_name, _, class_name = configured.class_.rpartition(".")
    found = getattr(importlib.import_module(module_name), class_name)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise TypeError(f"{configured.class_!r} does not descend from {base.__module__}.{base.__qualname__}")
    missing = found.missing_methods()
    if missing:
        raise TypeError(f"{configured.class_!r} lacks {', '.join(missing)}")
    return found.create(_placed(configured.class_, configured.config, settings))


def _placed(class_path: str, config: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The configuration of a service, with the directory of stored files taken from the data directory."""
    placed = dict(config)
    if class_path == "abuse.services.storage.default.FilesystemStorage":
        placed["directory"] = str(settings.data_directory / placed.get("directory", "storage"))
    inner = placed.get("storage")
    if isinstance(inner, dict) and isinstance(inner.get("class"), str):  # one storage within another
        placed["storage"] = {**inner, "config": _placed(inner["class"], inner.get("config") or {}, settings)}
    return placed


def set_up_logging(settings: Settings) -> None:
    """The handlers that LOGGERS asks for, on the root logger."""
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if getattr(handler, "of_cerberus", False)]:
        root.removeHandler(old)
    if settings.APP_ENV == "test":
        return
    wanted = settings.LOGGERS
    level = logging.WARNING
    for section in (wanted.stdout, wanted.file, wanted.syslog):
        if section is None:
            continue
        handler = _handler(section)
        handler.setLevel(section.level)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
        handler.of_cerberus = True  # type: ignore[attr-defined]
        root.addHandler(handler)
        level = min(level, logging.getLevelNamesMapping()[section.level])
    root.setLevel(level)


def _handler(section: Logger) -> logging.Handler:
    match section:
        case FileLogger():
            return logging.handlers.RotatingFileHandler(
                section.file_name, maxBytes=section.max_bytes, backupCount=section.backups, encoding="utf-8"
            )
        case SyslogLogger():
            address = section.device or (section.host or "127.0.0.1", section.port)
            kind = socket.SOCK_STREAM if section.transport == "TCP" else socket.SOCK_DGRAM
            return logging.handlers.SysLogHandler(address=address, socktype=None if section.device else kind)
        case _:
            # Standard error: what a command prints for people and programs stays alone on standard output.
            return logging.StreamHandler()
