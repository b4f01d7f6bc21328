"""The live socket's end in this server: who may open it, what it understands, and its end."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from lineshaft.access import Access
from lineshaft.core import clock, logs, texts
from lineshaft.core.errors import Forbidden, InvalidInput, LineshaftError, NotFound, Unauthenticated, Unavailable
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

Grading = Callable[[], Awaitable[object]]
"""Something that differs once the grades of tags may have changed."""

REVIEW_SECONDS = 30.0
"""What nothing announces, such as a policy that expires or looks at the time, ends a subscription within this."""

_log = logs.get("web")


async def _ungraded() -> object:
    return None


def _language_of(scope: Mapping[str, Any]) -> str:
    """The language that the address asks for by `language`: a page can give a socket no header of its own choice."""
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("language")
    return texts.preferred(asked[0]) if asked else problems.language_of(scope)


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

    def __init__(
        self, callers: Callers, access: Access, find_tags: FindTags, hub: LiveHub, *, tags: int,
        grading: Grading = _ungraded,
    ) -> None:  # fmt: skip
        self.callers = callers
        self._grading = grading
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
        connection = _Connection(self, caller, listener, send, _language_of(scope))
        self._hub.add(connection)
        try:
            await connection.converse(receive)
        finally:
            self._hub.remove(connection)

    async def subscribe(
        self, principal: Principal, listener: Listener, paths: Sequence[str]
    ) -> list[tuple[str, LineshaftError]]:
        """Subscribe a listener to those paths that the principal may read; returns the others with the reason.

        Raises:
            InvalidInput: together with what it has they are more than a connection may have.
        """
        if len(listener.tags) + len(paths) > self._maximum:
            raise InvalidInput(
                "web.live_tags_exceeded", f"{len(listener.tags) + len(paths)} tags on one connection, more than {self._maximum}",
                "Subscribe only to what is shown; the limit is the setting web.live_tags.",
                field="subscribe", value=len(paths), maximum=self._maximum,
            )  # fmt: skip
        found = await self._allowed(principal, paths)
        listener.subscribe({number: path for path, number in found.items()})
        return [(path, _unknown(path)) for path in paths if path not in found]

    async def state(self, principal: Principal) -> object:
        """What a subscription rests on: while it is the same, so is what the principal may have."""
        await self._access.refresh_policies()
        moment = clock.monotonic() // REVIEW_SECONDS
        return principal, self._access.policies.version, await self._grading(), moment

    async def lost(self, principal: Principal, listener: Listener) -> list[tuple[str, LineshaftError]]:
        """Unsubscribe a listener from what the principal may no longer have; returns that."""
        paths = list(listener.tags.values())
        found = await self._allowed(principal, paths)
        gone = [path for path in paths if path not in found]
        listener.unsubscribe(set(gone))
        return [(path, _unknown(path)) for path in gone]

    async def _allowed(self, principal: Principal, paths: Sequence[str]) -> Mapping[str, int]:
        allowed = [path for path in paths if self._access.authorize(principal, ACTION, path).allowed]
        return await self._find_tags(principal, allowed) if allowed else {}


def _unknown(path: str) -> NotFound:
    return NotFound(
        "web.live_tag_unknown", f"there is no tag {path[:255]!r}", "GET /api/v1/history/tags lists the tags.",
        field="subscribe", value=path[:255],
    )  # fmt: skip


class _Connection:
    """One accepted socket."""

    def __init__(self, endpoint: LiveEndpoint, caller: Caller, listener: Listener, send: Any, language: str) -> None:
        self.listener = listener
        self._endpoint = endpoint
        self.caller = caller
        self._send = send
        self._language = language
        self._closed = False
        self._state: object = None
        self._principal = caller.principal

    async def converse(self, receive: Any) -> None:
        """Answer the client's messages until one side leaves."""
        while (event := await receive())["type"] == "websocket.receive":
            answer = await self._answer(event)
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

    async def review(self) -> None:
        """Give up the tags that the caller may no longer have, and say which."""
        try:
            principal = await self._proved()
            state = await self._endpoint.state(principal)
            if state == self._state or not self.listener.tags:
                return
            lost = await self._endpoint.lost(principal, self.listener)
        except LineshaftError as error:
            # The records do not answer, or the next look at the credential ends the connection.
            _log.debug("live_not_reviewed", code=error.code)
            return
        self._state = state
        if lost:
            self.listener.tell(messages.subscribed(len(self.listener.tags), lost, self._language).encode())

    async def _proved(self) -> Principal:
        """Whose connection it is, as of now: who opened it may have another clearance or other roles by now."""
        with contextlib.suppress(Unavailable):  # nothing can have been changed in records that do not answer
            self._principal = await self._endpoint.callers.prove_again(self.caller)
        return self._principal

    async def _subscribe(self, paths: list[str]) -> list[tuple[str, LineshaftError]]:
        principal, first = await self._proved(), not self.listener.tags
        state = await self._endpoint.state(principal)
        refused = await self._endpoint.subscribe(principal, self.listener, paths)
        if first:  # all that it has was decided under this state: the next review need not decide it once more
            self._state = state
        return refused

    async def _answer(self, event: dict[str, Any]) -> str:
        try:
            message = messages.decode(event)
            self.listener.unsubscribe(set(message.unsubscribe))
            paths = list(dict.fromkeys(message.subscribe))
            refused = await self._subscribe(paths) if paths else []
        except LineshaftError as error:
            return messages.error(error, self._language)
        return messages.subscribed(len(self.listener.tags), refused, self._language)
