"""uvicorn as a part of a service: it serves sockets bound before, in the service's own loop, until told to stop."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Sequence
from typing import Any

import uvicorn

from lineshaft.core.serving import EmbeddedServer
from lineshaft.web.peers import Peers
from lineshaft.web.protocols import limited_http, live_socket
from lineshaft.web.settings import WebSettings

STOP_SECONDS = 5
"""How long answers under way may still take when the server stops."""
_LARGEST_LIVE_MESSAGE = 1 << 20


class HttpServer:
    """Serves one ASGI application on bound sockets. With `peers`, TLS asks for clients' certificates."""

    def __init__(
        self, app: Any, sockets: Sequence[socket.socket], settings: WebSettings, tls: ssl.SSLContext | None,
        peers: Peers | None = None,
    ) -> None:  # fmt: skip
        # A scanner's nonsense is no news, and what fails inside is logged with its number by the application.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        config = uvicorn.Config(
            app, http=limited_http(settings.head_bytes, settings.head_seconds, peers), ws=live_socket(peers), lifespan="off",
            log_config=None, access_log=False, proxy_headers=False, server_header=False,
            limit_concurrency=settings.connections, timeout_keep_alive=15, timeout_graceful_shutdown=STOP_SECONDS,
            ws_max_size=_LARGEST_LIVE_MESSAGE, ws_per_message_deflate=False, ws_ping_interval=20, ws_ping_timeout=20,
        )  # fmt: skip
        config.load()
        config.ssl = tls
        self._server = EmbeddedServer(config)
        self._sockets = list(sockets)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once connections are accepted."""
        self._task = asyncio.create_task(self._server.serve(self._sockets), name="http-server")
        accepting = asyncio.create_task(self._server.accepting.wait())
        await asyncio.wait([self._task, accepting], return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            accepting.cancel()
            await self._task  # raises why it cannot

    async def stop(self) -> None:
        """Accept nothing more, close live sockets with 1012 (service restart), let answers under way end."""
        if self._task is None:
            return
        self._server.should_exit = True
        await self._task
