"""Metrics: what this server counts of its requests, and the gathering of every service's metrics in one text."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client import Counter, Histogram

from lineshaft.core import clock, health
from lineshaft.core.home import Home

CONTENT_TYPE = "text/plain; version=0.0.4"

REQUESTS = Counter("lineshaft_http_requests_total", "HTTP requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "lineshaft_http_request_seconds", "Time from a request's head to the end of its answer.", ["route"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2.0, 10.0),
)  # fmt: skip
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Measured:
    """ASGI wrapper that counts and times requests by route, never by the path a stranger made up."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = clock.monotonic()
        status = 499  # the client left before an answer began

        async def send_and_note(event: Any) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = event["status"]
            await send(event)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            route = scope.get("path_template") or "unknown"
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            REQUESTS.labels(method, route, str(status)).inc()
            SECONDS.labels(route).observe(clock.monotonic() - started)


def services(home: Home) -> dict[str, Path]:
    """Health socket of every service that runs, or ran and left one, by name."""
    return {path.stem: path for path in sorted(home.socket("any").parent.glob("*.sock"))}


def gather(home: Home) -> bytes:
    """All services' metrics, each sample with its `service` label (blocking: it asks every service)."""
    texts = {name: health.ask(path, "/metrics") for name, path in services(home).items()}
    return merge({name: text.decode() if text is not None else None for name, text in texts.items()}).encode()


def merge(texts: dict[str, str | None]) -> str:
    """One exposition of several, by service; a family's samples stand together, as the format demands.

    `lineshaft_service_up` says which services answered (None: did not).
    """
    comments: dict[str, list[str]] = {"lineshaft_service_up": _UP}
    samples: dict[str, list[str]] = {"lineshaft_service_up": []}
    for service, text in texts.items():
        samples["lineshaft_service_up"].append(f'lineshaft_service_up{{service="{service}"}} {float(text is not None)}')
        family = ""
        for line in (text or "").splitlines():
            if line.startswith(("# HELP ", "# TYPE ")):
                family = line.split(" ", 3)[2]
                known = comments.setdefault(family, [])
                if not any(other.split(" ", 3)[:3] == line.split(" ", 3)[:3] for other in known):
                    known.append(line)
            elif line and not line.startswith("#"):
                samples.setdefault(family, []).append(_labelled(line, service))
    return "\n".join(_lines(comments, samples)) + "\n"


_UP = [
    "# HELP lineshaft_service_up Whether the service answers.",
    "# TYPE lineshaft_service_up gauge",
]


def _lines(comments: dict[str, list[str]], samples: dict[str, list[str]]) -> Iterable[str]:
    for family, lines in samples.items():
        yield from comments.get(family, ())
        yield from lines


def _labelled(sample: str, service: str) -> str:
    name, brace, rest = sample.partition("{")
    if brace:
        labels, _, value = rest.rpartition("}")
        return f'{name}{{service="{service}",{labels}}}{value}' if labels else f'{name}{{service="{service}"}}{value}'
    name, _, value = sample.partition(" ")
    return f'{name}{{service="{service}"}} {value}'
