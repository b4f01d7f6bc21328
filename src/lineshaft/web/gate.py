"""The gate: no route without a declared action, no call without a decision.

A route declares `opt={"action": "package:verb"}` or `opt={"public": "why"}`. `check_declared` ends the start of the
server where one declares neither, both, or an action that no role knows.
"""

from collections.abc import Iterable
from typing import Any

from litestar.handlers import BaseRouteHandler
from litestar.routes import BaseRoute, HTTPRoute

from lineshaft.access import Access
from lineshaft.access.roles import ACTIONS
from lineshaft.core.errors import LineshaftError, Unauthenticated
from lineshaft.web import problems
from lineshaft.web.callers import Caller, Callers

CALLER = "lineshaft.caller"
"""Key of the ASGI scope under which the caller of a request is kept; None where a public route has none."""


class UndeclaredRoute(Exception):
    """A route that does not say who may call it: a mistake in our code, found before anybody can call it."""


def check_declared(routes: Iterable[BaseRoute]) -> None:
    """Refuse to go on with a route whose declaration is missing or makes no sense.

    Raises:
        UndeclaredRoute: names the route and the handler.
    """
    for route in routes:
        for handler in _handlers(route):
            opt = handler.opt
            reason = opt.get("public")
            if ("action" in opt) == ("public" in opt):
                raise UndeclaredRoute(f"{route.path} ({handler}) declares not exactly one of `action` and `public`")
            if "public" in opt and not (isinstance(reason, str) and reason):
                raise UndeclaredRoute(f"{route.path} ({handler}) is public without a reason")
            if "action" in opt and opt["action"] not in ACTIONS:
                raise UndeclaredRoute(f"{route.path} ({handler}) declares the unknown action {opt['action']!r}")


def _handlers(route: BaseRoute) -> list[BaseRouteHandler]:
    if not isinstance(route, HTTPRoute):
        # WebSockets and raw applications do not pass through the gate, so none may be assembled as a route.
        raise UndeclaredRoute(f"{route.path} is not an HTTP route")
    return [handler for handler in route.route_handlers if not _made_by_litestar(handler)]


def _made_by_litestar(handler: BaseRouteHandler) -> bool:
    """The answer to OPTIONS that Litestar adds to each path; the gate refuses it like any other undeclared one."""
    return getattr(handler, "http_methods", None) == {"OPTIONS"} and not handler.opt


class Gate:
    """ASGI middleware around every route: who calls, and may they."""

    def __init__(self, app: Any, callers: Callers, access: Access) -> None:
        self._app = app
        self._callers = callers
        self._access = access

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            scope[CALLER] = await self._admit(scope)
        except LineshaftError as error:
            await problems.send(error, scope, send)
            return
        await self._app(scope, receive, send)

    async def _admit(self, scope: Any) -> Caller | None:
        opt = scope["route_handler"].opt
        if "public" in opt:
            self._callers.check_request(scope, None)
            return await self._known(scope)
        caller = await self._callers.identify(scope)
        self._callers.check_request(scope, caller)
        # An undeclared handler has no action; nobody may do "", so it is refused here whatever else went wrong.
        await self._access.require(caller.principal, opt.get("action", ""), scope["path"])
        return caller

    async def _known(self, scope: Any) -> Caller | None:
        """The caller of a public route, where there is one: an ended session must not keep anybody from signing in."""
        try:
            return await self._callers.identify(scope)
        except Unauthenticated:
            return None
