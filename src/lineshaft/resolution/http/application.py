"""The ASGI application of a node: the common GET answered at once, everything else by its route."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError, TooLarge
from lineshaft.resolution import codes, rest
from lineshaft.resolution.http import pages, rendering
from lineshaft.resolution.http.authorization import Authorization
from lineshaft.resolution.http.batches import Batches
from lineshaft.resolution.http.handles import Handles
from lineshaft.resolution.http.listing import Listing
from lineshaft.resolution.http.load import Load, Resolver
from lineshaft.resolution.http.request import (
    Answer,
    Disconnected,
    Receive,
    Request,
    Scope,
    Send,
    answer,
    decoded,
    path_of,
    read_request,
)
from lineshaft.resolution.http.session_routes import SessionRoutes
from lineshaft.resolution.listeners.budget import Budgets
from lineshaft.resolution.listeners.counts import Counts
from lineshaft.resolution.listeners.limits import Limits
from lineshaft.resolution.node import Node
from lineshaft.resolution.proofs import Proofs
from lineshaft.resolution.refused import Refused

HANDLES: Final = b"/api/handles/"
BATCH: Final = b"/api/v1/resolution/handles:batch"
PROOFS: Final = b"/api/v1/resolution/proofs/"
EXPORT: Final = b"/api/v1/resolution/handles"
STATUS: Final = b"/api/v1/resolution/status"
_AT: Final = len(HANDLES)
_JSON: Final = (b"content-type", b"application/json;charset=utf-8")
_OURS: Final = (b"/api/handles", b"/api/prefixes", b"/api/site", b"/api/sessions", EXPORT, PROOFS, STATUS)


def owns(path: str) -> bool:
    """Whether a path is one of the API's: what a web application that has others, too, hands on to a node."""
    return path.startswith(tuple(one.decode() for one in _OURS))


def make_app(
    node: Node, *, counts: Counts | None = None, limits: Limits = Limits(), proofs: Proofs | None = None,  # noqa: B008
    watchers: Sequence[str] = (), resolver: Resolver | None = None,
) -> "Application":  # fmt: skip
    """The ASGI application of a node.

    Args:
        node: whose records it serves.
        counts: raised with each request.
        limits: on what one source may have.
        proofs: of registrations, where the node makes them.
        watchers: networks that are told its load, beside its own machine.
        resolver: asks other servers, where the node resolves for others.
    """
    counts = counts or Counts()
    return Application(node, counts, limits, proofs, Load(node, counts, watchers, resolver))


