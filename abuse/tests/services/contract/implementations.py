"""Every class of a service that comes with Cerberus, and how each is set up to be checked."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from abuse.bootstrap import SERVICE_PACKAGES
from abuse.services.contract import CHECKS, Check, Subject, fault_of
from abuse.services.facade import ServiceBase
from abuse.services.storage.sealing import new_key
from abuse.tests.services.crm.servers import json_server
from abuse.tests.services.crm.worlds import Netbox, Rdap, Whmcs, http_crm
from abuse.tests.services.phishing.lab import name_server, page, web_server
from abuse.tests.services.phishing.scanners import Urlscan
from abuse.tests.services.reputation.sources import reputation_sources
from abuse.tests.services.search.open_search import Index
from abuse.tests.services.storage import s3_server

SECRET = "a secret that both sides know"
_PROGRAMS = {
    name: ["/bin/echo", "{key}"]
    for name in ("VPS/*", "contract/*", "service.close", "customer.close_services", "customer.close")
}


def shipped(base_name: str) -> list[type[ServiceBase]]:
    """The classes of a service that can be named in the settings."""
    package = importlib.import_module(SERVICE_PACKAGES[base_name])
    base: type[ServiceBase] = getattr(package, base_name)
    found: list[type[ServiceBase]] = []
    for entry in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{entry.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__:
                found += [] if value.missing_methods() else [value]
    return sorted(found, key=lambda one: one.__qualname__)


def cases(base_name: str, *others: type[ServiceBase]) -> list[tuple[type[ServiceBase], Check]]:
    """Each class, the others too, with each check of its contract."""
    return [(found, check) for found in (*shipped(base_name), *others) for check in CHECKS[base_name]]


def name_of(case: object) -> str:
    """How a test is called: by the class, and by what the contract says."""
    return case.__qualname__ if isinstance(case, type) else str(getattr(case, "says", case))


@contextlib.contextmanager
def set_up(found: type[ServiceBase], directory: Path) -> Iterator[ServiceBase]:
    """An instance of a class, with whatever it needs behind it."""
    with contextlib.ExitStack() as stack:
        yield found.create(config_of(found.__qualname__, stack, directory))


def config_of(name: str, stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    """The config of a class, with what it needs running until the stack is closed."""
    make = _SPECIAL.get(name)
    return make(stack, directory) if make else {}


def _storage(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    return {"directory": str(directory / "objects")}


def _s3(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    return s3_server.config()


def _opensearch(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    return {"url": stack.enter_context(json_server(Index())).url(), "plaintext": True}


def _encrypted(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    files = {"class": "abuse.services.storage.default.FilesystemStorage", "config": _storage(stack, directory)}
    return {"storage": files, "keys": [{"key": new_key()}, {"key": new_key()}]}


def _encrypted_in_s3(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    bucket = {"class": "abuse.services.storage.s3.S3Storage", "config": s3_server.config()}
    return {"storage": bucket, "keys": [{"key": new_key()}]}


def _phishing(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    names = stack.enter_context(name_server({}))
    blocking = stack.enter_context(web_server({"/block": page("{}")}))
    return {
        "nameservers": [f"127.0.0.1:{names.port}"],
        "pause_seconds": 0,
        "total_seconds": 2,
        "blocking": {"url": blocking.url("/block"), "secret": SECRET, "plaintext": True},
    }


def _urlscan(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    server = stack.enter_context(json_server(Urlscan()))
    scanner = {"key": SECRET.replace(" ", "-"), "url": server.url(), "plaintext": True, "seconds": 1}
    return {**_phishing(stack, directory), "scanner": scanner}


def _sendmail(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    return {"program": "/bin/true", "arguments": []}


def _statsd(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    listener = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    listener.bind(("127.0.0.1", 0))
    return {"host": "127.0.0.1", "port": listener.getsockname()[1], "tags": True}


def _webhook(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    orders: list[str] = []

    def take(client: socket.socket) -> None:
        (key,) = (line for line in server.heads[-1].split("\r\n") if line.startswith("Idempotency-Key: "))
        if key not in orders:
            orders.append(key)
        client.sendall(page(f'{{"todo_id": "order-{orders.index(key)}", "status": "ok"}}'))

    server = stack.enter_context(web_server({"/orders": take}))
    return {"url": server.url("/orders"), "secret": SECRET, "plaintext": True}


def _reputation(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    names = stack.enter_context(name_server({}))
    lists = {kind: [{"zone": f"{kind}.list.example"}] for kind in ("ip_lists", "other_lists", "domain_lists")}
    return {**lists, "nameservers": [f"127.0.0.1:{names.port}"], "rate": 1000}


def _external_reputation(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    server = stack.enter_context(json_server(reputation_sources))
    common = {"key": SECRET.replace(" ", "-"), "url": server.url(), "plaintext": True}
    return {**_reputation(stack, directory), "abuseipdb": common, "safe_browsing": common}


def _commands(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    return {"programs": _PROGRAMS}


def _http_crm(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    server = stack.enter_context(json_server(http_crm))
    return {"url": server.url(), "token": SECRET, "plaintext": True}


def _whmcs(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    server = stack.enter_context(json_server(Whmcs()))
    return {"url": server.url(), **Whmcs.CREDENTIALS, "plaintext": True, "file": str(directory / "products.json")}


def _netbox(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    server = stack.enter_context(json_server(Netbox(page=1000)))
    networks = ["203.0.113.0/24", "192.0.2.0/24"]
    return {"url": server.url(), "token": Netbox.TOKEN, "plaintext": True, "networks": networks}


def _rdap(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    server = stack.enter_context(json_server(Rdap()))
    networks = ["203.0.113.0/24", "192.0.2.0/24"]
    return {"base_url": server.url("/rdap"), "plaintext": True, "networks": networks, "ours": ["ORG-OURS"]}


def _chain(stack: contextlib.ExitStack, directory: Path) -> dict[str, Any]:
    package = "abuse.services.crm"
    other = {"class": f"{package}.http.HttpCRM", "config": _http_crm(stack, directory)}
    return {"links": [{"class": f"{package}.default.DirectoryCRM"}, other]}


_SPECIAL: dict[str, Callable[[contextlib.ExitStack, Path], dict[str, Any]]] = {
    "FilesystemStorage": _storage,
    "S3Storage": _s3,
    "OpenSearchSearch": _opensearch,
    "EncryptedStorage": _encrypted,
    "EncryptedInS3": _encrypted_in_s3,
    "HttpPhishingService": _phishing,
    "UrlscanPhishingService": _urlscan,
    "SendmailEmailService": _sendmail,
    "StatsdKPI": _statsd,
    "WebhookActionService": _webhook,
    "CommandActionService": _commands,
    "DnsblReputation": _reputation,
    "ExternalReputation": _external_reputation,
    "RepeatableCommandActionService": _commands,
    "HttpCRM": _http_crm,
    "NetboxCRM": _netbox,
    "RdapCRM": _rdap,
    "WhmcsCRM": _whmcs,
    "ChainCRM": _chain,
}


def hold_to_contract(found: type[ServiceBase], check: Check, directory: Path, known: str | None = None) -> None:
    """Run one check against one class."""
    with set_up(found, directory) as service:
        assert fault_of(Subject(service, known), check) is None


def broken_by(base_name: str, service: ServiceBase, known: str | None = None) -> Sequence[str]:
    """What the contract finds wrong with a class."""
    subject = Subject(service, known)
    return [f"{check.says}: {fault}" for check in CHECKS[base_name] if (fault := fault_of(subject, check)) is not None]
