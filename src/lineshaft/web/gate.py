"""The gate: no route without a declared action, no call without a decision.

A route declares `opt={"action": "package:verb"}` or `opt={"public": "why"}`. `check_declared` ends the start of the
server where one declares neither, both, or an action that no role knows.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from litestar.handlers import BaseRouteHandler
from litestar.routes import BaseRoute, HTTPRoute

from lineshaft.access import Access
from lineshaft.access.browser import COOKIE
from lineshaft.access.policy import approvals
from lineshaft.access.roles import ACTIONS
from lineshaft.core import trace
from lineshaft.core.errors import LineshaftError, NotFound, Unauthenticated
from lineshaft.core.principals import Principal, Resource
from lineshaft.web import problems
from lineshaft.web.callers import Caller, Callers, header

CALLER = "lineshaft.caller"
"""Key of the ASGI scope under which the caller of a request is kept; None where a public route has none."""

DECISION = "lineshaft.decision"
"""Key of the ASGI scope under which the decision that let a request in is kept; missing for public routes."""

PROJECT = "project"
"""`opt={"project": MAIN_PROJECT}`: the route is about what belongs to that project; others find nothing there."""

OWN = "own"
"""`opt={"tenant": OWN}`: the route answers for the caller's own tenant. The objects of all others are the installation's."""


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


class Sent:
    """What a request sends: read early where an approval is bound to it, and then given to the route all the same."""

    def __init__(self, scope: Any, receive: Any) -> None:
        self._receive = receive
        self._read: list[Any] = []
        self._whole = False
        head = (scope["method"].encode(), scope["path"].encode(), scope["query_string"], b"")
        self._digest = hashlib.sha256(b"\0".join(head))

    async def digest(self) -> str:
        """SHA-256 of method, path, query and body; the route may have taken the body already."""
        while not self._whole:
            self._read.append(await self._next())
        return self._digest.hexdigest()

    async def receive(self) -> Any:
        return self._read.pop(0) if self._read else await self._next()

    async def _next(self) -> Any:
        event = await self._receive()
        if not self._whole:
            self._digest.update(event.get("body", b""))
            self._whole = not event.get("more_body", False)
        return event


class Gate:
    """ASGI middleware around every route: who calls, and may they."""

    def __init__(self, app: Any, callers: Callers, access: Access) -> None:
        self._app = app
        self._callers = callers
        self._access = access

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        trace.begin(header(scope, "traceparent"))
        try:
            sent = Sent(scope, receive)
            caller = scope[CALLER] = await self._admit(scope, sent)
            renewed = None if caller is None else await self._callers.renewed_cookie(scope, caller)
        except LineshaftError as error:
            await problems.send(error, scope, send)
            return
        await self._app(scope, sent.receive, send if renewed is None else _with_cookie(send, renewed))

    async def _admit(self, scope: Any, sent: Sent) -> Caller | None:
        opt = scope["route_handler"].opt
        if "public" in opt:
            self._callers.check_request(scope, None)
            return await self._known(scope)
        caller = await self._callers.identify(scope)
        self._callers.check_request(scope, caller)
        # An undeclared handler has no action; nobody may do "", so it is refused here whatever else went wrong.
        action = opt.get("action", "")
        self._check_tenant(caller.principal, opt, scope["path"])
        project = opt.get(PROJECT, "")
        tenant = caller.principal.tenant if opt.get("tenant") == OWN else ""
        concerned = Resource(id=scope["path"], kind="route", tenant=tenant, project=project)
        approvals.present(header(scope, approvals.HEADER) or "", sent.digest)
        if not caller.principal.sees(project):
            raise _nothing_at(scope["path"])
        scope[DECISION] = await self._access.require(
            caller.principal, action, concerned, {"method": scope["method"]}, sent=sent.digest
        )
        return caller

    def _check_tenant(self, principal: Principal, opt: Mapping[str, Any], path: str) -> None:
        """Another tenant's principal reaches only what keeps objects by tenant; anything else is not there for it."""
        if principal.tenant != self._access.tenant and opt.get("tenant") != OWN:
            raise _nothing_at(path)

    async def _known(self, scope: Any) -> Caller | None:
        """The caller of a public route, where there is one: an ended session must not keep anybody from signing in."""
        try:
            return await self._callers.identify(scope)
        except Unauthenticated:
            return None


def _nothing_at(path: str) -> NotFound:
    return NotFound("web.route_unknown", f"there is nothing at {path}", "/api/docs lists every route.", path=path)


def _with_cookie(send: Any, cookie: str) -> Any:
    """A `send` that gives the browser its new cookie, unless the route itself gives or takes one."""

    async def wrapped(event: Any) -> None:
        if event["type"] == "http.response.start":
            headers = list(event.get("headers", ()))
            mine = COOKIE.encode() + b"="
            if not any(name.lower() == b"set-cookie" and value.startswith(mine) for name, value in headers):
                headers.append((b"set-cookie", cookie.encode()))
            event = {**event, "headers": headers}
        await send(event)

    return wrapped
