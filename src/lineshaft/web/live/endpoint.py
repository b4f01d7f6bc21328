"""The live socket's end in this server: who may open it, what it understands, and its end."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from lineshaft.access import Access
from lineshaft.core import logs
from lineshaft.core.errors import Forbidden, InvalidInput, LineshaftError, NotFound, Unauthenticated
from lineshaft.core.principals import Principal
from lineshaft.web import problems
from lineshaft.web.callers import Caller, Callers
from lineshaft.web.live import messages
from lineshaft.web.live.hub import LiveHub
from lineshaft.web.live.listener import Listener
from lineshaft.web.protocols import LIVE_SOCKET

PATH = "/api/v1/live"
ACTION = "history:read"

FindTags = Callable[[Principal, Sequence[str]], Awaitable[Mapping[str, int]]]
"""Numbers of those paths that are tags of the principal's tenant."""

_log = logs.get("web")


def prover(callers: Callers, access: Access) -> Callable[[Caller], Awaitable[LineshaftError | None]]:
    """The function by which the hub has a caller proved again."""

    async def prove(caller: Caller) -> LineshaftError | None:
        try:
            principal = await callers.prove_again(caller)
            await access.refresh_policies()
            if not access.authorize(principal, ACTION, PATH).allowed:
                await access.require(principal, ACTION, PATH)  # raises, and records the denial
        except (Unauthenticated, Forbidden) as error:
            return error
        except LineshaftError as error:
            # The records do not answer: nothing can have been revoked in them meanwhile.
            _log.debug("live_not_verified", code=error.code)
        return None

    return prove


class LiveEndpoint:
    """ASGI application of the live socket."""

    def __init__(self, callers: Callers, access: Access, find_tags: FindTags, hub: LiveHub, *, tags: int) -> None:
        self.callers = callers
        self._access = access
        self._find_tags = find_tags
        self._hub = hub
        self._maximum = tags

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            caller = await self.callers.identify(scope)
            self.callers.check_socket(scope, caller)
            await self._access.require(caller.principal, ACTION, scope["path"])
            listener = self._hub.listener(scope["extensions"][LIVE_SOCKET])
        except LineshaftError as error:
            await problems.send(error, scope, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        connection = _Connection(self, caller, listener, send)
        self._hub.add(connection)
        try:
            await connection.converse(receive, problems.language_of(scope))
        finally:
            self._hub.remove(connection)

    async def subscribe(
        self, caller: Caller, listener: Listener, paths: Sequence[str]
    ) -> list[tuple[str, LineshaftError]]:
        """Subscribe a listener to those paths that its caller may read; returns the others with the reason.

        Raises:
            InvalidInput: together with what it has they are more than a connection may have.
        """
        if len(listener.tags) + len(paths) > self._maximum:
            raise InvalidInput(
                "web.live_tags_exceeded", f"{len(listener.tags) + len(paths)} tags on one connection, more than {self._maximum}",
                "Subscribe only to what is shown; the limit is the setting web.live_tags.",
                field="subscribe", value=len(paths), maximum=self._maximum,
            )  # fmt: skip
        allowed = [path for path in paths if self._access.authorize(caller.principal, ACTION, path).allowed]
        found = await self._find_tags(caller.principal, allowed)
        listener.subscribe({number: path for path, number in found.items()})
        return [(path, _unknown(path)) for path in paths if path not in found]


def _unknown(path: str) -> NotFound:
    return NotFound(
        "web.live_tag_unknown", f"there is no tag {path[:255]!r}", "GET /api/v1/history/tags lists the tags.",
        field="subscribe", value=path[:255],
    )  # fmt: skip


class _Connection:
    """One accepted socket."""

    def __init__(self, endpoint: LiveEndpoint, caller: Caller, listener: Listener, send: Any) -> None:
        self.listener = listener
        self._endpoint = endpoint
        self.caller = caller
        self._send = send
        self._closed = False

    async def converse(self, receive: Any, language: str) -> None:
        """Answer the client's messages until one side leaves."""
        while (event := await receive())["type"] == "websocket.receive":
            answer = await self._answer(event, language)
            # Through the server's own send, which waits while the client does not read: no answers pile up.
            if not self._closed:
                with contextlib.suppress(OSError):  # the client left meanwhile
                    await self._send({"type": "websocket.send", "text": answer})
        self._closed = True

    async def end(self, error: LineshaftError) -> None:
        """Close the socket and say why by its code."""
        if self._closed:
            return
        self._closed = True
        code = messages.CLOSE_FORBIDDEN if isinstance(error, Forbidden) else messages.CLOSE_UNAUTHENTICATED
        with contextlib.suppress(OSError):  # the client left meanwhile
            await self._send({"type": "websocket.close", "code": code, "reason": error.code})

    async def _answer(self, event: dict[str, Any], language: str) -> str:
        try:
            message = messages.decode(event)
            self.listener.unsubscribe(set(message.unsubscribe))
            refused = await self._endpoint.subscribe(self.caller, self.listener, list(dict.fromkeys(message.subscribe)))
        except LineshaftError as error:
            return messages.error(error, language)
        return messages.subscribed(len(self.listener.tags), refused, language)
