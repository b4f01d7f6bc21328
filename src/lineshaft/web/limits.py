"""Bounds on a request's body: its size and the time it may take to arrive."""

import asyncio
from typing import Any

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, LineshaftError, RequestTimeout, TooLarge
from lineshaft.web import problems


class BodyLimits:
    """ASGI wrapper: refuses a body over the limit before it is read, and cuts off one that grows past it or dawdles."""

    def __init__(self, app: Any, *, body_bytes: int, body_seconds: float) -> None:
        self._app = app
        self._bytes = body_bytes
        self._seconds = body_seconds

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check_announced(scope)
        except LineshaftError as error:
            await problems.send(error, scope, send)
            return
        body = _Body(receive, self._bytes, self._seconds)
        await self._app(scope, body.receive, send)

    def _check_announced(self, scope: Any) -> None:
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._bytes:
                raise too_large(self._bytes)
            if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
                raise InvalidInput(
                    "web.encoding_unsupported", f"the body is encoded as {value.decode('latin-1')!r}",
                    "Send it without Content-Encoding.", field="content-encoding", value=value.decode("latin-1"),
                )  # fmt: skip


class _Body:
    """One request's body on its way in."""

    def __init__(self, receive: Any, limit: int, seconds: float) -> None:
        self._receive = receive
        self._limit = limit
        self._seconds = seconds
        self._started: float | None = None
        self._size = 0
        self._complete = False

    async def receive(self) -> Any:
        if self._complete:  # from here on a route only waits for the client to leave
            return await self._receive()
        now = clock.monotonic()
        self._started = self._started or now
        try:
            async with asyncio.timeout(self._started + self._seconds - now):
                event = await self._receive()
        except TimeoutError:
            raise RequestTimeout(
                "web.body_too_slow", f"the request body was not complete after {self._seconds:g} s",
                "Send it faster, or in parts.", seconds=self._seconds,
            ) from None  # fmt: skip
        self._size += len(event.get("body", b""))
        self._complete = not event.get("more_body", False)
        if self._size > self._limit:
            raise too_large(self._limit)
        return event


def too_large(limit: int) -> TooLarge:
    """The refusal of a body over `limit` bytes."""
    return TooLarge(
        "web.body_too_large", f"the request body is larger than {limit:,} bytes",
        "Send it in parts; the limit is the setting web.body_bytes.", maximum=limit,
    )  # fmt: skip
