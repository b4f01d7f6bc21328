"""The server itself: follows the board, offers value, status, source time and recent history of the points it is given."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from asyncua import ua
from asyncua.server.history import HistoryStorageInterface

from lineshaft import __version__
from lineshaft.core import clock, logs, quality
from lineshaft.core.errors import Unavailable
from lineshaft.edge.board import Board, Sample
from lineshaft.edge.certificates import OwnCertificate
from lineshaft.edge.columns import Columns
from lineshaft.edge.model import Device, Point
from lineshaft.edge.opcua_server import address_space
from lineshaft.edge.opcua_server.guarded import GuardedServer, NamedUsers, Trusted
from lineshaft.edge.opcua_server.recent import Recent
from lineshaft.edge.tasks import end

_FLUSH_SECONDS: Final = 0.05
_WAITING: Final = 0x80320000
"""BadWaitingForInitialData."""
_FIRST_US: Final = -(2**62)
_LAST_US: Final = 2**62
_PAGE: Final = 10_000


class TagServer:
    """Offers points to OPC UA clients, read-only: what shall be written goes through commands.

    Args:
        host, port: where it listens; port 0 takes a free one.
        users: admits clients by name and password.
        trusted: admits clients by certificate.
        samples: how many recent samples of all points together history reads can go back to.
    """

    def __init__(
        self, board: Board, *, host: str, port: int, users: NamedUsers, trusted: Trusted, samples: int
    ) -> None:
        self._board = board
        self._host, self._port = host, port
        self._server = GuardedServer(users, trusted)
        self._recent = Recent(samples)
        self._points: dict[int, tuple[str, Point]] = {}
        """Path and point of every slot that is offered."""
        self._nodes: dict[str, int] = {}
        """Slot of every variable's path."""
        self._made: dict[str, _Node] = {}
        """What every path stands for."""
        self._changed: set[int] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._forget: Any = lambda: None
        self.listening = False
        self.trouble = ""
        """Why newer values could not be shown."""

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
        server.name, server.manufacturer_name = "Lineshaft gateway", "Lineshaft"
        server.product_uri = "urn:lineshaft:gateway"
        server.application_type = ua.ApplicationType.Server
        server.set_endpoint(f"opc.tcp://{self._host}:{self._port}")
        await server.init()
        await server.set_application_uri(own.application_uri)
        await server.set_build_info(server.product_uri, "Lineshaft", server.name, __version__, __version__, clock.now())
        await server.load_certificate(own.certificate)
        await server.load_private_key(own.private_key)
        index = await server.register_namespace(address_space.NAMESPACE)
        assert index == address_space.NAMESPACE_INDEX
        server.iserver.history_manager.set_storage(_Storage(self._recent, self._nodes, self._points))
        try:
            await server.start()
        except OSError as error:
            raise Unavailable(
                "edge.opcua_server_port", f"the OPC UA server cannot listen on {self._host} port {self._port}: {error}",
                "Choose another host or port in the document of the part opcua_server.",
                host=self._host, port=self._port, reason=str(error),
            ) from error  # fmt: skip
        self.listening = True
        self._forget = self._board.listen(self._take)
        self._task = asyncio.create_task(self._publish(), name="opcua server")

    async def stop(self) -> None:
        """Hang up and stop listening."""
        self._forget()
        await end(self._task)
        if self.listening:
            self.listening = False
            await self._server.stop()

    async def offer(self, points: Iterable[tuple[Device, Point]]) -> None:
        """Offer these points from now on; nodes of points that stay as they are are not touched."""
        wanted: dict[str, _Node] = {}
        for device, point in points:
            for path in address_space.folders(device):
                wanted.setdefault(path, _Node())
            wanted[device.path] = _Node(description=device.description)
            wanted[f"{device.path}/{point.name}"] = _Node(device=device, point=point)
        changed = [path for path, made in self._made.items() if path not in wanted or not made.is_as(wanted[path])]
        # With a level goes what hangs on it; what is still wanted is made anew.
        gone = {path for path in self._made for above in changed if path == above or path.startswith(f"{above}/")}
        self._remove(sorted(gone, key=len, reverse=True))
        for path in sorted(wanted.keys() - self._made.keys(), key=lambda path: (path.count("/"), path)):
            self._add(path, wanted[path])
        await self._write(list(self._points))

    # -- nodes ------------------------------------------------------------------------------------------------------------

    def _add(self, path: str, node: "_Node") -> None:
        if node.device is None or node.point is None:
            items = [address_space.folder(path, node.description)]
        else:
            items = address_space.variable(node.device, node.point)
            (slot,) = self._board.slots([f"{node.device.name}/{node.point.name}"]).tolist()
            self._points[slot], self._nodes[path] = (path, node.point), slot
        for item, result in zip(items, self._server.iserver.node_mgt_service.add_nodes(items), strict=True):
            assert result.StatusCode.is_good(), (item.BrowseName, result.StatusCode)
        self._made[path] = node

    def _remove(self, paths: list[str]) -> None:
        asked = ua.DeleteNodesParameters()
        for path in paths:
            slot = self._nodes.pop(path, None)
            if slot is not None:
                del self._points[slot]
            del self._made[path]
            asked.NodesToDelete += [_deletion(path), *[_deletion(name) for name in address_space.properties(path)]]
        self._server.iserver.node_mgt_service.delete_nodes(asked)

    # -- values -----------------------------------------------------------------------------------------------------------

    def _take(self, slots: Any, columns: Columns) -> None:
        self._recent.take(slots, columns)
        self._changed.update(slots.tolist())
        self._news.set()

    async def _publish(self) -> None:
        """Write what has changed, a moment's changes at once."""
        while True:
            await self._news.wait()
            await asyncio.sleep(_FLUSH_SECONDS)
            self._news.clear()
            changed, self._changed = self._changed, set()
            try:
                await self._write(list(changed))
            except Exception as error:  # noqa: BLE001  # one value that cannot be shown must not freeze all others
                self.trouble = repr(error)
                logs.get("edge").exception("edge_opcua_server_failed")
            else:
                self.trouble = ""

    async def _write(self, slots: list[int]) -> None:
        # The address space itself, past the library's services: they copy and check what is made here.
        write = self._server.iserver.aspace.write_attribute_value
        for slot in slots:
            if slot not in self._points:  # removed while others were written
                continue
            path, point = self._points[slot]
            value = data_value(self._board.sample(slot), point.kind)
            await write(address_space.node_id(path), ua.AttributeIds.Value, value)


