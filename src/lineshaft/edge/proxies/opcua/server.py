"""The proxy's server: nodes of one device, their values from the board, sessions that ask the desk."""

import asyncio
import functools
from typing import Any, Final

from asyncua import ua
from asyncua.server.internal_session import InternalSession

from lineshaft import __version__
from lineshaft.core import clock
from lineshaft.core.errors import Unavailable
from lineshaft.edge.board import Board
from lineshaft.edge.certificates import OwnCertificate
from lineshaft.edge.columns import Columns
from lineshaft.edge.model import Device
from lineshaft.edge.opcua_server.guarded import GuardedServer, NamedUsers, Trusted
from lineshaft.edge.opcua_server.server import data_value
from lineshaft.edge.proxies.opcua.mirror import Mirror, folder, variable
from lineshaft.edge.proxies.opcua.session import ProxySession
from lineshaft.edge.proxies.opcua.writes import Desk
from lineshaft.edge.tasks import end

_FLUSH_SECONDS: Final = 0.05


class ProxyServer:
    """Offers the points of one device under the node ids that they have there.

    Args:
        host, port: where it listens; port 0 takes a free one.
        users: admits clients by name and password.
        trusted: admits clients by certificate.
    """

    def __init__(
        self, device: Device, mirror: Mirror, desk: Desk, board: Board, *, host: str, port: int, users: NamedUsers,
        trusted: Trusted,
    ) -> None:  # fmt: skip
        self._device, self._mirror, self._desk, self._board = device, mirror, desk, board
        self._host, self._port = host, port
        self._server = GuardedServer(users, trusted)
        slots = board.slots([f"{device.name}/{device.points[index].name}" for index in mirror.nodes.values()]).tolist()
        self._nodes = dict(zip(slots, mirror.nodes.items(), strict=True))
        """Node and index of the point of every slot."""
        self._changed: set[int] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._forget: Any = lambda: None
        self.listening = False

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port if self.listening else self._port

    @property
    def sessions(self) -> int:
        """Clients signed in."""
        return self._server.sessions if self.listening else 0

    async def start(self, own: OwnCertificate) -> None:
        """Listen.

        Raises:
            Unavailable: the address cannot be listened on.
        """
        server = self._server
        server.name, server.manufacturer_name = f"Lineshaft proxy of {self._device.name}", "Lineshaft"
        server.product_uri = "urn:lineshaft:gateway"
        server.application_type = ua.ApplicationType.Server
        server.set_endpoint(f"opc.tcp://{self._host}:{self._port}")
        await server.init()
        await server.set_application_uri(own.application_uri)
        await server.set_build_info(server.product_uri, "Lineshaft", server.name, __version__, __version__, clock.now())
        await server.load_certificate(own.certificate)
        await server.load_private_key(own.private_key)
        for uri in self._mirror.namespaces:
            await server.register_namespace(uri)
        self._add_nodes()
        server.iserver.create_session = functools.partial(self._session, server.iserver)
        try:
            await server.start()
        except OSError as error:
            raise Unavailable(
                "edge.opcua_proxy_port", f"the OPC UA proxy cannot listen on {self._host} port {self._port}: {error}",
                "Choose another host or port in the document of the part opcua_proxy.",
                host=self._host, port=self._port, reason=str(error),
            ) from error  # fmt: skip
        self.listening = True
        self._forget = self._board.listen(self._take)
        self._task = asyncio.create_task(self._publish(), name="opcua proxy")

    async def stop(self) -> None:
        """Hang up and stop listening."""
        self._forget()
        await end(self._task)
        if self.listening:
            self.listening = False
            await self._server.stop()

    def _session(self, iserver: Any, name: Any, user: Any = None, external: bool = False) -> Any:  # noqa: FBT001, FBT002
        """In place of the library's own way to make sessions."""
        more = {} if user is None else {"user": user}
        given = (iserver, iserver.aspace, iserver.subscription_service, name)
        if not external:
            return InternalSession(*given, **more)
        return ProxySession(self._desk, *given, external=True, **more)

    def _add_nodes(self) -> None:
        points = self._device.points
        items = [folder(self._device)]
        items += [variable(self._device, points[index], node) for node, index in self._mirror.nodes.items()]
        for item, result in zip(items, self._server.iserver.node_mgt_service.add_nodes(items), strict=True):
            assert result.StatusCode.is_good(), (item.BrowseName, result.StatusCode)

    # -- values -----------------------------------------------------------------------------------------------------------

    def _take(self, slots: Any, _columns: Columns) -> None:
        self._changed.update(slots.tolist())
        self._news.set()

    async def _publish(self) -> None:
        """Write what has changed, a moment's changes at once; first of all everything."""
        await self._write(list(self._nodes))
        while True:
            await self._news.wait()
            await asyncio.sleep(_FLUSH_SECONDS)
            self._news.clear()
            changed, self._changed = self._changed, set()
            await self._write([slot for slot in changed if slot in self._nodes])

    async def _write(self, slots: list[int]) -> None:
        write = self._server.iserver.aspace.write_attribute_value
        for slot in slots:
            node, index = self._nodes[slot]
            value = data_value(self._board.sample(slot), self._device.points[index].kind)
            await write(node, ua.AttributeIds.Value, value)
