"""Stripper and compressor as devices of a Sparkplug B edge node, by the MQTT of the box's own bus.

The node is born with the first scan. A tripped plant's devices are dead; they are born again when it runs. A command
holds the valve by hand; one that cannot be is dropped, as the protocol has no answer for it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lineshaft.core import logs
from lineshaft.core.errors import LineshaftError
from lineshaft.demo.installation import GROUP, NODE, PLANT_NODE
from lineshaft.demo.model import Hold, Scan
from lineshaft.demo.stations import INDEX, Station, is_valve
from lineshaft.edge import Secrets
from lineshaft.edge.drivers.sparkplug.datatypes import BY_NAME
from lineshaft.edge.drivers.sparkplug.edge_node import EdgeNode, NodeMetric, NodeOptions

_KEPT_VALUES: Final = 10_000
_TIMEOUT_SECONDS: Final = 3.0


class PlantNode:
    """Publishes scans as an edge node.

    Args:
        endpoint: the broker.
        secrets: where the node's credentials are.
        hold: puts a valve by hand.
    """

    def __init__(
        self, stations: Sequence[Station], *, endpoint: str, secrets: Secrets, state_file: Path, hold: Hold
    ) -> None:
        self._stations = stations
        self._hold = hold
        self._last: list[float] = []
        self._started = False
        options = NodeOptions(
            group_id=GROUP,
            edge_node_id=NODE,
            secret=PLANT_NODE,
            store_values=_KEPT_VALUES,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
        metrics = {
            station.device: [
                NodeMetric(name=signal.name, datatype=BY_NAME["Double"], unit=signal.unit.symbol)
                for signal in station.signals
            ]
            for station in stations
        }
        self._node = EdgeNode(
            endpoint, options, metrics, secrets=secrets, state_file=state_file, on_command=self._command
        )
        self._log = logs.get("plant")

    async def start(self) -> None:
        """Nothing yet: there is nothing to be born with."""

    async def stop(self) -> None:
        """End the session with a death certificate."""
        if self._started:
            await self._node.close()

    async def publish(self, scan: Scan) -> None:
        """Take one scan; what did not change is not sent again."""
        if scan.values is None:
            self._last = []
            for station in self._stations:
                self._node.leave(station.device)
            return
        for station in self._stations:
            for signal in station.signals:
                index = INDEX[signal.name]
                if not self._last or scan.values[index] != self._last[index]:
                    self._node.update(station.device, signal.name, scan.values[index], scan.source_us)
            self._node.come(station.device)
        self._last = list(scan.values)
        if not self._started:
            self._started = True
            self._node.start()

    def _command(self, device: str, metric: str, value: Any) -> None:
        try:
            if not is_valve(metric):
                self._log.warning("sparkplug_command_refused", device=device, metric=metric, reason="a measurement")
                return
            self._hold(metric, float(value))
        except (LineshaftError, TypeError, ValueError) as error:
            self._log.warning("sparkplug_command_refused", device=device, metric=metric, reason=str(error))
