"""Security headers of every answer, and the rule that nothing of the interface is kept in a cache."""

from collections.abc import Iterable
from typing import Any

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Scripts and styles only from our own files: no inline, no eval, no other host."""

PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
"""What no page of ours may use; the console's own page may use the camera, to read codes."""

_ALWAYS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": PERMISSIONS.encode(),
    b"cache-control": b"no-store",
}
_OVER_TLS = {b"strict-transport-security": b"max-age=31536000"}


class SecurityHeaders:
    """ASGI wrapper that adds each header an answer does not carry itself."""

    def __init__(self, app: Any, *, tls: bool) -> None:
        self._app = app
        self._fields = {**_ALWAYS, **(_OVER_TLS if tls else {})}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(event: Any) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = [*event.get("headers", ()), *self.missing(event.get("headers", ()))]
            await send(event)

        await self._app(scope, receive, send_with_headers)

    def missing(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers of ours that `headers` lacks."""
        present = {name.lower() for name, _ in headers}
        return [(name, value) for name, value in self._fields.items() if name not in present]
