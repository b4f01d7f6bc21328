"""One address of the Modbus proxy: lets clients in, hangs up on the silent and the revoked."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Final

from lineshaft.core import clock, logs
from lineshaft.core.errors import Unavailable
from lineshaft.edge import metrics
from lineshaft.edge.certificates import fingerprint
from lineshaft.edge.driver import Tools
from lineshaft.edge.drivers.modbus.endpoint import Endpoint
from lineshaft.edge.drivers.modbus.options import ModbusOptions
from lineshaft.edge.guard.model import GuardPrincipal
from lineshaft.edge.model import Device
from lineshaft.edge.proxies.modbus.beside import Beside
from lineshaft.edge.proxies.modbus.certificates import principal_of
from lineshaft.edge.proxies.modbus.client import Client, Counts, Judge, Side
from lineshaft.edge.proxies.modbus.document import ModbusListener
from lineshaft.edge.proxies.modbus.points import Places
from lineshaft.edge.proxies.modbus.requests import Requests
from lineshaft.edge.proxies.modbus.upstream import Upstream
from lineshaft.edge.proxies.passed import PassedWrites
from lineshaft.edge.tasks import end

_SWEEP_SECONDS: Final = 1.0
_HANDSHAKE_SECONDS: Final = 10.0
_BACKLOG: Final = 64


class Listener:
    """Runs until closed.

    Args:
        context: TLS; None without.
        beside: points of other devices at the same machine.
    """

    def __init__(
        self, wanted: ModbusListener, device: Device, options: ModbusOptions, endpoint: Endpoint, *, tools: Tools,
        guard: Judge, passed: PassedWrites, context: Callable[[], ssl.SSLContext] | None, beside: Beside,
    ) -> None:  # fmt: skip
        self.wanted, self.device = wanted, device
        self.counts = Counts()
        self._context = context
        self._networks = wanted.networks
        self._is_revoked = tools.certificates.is_revoked
        self._log = logs.get("edge").bind(device=device.name, proxy="modbus")
        self._server: asyncio.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._upstream = Upstream(
            endpoint.host, endpoint.port, in_flight=options.in_flight, timeout=options.timeout_seconds,
            admit=lambda: tools.admission.check(device), dropped=self._dropped, log=self._log,
        )  # fmt: skip
        places = Places(device, options)
        self._side = Side(
            unit=options.unit, places=places, requests=Requests(device.name, places, beside), upstream=self._upstream,
            guard=guard, passed=passed, counts=self.counts, in_flight=wanted.in_flight,
            idle_seconds=wanted.idle_seconds, clients=set(), most_clients=wanted.most_clients, log=self._log,
        )  # fmt: skip

    @property
    def port(self) -> int:
        """The port it listens on; what is wanted while it does not."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server else self.wanted.port

    @property
    def trouble(self) -> str:
        """Why the device cannot be reached."""
        return self._upstream.trouble

    def status(self) -> dict[str, Any]:
        """Figures for people."""
        counts = self.counts
        return {
            "device": self.device.name, "host": self.wanted.host, "port": self.port, "tls": self.wanted.tls is not None,
            "clients": len(self._side.clients), "connected": self._upstream.connected, "reads": counts.reads,
            "passed": counts.passed, "refused": counts.refused, "wrong": counts.wrong, "hung_up": counts.hung_up,
            "turned_away": counts.turned_away,
        }  # fmt: skip

    async def start(self) -> None:
        """Listen.

        Raises:
            Unavailable: the address cannot be listened on. InvalidInput: TLS cannot be set up.
        """
        loop = asyncio.get_running_loop()
        secure = await asyncio.to_thread(self._context) if self._context is not None else None
        more: dict[str, Any] = {"ssl_handshake_timeout": _HANDSHAKE_SECONDS} if secure is not None else {}
        try:
            self._server = await loop.create_server(
                lambda: Client(self._side, self._admit), self.wanted.host, self.wanted.port, ssl=secure,
                backlog=_BACKLOG, **more,
            )  # fmt: skip
        except OSError as error:
            raise Unavailable(
                "edge.modbus_proxy_port",
                f"the Modbus proxy cannot listen on {self.wanted.host} port {self.wanted.port}: {error}",
                "Choose another host or port in the document of the part modbus_proxy.", host=self.wanted.host,
                port=self.wanted.port, reason=str(error),
            ) from error  # fmt: skip
        self._task = asyncio.create_task(self._sweep(), name=f"modbus proxy {self.device.name}")

    async def close(self) -> None:
        """Hang up and stop listening."""
        if self._server is not None:
            self._server.close()
        for client in list(self._side.clients):
            client.hang_up("the proxy stops")
        await end(self._task)
        await self._upstream.close()
        self._server = None

    def _admit(self, transport: asyncio.Transport) -> tuple[GuardPrincipal, Mapping[str, Any]] | None:
        """Who a connection is; None where it is not let in."""
        peer = transport.get_extra_info("peername")
        if peer is None:  # it has hung up already
            return None
        address = str(peer[0])
        reason, principal, origin = "", GuardPrincipal(id=address, kind="device", foreign=True), {"address": address}
        secure = transport.get_extra_info("ssl_object")
        if len(self._side.clients) >= self._side.most_clients:
            reason = f"{self._side.most_clients} clients are there already"
        elif self._networks and not any(ip_address(address) in network for network in self._networks):
            reason = "its address is not among the clients"
        elif secure is not None:
            der = secure.getpeercert(binary_form=True)
            origin["certificate"] = fingerprint(der)
            try:
                principal = principal_of(der, address)
            except ValueError as error:
                reason = str(error)
            if self._is_revoked(der):
                reason = "its certificate was revoked"
        if not reason:
            return principal, origin
        self._log.warning("modbus_proxy_turned_away", reason=reason, **origin)
        return None

    def _dropped(self, reason: str) -> None:
        metrics.DROPPED_FRAMES.labels(self.device.name, reason).inc()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = clock.monotonic()
            for client in list(self._side.clients):
                if client.certificate and self._is_revoked(client.certificate):
                    client.hang_up("its certificate was revoked")
                elif client.is_idle(now):
                    client.hang_up("it was silent")