class Application:
    """Raw ASGI 3; see `make_app`."""

    def __init__(self, node: Node, counts: Counts, limits: Limits, proofs: Proofs | None, load: Load) -> None:
        self._node = node
        self._load = load
        self._fresh = False
        self._counts = counts
        self._missing = Budgets(limits.missing_per_second, limits.burst)
        self._authorization = Authorization(node)
        self._handles = Handles(node, self._authorization)
        self._listing = Listing(node, self._authorization, proofs)
        self._sessions = SessionRoutes(self._authorization)
        self._batches = Batches(node, self._authorization)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self._counts.http += 1
        if scope["method"] == "GET" and not scope["query_string"]:
            body = self._at_once(scope)
            if body is not None:
                self._counts.answered += 1
                await send({
                    "type": "http.response.start", "status": 200,
                    "headers": [_JSON, (b"content-length", b"%d" % len(body))],
                })  # fmt: skip
                await send({"type": "http.response.body", "body": body})
                return
        await self._long_way(scope, receive, send)

    def _at_once(self, scope: Scope) -> bytes | None:
        """The answer with all public values of a record that is here, where nobody says who asks."""
        path: bytes = scope["raw_path"]
        if not path.startswith(HANDLES) or len(path) == _AT:
            return None
        for name, _ in scope["headers"]:
            if name == b"authorization":
                return None
        node = self._node
        handle = path[_AT:]
        if b"%" in handle:
            handle = decoded(handle)
        if not self._fresh:
            self._renew()
        record = node.store.get(handle.upper())
        if record is None and node.cached is not None:
            record = node.cached(handle.upper())
        return None if record is None else rendering.public_answer(handle, record)

    def _renew(self) -> None:
        """See what other processes wrote, once for all requests of this turn of the loop."""
        self._node.store.renew()
        self._fresh = True
        asyncio.get_running_loop().call_soon(self._outdate)

    def _outdate(self) -> None:
        self._fresh = False

    async def _long_way(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._counts.slow += 1
        try:
            found = await self._answered(scope, receive)
        except Disconnected:
            return
        await _send(found, scope["method"], send)

    async def _answered(self, scope: Scope, receive: Receive) -> Answer:
        handle = _handle_in(path_of(scope))
        try:
            self._node.store.renew()
            request = read_request(scope, receive)
            return await self._route(request)(request)
        except Refused as refused:
            return self._refusal(scope, handle, refused)
        except LineshaftError as error:
            return _about(_code_of(error), handle, error.message, status=error.status if error.status < 500 else None)
        except (Disconnected, ConnectionError):
            raise Disconnected from None
        except Exception:  # noqa: BLE001  # a service boundary: the client learns that, we learn what
            logs.get("resolution").exception("resolution_http_failed", path=scope["path"])
            return _about(codes.RC_ERROR, handle, "The server failed; its log says why.")

    def _refusal(self, scope: Scope, handle: bytes, refused: Refused) -> Answer:
        source = (scope.get("client") or ("",))[0]
        if refused.code == codes.RC_HANDLE_NOT_FOUND:
            self._counts.missing += 1
            if not self._missing.take(source, 1, clock.monotonic()):
                self._counts.over_budget += 1
                return _about(codes.RC_SERVER_BUSY, handle, "Too many questions for handles that are not there.")
        secure = scope.get("scheme") == "https"
        if refused.code == codes.RC_AUTHENTICATION_NEEDED and not secure and not self._proves(scope):
            return _about(refused.code, handle, status=403)
        found = _about(refused.code, handle, refused.message)
        if refused.code in {codes.RC_AUTHENTICATION_NEEDED, codes.RC_AUTHENTICATION_FAILED}:
            found.status = 401
            session = self._authorization.sessions.open(source, clock.monotonic())
            found.headers.append(self._sessions.challenge(session))
        return found

    def _proves(self, scope: Scope) -> bool:
        """Whether somebody may still prove who asks, on a connection without TLS."""
        return scope["method"] in {"GET", "HEAD"}

    def _route(self, request: Request) -> Callable[[Request], Awaitable[Answer]]:  # noqa: PLR0911  # one for each place
        path = request.path
        if path.startswith(HANDLES) and len(path) > _AT:
            return self._handles.answer
        if path in {b"/api/handles", HANDLES}:
            return self._listing.handles
        if path in {b"/api/prefixes", b"/api/prefixes/"}:
            return self._listing.prefixes
        if path in {b"/api/site", b"/api/site/"}:
            return self._listing.site
        if path.startswith(b"/api/sessions"):
            return self._sessions.answer
        if path == BATCH:
            return self._batches.answer
        if path == EXPORT:
            return self._listing.export
        if path.startswith(PROOFS):
            return self._listing.proof
        if path == STATUS:
            return self._load.answer
        return self._nothing if path.startswith(b"/api/") else self._page

    async def _nothing(self, request: Request) -> Answer:
        """Neither a place of the API nor a handle."""
        return _about(
            codes.RC_NOT_SUPPORTED,
            b"",
            f"there is nothing at {decoded(request.path).decode(errors='replace')}",
            status=404,
        )

    async def _page(self, request: Request) -> Answer:
        """The way on from a handle for somebody with a browser."""
        return await pages.answer_page(request, self._handles)


def _handle_in(path: bytes) -> bytes:
    """The handle that a path is about; empty where it is about none."""
    for beginning in (HANDLES, PROOFS):
        if path.startswith(beginning):
            return decoded(path[len(beginning) :])
    return b"" if path.startswith(b"/api/") else decoded(path[1:])


def _about(code: int, handle: bytes, message: str = "", *, status: int | None = None) -> Answer:
    body = rest.about(code, handle, message)
    if not handle:
        del body["handle"]
    return answer(body, status or rest.status_of(code))


def _code_of(error: LineshaftError) -> int:
    if error.code == "resolution.handle_form":
        return codes.RC_INVALID_HANDLE
    if isinstance(error, TooLarge) or error.code.startswith("resolution.http"):
        return codes.RC_PROTOCOL_ERROR
    return codes.RC_INVALID_VALUE if error.status < 500 else codes.RC_ERROR


async def _send(found: Answer, method: str, send: Send) -> None:
    headers = found.headers
    if found.stream is None:
        headers = [*headers, (b"content-length", b"%d" % len(found.body))]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    if found.stream is not None and method != "HEAD":
        async for part in found.stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else found.body})


__all__ = ["Application", "make_app", "owns"]
