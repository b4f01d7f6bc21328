"""Assembly: routes of every package, the parts they are given, and the layers around them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from lineshaft.access import Access
from lineshaft.core import memory
from lineshaft.core.errors import NotFound
from lineshaft.core.principals import Principal
from lineshaft.records import Idempotency
from lineshaft.web import api, backups, console, gate, openapi, problems, site
from lineshaft.web.callers import Callers
from lineshaft.web.conditional import NotModified
from lineshaft.web.dashboards import api as dashboards
from lineshaft.web.gate import CALLER, Gate
from lineshaft.web.headers import SecurityHeaders
from lineshaft.web.idempotency import IdempotentPosts
from lineshaft.web.limits import BodyLimits
from lineshaft.web.live.endpoint import PATH as LIVE_PATH
from lineshaft.web.metrics import Measured
from lineshaft.web.recorder import Recorder
from lineshaft.web.settings import WebSettings

PACKAGES = ("ledger", "access", "resolution", "history", "edge", "demo")
"""Packages whose `api.ROUTES` are served, where they are installed."""


PARTS = (
    "access", "backups", "browses", "bus", "commands", "dashboards", "database", "device_states", "devices", "egress", "history", "home", "identity", "imports",
    "inquiries", "jobs", "labels", "parts", "profiles", "secret_records", "settings", "sql", "subjects", "tags", "transfers",
    "versions", "watch", "witness",
)  # fmt: skip
"""What a route may ask for by name, beside `principal`, `caller` and `language` of its request."""


def package_routes(packages: Iterable[str] = PACKAGES) -> list[ControllerRouterHandler]:
    """The routes that the packages bring."""
    modules = [f"lineshaft.{package}.api" for package in packages]
    return [route for module in modules if find_spec(module) for route in import_module(module).ROUTES]


def assemble(
    parts: dict[str, Any],
    routes: Sequence[ControllerRouterHandler],
    *,
    callers: Callers,
    access: Access,
    idempotency: Idempotency,
    live: Any,
    settings: WebSettings,
    tls: bool,
) -> Any:
    """The whole ASGI application.

    Args:
        parts: the objects behind the names of `PARTS`.
        routes: of the packages.
        live: ASGI application of the live socket.
        tls: whether it is reached by TLS.

    Raises:
        UndeclaredRoute: a route does not say who may call it.
    """

    def through_the_gate(app: Any) -> Any:
        return Gate(IdempotentPosts(Recorder(app, access), idempotency), callers, access)

    app = routed(parts, routes, [through_the_gate])
    gate.check_declared(app.routes)
    limited = BodyLimits(app, body_bytes=settings.body_bytes, body_seconds=settings.body_seconds)
    answering: Any = NotModified(limited)
    if console.built(console.FOLDER):
        # What a route answers at is never the console's; it moves in where the page of `site` is.
        taken = {route.path.split("/")[1] for route in app.routes} - {""}
        answering = console.Console(answering, console.FOLDER, taken)
    return Front(Measured(SecurityHeaders(answering, tls=tls)), live)


def routed(
    parts: Mapping[str, Any], routes: Sequence[ControllerRouterHandler], middleware: Sequence[Any] = ()
) -> Litestar:
    """The routes of every package and of the server itself, without the layers around them."""
    # Litestar would load these only because it finds them installed; nothing of ours uses them.
    with memory.refusing("pydantic", "pydantic_core", "attr", "attrs"):
        return Litestar(
            route_handlers=[*api.ROUTES, *backups.ROUTES, *dashboards.ROUTES, *site.routes(), description, *routes],
            dependencies={name: Provide(_giver(part), sync_to_thread=False) for name, part in parts.items()}
            | _OF_REQUEST,
            exception_handlers={Exception: problems.handle},
            middleware=[*middleware],
            openapi_config=openapi.config(),
            logging_config=None,
            request_max_body_size=None,  # `limits` bounds it for every route alike
            debug=False,
        )


def _giver(part: Any) -> Callable[[], Any]:
    def give() -> Any:
        return part

    return give


def _principal(request: Request[Any, Any, Any]) -> Principal:
    """Who calls; routes that are public must not ask for it."""
    principal: Principal = request.scope[CALLER].principal  # type: ignore[literal-required]
    return principal


def _caller(request: Request[Any, Any, Any]) -> Any:
    return request.scope[CALLER]  # type: ignore[literal-required]


def _language(request: Request[Any, Any, Any]) -> str:
    return problems.language_of(request.scope)


_OF_REQUEST = {
    "principal": Provide(_principal, sync_to_thread=False),
    "caller": Provide(_caller, sync_to_thread=False),
    "language": Provide(_language, sync_to_thread=False),
}


@get(
    "/api/openapi.json",
    opt={"public": "it describes the interface of open software and holds no data"},
    include_in_schema=False,
)
async def description(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The interface as OpenAPI 3.1."""
    state = request.app.state
    if "openapi" not in state:  # made once, when somebody asks: it costs a second and some memory
        state.openapi = msgspec.json.encode(openapi.describe(request.app))
        memory.release()
    return Response(state.openapi, media_type="application/json")


class Front:
    """Sends each connection where it belongs; nothing else has a WebSocket."""

    def __init__(self, http: Any, live: Any) -> None:
        self._http = http
        self._live = live

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        application = self._http if scope["type"] == "http" else self._live if scope["path"] == LIVE_PATH else _nothing
        try:
            await application(scope, receive, send)
        except OSError:  # the client left; the server knows
            raise
        except Exception as error:  # the boundary of the service: log it, let the server close the connection
            problems.incident(error, scope)
            raise


async def _nothing(scope: Any, _receive: Any, send: Any) -> None:
    """The answer to a WebSocket anywhere else."""
    error = NotFound(
        "web.route_unknown", f"there is nothing at {scope['path']}", "The live socket is /api/v1/live.",
        path=scope["path"],
    )  # fmt: skip
    await problems.send(error, scope, send)
