"""`If-None-Match`: an answer whose ETag the client already has is not sent again (RFC 9110 13.1.2)."""

from typing import Any

from lineshaft.web.callers import header

_OF_304 = (b"etag", b"cache-control", b"vary", b"content-location")


class NotModified:
    """ASGI wrapper that turns a 200 into a 304 where the ETag matches."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        given = header(scope, "if-none-match") if scope.get("method") in ("GET", "HEAD") else None
        if given is None:
            await self._app(scope, receive, send)
            return
        # Weak comparison: a tag counts with and without W/.
        known = {tag.strip().removeprefix("W/") for tag in given.split(",")}
        replaced = False

        async def send_if_modified(event: Any) -> None:
            nonlocal replaced
            if event["type"] == "http.response.start" and event["status"] == 200:
                tag = next((value for name, value in event["headers"] if name.lower() == b"etag"), None)
                if tag is not None and tag.decode("latin-1").removeprefix("W/") in known:
                    replaced = True
                    kept = [(name, value) for name, value in event["headers"] if name.lower() in _OF_304]
                    await send({"type": "http.response.start", "status": 304, "headers": kept})
                    await send({"type": "http.response.body", "body": b""})
            if not replaced:
                await send(event)

        await self._app(scope, receive, send_if_modified)
