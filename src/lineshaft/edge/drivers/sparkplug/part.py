"""The gateway part `sparkplug_node`: the gateway's own tags as an edge node of somebody else's host.

Every device of the gateway that has a chosen point is a Sparkplug device of the same name, its points are metrics. They
can be read only: commands from the host are counted and dropped.
"""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.core.health import Check
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Faults
from lineshaft.edge.drivers.sparkplug.datatypes import BY_NAME
from lineshaft.edge.drivers.sparkplug.edge_node import EdgeNode, NodeMetric, NodeOptions
from lineshaft.edge.model import GatewayConfig
from lineshaft.edge.parts.model import Document, Surroundings
from lineshaft.edge.units import shown

_NAME: Final = "sparkplug_node"
_DATATYPES: Final = {"number": "Double", "integer": "Int64", "boolean": "Boolean", "text": "String"}
_STALE, _BAD = 500, 0


class SparkplugNodeDocument(NodeOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which broker, who we are there, and which points are offered."""

    endpoint: str
    points: tuple[str, ...] = ("*",)
    """Patterns such as `press/*` or `*/temperature` over `device/point`."""

    def offered(self, config: GatewayConfig) -> dict[str, list[NodeMetric]]:
        """The metrics of each device that has any."""
        found = {
            device.name: [
                NodeMetric(
                    name=point.name, datatype=BY_NAME[_DATATYPES[point.kind]], unit=shown(point.unit, point.unit_text)
                )
                for point in device.points
                if any(fnmatchcase(f"{device.name}/{point.name}", pattern) for pattern in self.points)
            ]
            for device in config.devices
        }
        return {device: metrics for device, metrics in found.items() if metrics}


def read_document(document: Document) -> SparkplugNodeDocument:
    """The document in its type.

    Raises:
        InvalidInput: everything that is wrong with it.
    """
    faults = Faults(_NAME)
    try:
        read = msgspec.convert(dict(document), SparkplugNodeDocument)
    except msgspec.ValidationError as error:
        faults.add("document", dict(document), str(error))
        faults.refuse()
        raise
    read.judge(read.endpoint, faults)
    faults.refuse()
    return read


def check(document: Document) -> None:
    """Refuse a document that cannot be.

    Raises:
        InvalidInput: everything that is wrong with it.
    """
    read_document(document)


class SparkplugNodePart:
    """Runs the edge node while there is a document; a change of metrics is a new session with new births."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here
        self._node: EdgeNode | None = None
        self._running: tuple[SparkplugNodeDocument, dict[str, list[NodeMetric]]] | None = None
        self._places: dict[int, tuple[str, str]] = {}
        self._unlisten: Callable[[], None] | None = None
        self._unfit = 0

    async def apply(self, document: Document | None, config: GatewayConfig) -> None:
        """Start, change or stop the node.

        Raises:
            InvalidInput: the document cannot be.
        """
        wanted = None if document is None else read_document(document)
        running = None if wanted is None else (wanted, wanted.offered(config))
        if running == self._running:
            return
        await self.close()
        if running is None:
            return
        read, offered = running
        folder = self._here.context.home.folder("edge")
        try:
            node = EdgeNode(
                read.endpoint,
                read,
                offered,
                secrets=self._here.tools.secrets,
                state_file=folder / "sparkplug_node.bdseq",
                admission=self._here.tools.admission,
            )
        except ValueError as error:
            raise InvalidInput(
                "edge.device_invalid", f"device {_NAME!r} cannot be configured so: {error}",
                "Correct what is named; nothing was changed.", device=_NAME, faults=str(error), count=1,
            ) from error  # fmt: skip
        self._node, self._running = node, running
        self._listen(offered)
        node.start()

    def checks(self) -> list[Check]:
        """Whether there is a session."""
        if self._node is None:
            return []
        return [Check.of("Sparkplug edge node", None if self._node.born else self._node.trouble)]

    def status(self) -> Mapping[str, Any]:
        """Whether there is a session, and what was sent."""
        if self._node is None:
            return {}
        return {"born": self._node.born, "unfit": self._unfit, **self._node.counts}

    async def close(self) -> None:
        """End the session."""
        if self._unlisten is not None:
            self._unlisten()
        node, self._node = self._node, None
        self._unlisten = self._running = None
        if node is not None:
            await node.close()

    def _listen(self, offered: Mapping[str, list[NodeMetric]]) -> None:
        """Take the newest values now, and each newer one."""
        places = [(device, metric.name) for device, metrics in offered.items() for metric in metrics]
        board = self._here.tools.board
        slots = board.slots([f"{device}/{name}" for device, name in places])
        self._places = dict(zip(slots.tolist(), places, strict=True))
        for place, slot in zip(places, slots.tolist(), strict=True):
            sample = board.sample(slot)
            if sample is not None:
                self._give(place, sample.ts, sample.q, sample.value)
        self._unlisten = board.listen(self._take)

    def _take(self, slots: Any, columns: Columns) -> None:
        """Rows that the board took: the slot of each, and the rows."""
        for row, slot in enumerate(slots.tolist()):
            place = self._places.get(slot)
            if place is not None:
                self._give(place, int(columns.ts[row]), int(columns.q[row]), columns.value(row))

    def _give(self, place: tuple[str, str], ts: int, q: int, value: Any) -> None:
        """A good value as it is, an uncertain one as stale, a bad one as null."""
        if self._node is None:
            return
        bad = quality.severity(q) == "bad"
        worth = None if q < quality.UNCERTAIN else _BAD if bad else _STALE
        try:
            self._node.update(*place, None if bad else value, ts, worth)
        except ValueError:
            self._unfit += 1
