"""The JSON API's port: uvicorn as a part of the node, in its loop, on a socket that several processes may share."""

import asyncio
import logging
import socket
import ssl
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lineshaft.core.serving import EmbeddedServer

_STOP_SECONDS: Final = 3
_CONNECTIONS: Final = 2000
_HEAD_BYTES: Final = 64 * 1024
_HEAD_SECONDS: Final = 10.0
PEER: Final = "lineshaft.peer"
"""Key of the scope under which the client's certificate stands (DER; empty without one)."""


class _Http(HttpToolsProtocol):
    """HTTP/1.1 with a bounded head of a request; the application learns who TLS says the client is."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        self._head_bytes = 0
        self._late: asyncio.TimerHandle | None = None
        self._wait_for_head()
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(True) if tls is not None else None  # noqa: FBT003  # in DER
        if certificate:
            app = self.app

            async def with_peer(scope: Any, receive: Any, send: Any) -> None:
                scope[PEER] = certificate
                await app(scope, receive, send)

            self.app = with_peer

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._late is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES + len(data):
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        if self._late is None:
            self._wait_for_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        self._head_bytes = 0
        self._late = self.loop.call_later(_HEAD_SECONDS, self.transport.close)

    def _head_came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class HttpListener:
    """One port.

    Args:
        app: raw ASGI application.
        tls: to speak HTTPS.
    """

    def __init__(self, app: Any, tls: ssl.SSLContext | None = None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # a scanner's nonsense is no news
        config = uvicorn.Config(
            app, http=_Http, lifespan="off", ws="none", log_config=None, access_log=False, proxy_headers=False,
            server_header=False, limit_concurrency=_CONNECTIONS, timeout_keep_alive=60,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )  # fmt: skip
        config.load()
        config.ssl = tls
        self._server = EmbeddedServer(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port.

        Raises:
            OSError: the address cannot be had.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind((host, port))
        except OSError:
            opened.close()
            raise
        self._task = asyncio.create_task(self._server.serve([opened]), name="resolution http")
        accepting = asyncio.create_task(self._server.accepting.wait())
        await asyncio.wait([self._task, accepting], return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            accepting.cancel()
            await self._task
        return int(opened.getsockname()[1])

    async def stop(self) -> None:
        """Accept nothing more; answers under way may end."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task
            self._task = None


def tls_context(certificate: Path, key: Path, authorities: Path | None = None) -> ssl.SSLContext:
    """TLS 1.2 or later for a server.

    Args:
        certificate: chain in PEM.
        key: in PEM.
        authorities: certificates in PEM that clients' certificates end at, or are; without it none are asked for.

    Raises:
        OSError: a file cannot be read, or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if authorities is not None:
        context.load_verify_locations(authorities)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
