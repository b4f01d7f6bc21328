"""The JSON API's port: uvicorn as a part of the node, in its loop, on a socket that several processes may share.

Connections are taken here and not by uvicorn, so that each has its place among those of its network before it has said a
word, and gives it back however it ends: in the handshake of TLS, too.
"""

import asyncio
import logging
import socket
import ssl
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvicorn

from lineshaft.core.serving import EmbeddedServer
from lineshaft.resolution.listeners.budget import Guard
from lineshaft.resolution.listeners.connections import Entry
from lineshaft.resolution.listeners.http_protocol import HttpProtocol

_STOP_SECONDS: Final = 3
_CONNECTIONS: Final = 2000
_BACKLOG: Final = 1024
_PAUSE_SECONDS: Final = 0.1


class HttpListener:
    """One port.

    Args:
        app: raw ASGI application.
        tls: to speak HTTPS.
        guard: of the server, which counts the connections of all its ports.
    """

    def __init__(self, app: Any, tls: ssl.SSLContext | None = None, guard: Guard | None = None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # a scanner's nonsense is no news
        config = uvicorn.Config(
            app, http=HttpProtocol, lifespan="off", ws="none", log_config=None, access_log=False, proxy_headers=False,
            server_header=False, limit_concurrency=_CONNECTIONS, timeout_keep_alive=60,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )  # fmt: skip
        config.load()
        self._server = _Server(config, tls, guard or Guard())
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port.

        Raises:
            OSError: the address cannot be had.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.setblocking(False)  # noqa: FBT003  # its one argument
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind((host, port))
            opened.listen(_BACKLOG)
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


class _Server(EmbeddedServer):
    """Takes connections itself."""

    def __init__(self, config: uvicorn.Config, tls: ssl.SSLContext | None, guard: Guard) -> None:
        super().__init__(config)
        self._tls = tls
        self._guard = guard
        self._greeting: set[asyncio.Task[None]] = set()
        self._accepts: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        self.servers = []
        self._accepts = [asyncio.create_task(self._accept(one), name="accept http") for one in sockets or ()]
        self.started = True
        self.accepting.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        waiting = [*self._accepts, *self._greeting]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await super().shutdown(sockets)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                opened, address = await loop.sock_accept(listening)
            except OSError:  # given up before it was taken, or no descriptor is left: another one may end
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            entry = self._guard.connections.enter(address[0])
            if entry is None:
                opened.close()
            else:
                task = loop.create_task(self._greet(opened, entry))
                self._greeting.add(task)
                task.add_done_callback(partial(self._greeted, opened, entry))
            await asyncio.sleep(0)  # a flood of connections must not keep others from their turn

    async def _greet(self, opened: socket.socket, entry: Entry) -> None:
        """Make a connection of an accepted socket."""
        limits = self._guard.limits
        made = partial(HttpProtocol, self.config, self.server_state, self.lifespan.state, limits, entry)
        patience = None if self._tls is None else limits.head_seconds
        loop = asyncio.get_running_loop()
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.connect_accepted_socket(made, opened, ssl=self._tls, ssl_handshake_timeout=patience)
        except OSError:  # no handshake: a scanner, or somebody who does not trust us
            entry.leave()

    def _greeted(self, opened: socket.socket, entry: Entry, task: asyncio.Task[None]) -> None:
        self._greeting.discard(task)
        if task.cancelled():  # perhaps before it began
            entry.leave()
            opened.close()


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
