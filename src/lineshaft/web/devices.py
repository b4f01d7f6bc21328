"""The device listener: HTTPS with client certificates, for EST, gateways and programs that prove themselves with one."""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lineshaft.access import Access, Act
from lineshaft.access.est.endpoint import PEER, ROOT
from lineshaft.access.est.makers import Makers
from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError, Unauthenticated
from lineshaft.web import problems
from lineshaft.web.callers import certificate_required
from lineshaft.web.mutual import MutualTls
from lineshaft.web.peers import Peers
from lineshaft.web.server import HttpServer
from lineshaft.web.settings import WebSettings

_LOOK_SECONDS: Final = 1.0
"""How often the connected certificates are proved again, and the files looked at."""
_NOTE_SECONDS: Final = 10.0
"""Handshakes refused for one reason are recorded this often, with their number."""
_FOR_STRANGERS: Final = frozenset(
    ("GET", path) for path in ("/healthz", "/readyz", "/api/v1/access/ca.pem", "/api/v1/access/crl")
)
_log = logs.get("web")


class DeviceFront:
    """EST before everything else; then nobody without a certificate: people sign in elsewhere, and are not guessed at here.

    Who is not let in is hung up on, so that the next try begins with a handshake.
    """

    def __init__(self, app: Any, est: Any) -> None:
        self._app = app
        self._est = est

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(ROOT):
            await self._est(scope, receive, send)
            return

        async def send_and_part(event: Any) -> None:
            if event["type"] == "http.response.start" and event["status"] == 401:
                event["headers"] = [*event.get("headers", ()), (b"connection", b"close")]
            await send(event)

        if scope["type"] == "http" and not scope.get(PEER) and (scope["method"], scope["path"]) not in _FOR_STRANGERS:
            await problems.send(certificate_required(), scope, send_and_part)
            return
        await self._app(scope, receive, send_and_part)


class DeviceListener:
    """Serves `app` and EST on bound sockets, and keeps revoked certificates out.

    Args:
        certificate, key: the server's, PEM.
        authority: PEM file of our own authority.
        makers: PEM file of the makers' authorities; empty where none is believed.
    """

    def __init__(
        self, app: Any, sockets: Sequence[socket.socket], settings: WebSettings, access: Access,
        *, certificate: Path, key: Path, authority: Path, makers: str = "",
    ) -> None:  # fmt: skip
        self._access = access
        self._makers = Makers(makers)
        files = [authority, *([Path(makers)] if makers else [])]
        self._tls = MutualTls(certificate, key, files, self._note_refused)
        self._peers = Peers()
        self._server = HttpServer(app, sockets, settings, self._tls.context, self._peers)
        self._refusals: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Return once connections are accepted."""
        await self._server.start()
        self._tasks = [asyncio.create_task(work) for work in (self._watch(), self._record())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.stop()

    async def _watch(self) -> None:
        """Take renewed files, and end the connections whose certificate is no longer in force."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                if seen := await asyncio.to_thread(self._tls.changed):
                    self._tls.take(seen)
                    _log.info("device_tls_renewed")
            except LineshaftError as error:
                _log.warning("device_tls_not_renewed", code=error.code, message=error.message)
            for certificate in self._peers.certificates():
                if self._makers.serial_of(certificate) is None:
                    await self._prove_again(certificate)

    async def _prove_again(self, certificate: bytes) -> None:
        try:
            await self._access.principal_of_certificate(certificate)
        except Unauthenticated:
            _log.info("device_hung_up", connections=self._peers.hang_up(certificate))
        except LineshaftError as error:  # the records do not answer: nothing can have been revoked meanwhile
            _log.debug("device_not_verified", code=error.code)

    def _note_refused(self, reason: str) -> None:
        self._refusals[reason] = self._refusals.get(reason, 0) + 1

    async def _record(self) -> None:
        """Write the refused handshakes to the audit trail: by reason, the first at once, a flood as a number."""
        noted: dict[str, float] = {}
        while True:
            await asyncio.sleep(0.5)
            for reason in [*self._refusals]:
                if clock.monotonic() - noted.get(reason, -_NOTE_SECONDS) < _NOTE_SECONDS:
                    continue
                noted[reason] = clock.monotonic()
                facts = {"reason": reason, "count": self._refusals.pop(reason)}
                act = Act(principal="", action="access:handshake", resource="*", outcome="refused", facts=facts)
                with contextlib.suppress(LineshaftError):  # records that do not answer take no strangers' entries
                    await self._access.note(act)