class _Node(msgspec.Struct, frozen=True, kw_only=True):
    """What a path stands for: a level of the tree, or a point of a device."""

    description: str = ""
    device: Device | None = None
    point: Point | None = None

    def is_as(self, other: "_Node") -> bool:
        """Whether a node made for the one serves the other."""
        names = [node.device.name if node.device else "" for node in (self, other)]
        return names[0] == names[1] and self.point == other.point and self.description == other.description


def _deletion(path: str) -> Any:
    item = ua.DeleteNodesItem()
    item.NodeId, item.DeleteTargetReferences = address_space.node_id(path), True
    return item


class _Storage(HistoryStorageInterface):
    """History reads (OPC 10000-11, 6.5.3, raw) out of the ring; continuation points are times."""

    def __init__(self, recent: Recent, nodes: dict[str, int], points: dict[int, tuple[str, Point]]) -> None:
        super().__init__(_PAGE)
        self._recent = recent
        self._nodes = nodes
        self._points = points

    async def init(self) -> None:
        """Nothing to prepare."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def read_node_history(
        self, node_id: Any, start: datetime | None, end: datetime | None, nb_values: int
    ) -> tuple[list[Any], datetime | None]:
        """Raw values between two times; from a start without an end forwards, from an end without a start backwards."""
        slot = self._nodes.get(node_id.Identifier)
        if slot is None:
            raise ua.UaStatusCodeError(ua.StatusCodes.BadHistoryOperationUnsupported)
        epoch = ua.get_win_epoch()
        from_us = None if start is None or start == epoch else clock.to_us(start)
        to_us = None if end is None or end == epoch else clock.to_us(end)
        backwards = from_us is None or (to_us is not None and from_us > to_us)
        first, last = (to_us, from_us) if from_us is not None and backwards else (from_us, to_us)
        page = min(nb_values or _PAGE, _PAGE)
        # One more than the page tells whether, and from which time, there is more.
        found = self._recent.read(
            slot, _FIRST_US if first is None else first, _LAST_US if last is None else last, page + 1,
            newest_first=backwards,
        )  # fmt: skip
        more = clock.to_datetime(found[page].ts) if len(found) > page and page != nb_values else None
        _, point = self._points[slot]
        return [data_value(sample, point.kind) for sample in found[:page]], more


def data_value(sample: Sample | None, kind: str) -> Any:
    """A sample as the library has it; without one it waits for its first."""
    now = clock.now()
    if sample is None:
        return ua.DataValue(ua.Variant(), ua.StatusCode(_WAITING), now, now)
    value = ua.Variant() if sample.q >= quality.BAD else address_space.variant(sample.value, kind)
    source, server = clock.to_datetime(sample.ts), clock.to_datetime(sample.arrival)
    return ua.DataValue(value, ua.StatusCode(sample.q), source, server)
