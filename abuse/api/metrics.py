"""`/metrics`: what Prometheus reads. Outside of /api, with a door of its own."""

from __future__ import annotations

import hmac
import os
import threading
import time
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from apiflask import APIBlueprint, APIFlask, HTTPError
from flask import Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

from abuse.config import current

from .access import caller_address
from .desk_metrics import DeskCollector

blueprint = APIBlueprint("metrics", __name__, enable_openapi=False)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_process = CollectorRegistry()
REQUESTS = Counter(
    "cerberus_http_requests_total", "Requests answered, by what answered them.", ["method", "endpoint", "status"],
    registry=_process,
)  # fmt: skip
SECONDS = Histogram(
    "cerberus_http_request_seconds", "How long answers took.", ["method"], buckets=_BUCKETS, registry=_process
)

_desk = CollectorRegistry()
_desk.register(DeskCollector())
_asking = threading.Lock()
_last: dict[str, tuple[float, bytes]] = {}


def install(app: APIFlask) -> None:
    """Have the application's requests counted."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ and not getattr(install, "is_done", False):
        ProcessCollector(registry=_process)
        install.is_done = True  # type: ignore[attr-defined]
    app.before_request(_begin)
    app.after_request(_count)


@blueprint.get("/metrics")
def show() -> Response:
    """All metrics in Prometheus' text format."""
    settings = current().API.metrics
    if not settings.enabled:
        raise HTTPError(404, "API.metrics.enabled: is false")
    _check_caller()
    text = _desk_text(settings.cache_seconds) + generate_latest(_process_registry())
    return Response(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def _check_caller() -> None:
    """Let in who knows the token or, where there is none, who calls from one of the networks.

    What a proxy passes on has the address of the proxy: without a token such a call is refused where it is seen to be
    one, by its headers or because it asks for another host than this machine.

    :raises HTTPError: 401 or 403 for everybody else.
    """
    settings = current().API.metrics
    if settings.token is not None:
        sent = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(sent, f"Bearer {settings.token.get_secret_value()}".encode()):
            raise HTTPError(401, "Authorization: expected Bearer and the token of API.metrics")
        return
    address = ip_address(caller_address() or "0.0.0.0")  # noqa: S104 - nobody's address
    if not any(address.version == one.version and address in one for one in settings.networks):
        raise HTTPError(403, f"{address} is in none of API.metrics.networks")
    if any(name in request.headers for name in _FORWARDED):
        raise HTTPError(403, "A call that a proxy passed on needs the token of API.metrics")
    if address.is_loopback and not _is_this_machine(request.host):
        raise HTTPError(403, "Host: expected this machine, or the token of API.metrics")


def _is_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _desk_text(cache_seconds: float) -> bytes:
    """Asked of the database once for all who ask at the same time."""
    with _asking:
        at, text = _last.get("desk", (0.0, b""))
        if not text or time.monotonic() - at >= cache_seconds:
            text = generate_latest(_desk)
            _last["desk"] = (time.monotonic(), text)
        return text


def _process_registry() -> CollectorRegistry:
    """The counters of this process; of all of them where they share a directory, as servers that fork need."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return _process
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared


def _begin() -> None:
    g.began = time.monotonic()


def _count(response: Response) -> Response:
    method = request.method if request.method in _METHODS else "other"
    labels: Mapping[str, str] = {
        "method": method,
        "endpoint": request.endpoint or "none",
        "status": str(response.status_code),
    }
    REQUESTS.labels(**labels).inc()
    if "began" in g:
        SECONDS.labels(method=method).observe(time.monotonic() - g.began)
    return response
