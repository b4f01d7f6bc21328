"""A Sparkplug edge node for trial: a mixer whose metrics move, with a mosquitto broker of its own.

On port 0 it runs the broker too, which must be installed; a port that is given is where a broker serves already, and
lets everybody in.
"""

import asyncio
import contextlib
import math
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from lineshaft.core import clock
from lineshaft.edge.driver import Simulated
from lineshaft.edge.drivers.mqtt.mosquitto import mosquitto
from lineshaft.edge.drivers.sparkplug.datatypes import BY_NAME
from lineshaft.edge.drivers.sparkplug.edge_node import EdgeNode, NodeMetric, NodeOptions
from lineshaft.edge.model import Device, Point
from lineshaft.edge.secrets import Secrets
from lineshaft.edge.tasks import end

GROUP, NODE, DEVICE = "trial", "line", "mixer"
_PERIOD_SECONDS: Final = 0.5
_METRICS: Final = (
    ("Drive/Speed", "Double", "1/min"), ("Drive/Running", "Boolean", ""), ("Tank/Temperature", "Float", "Cel"),
    ("Tank/Batches", "UInt32", ""), ("Recipe", "String", ""), ("Drive/Setpoint", "Double", "1/min"),
)  # fmt: skip


@contextlib.asynccontextmanager
async def simulate(host: str, port: int) -> AsyncIterator[Simulated]:
    """Serve while the block lasts.

    Raises:
        Unavailable: no mosquitto is installed, or no broker serves at the port.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if port == 0:
            port = await asyncio.to_thread(lambda: stack.enter_context(mosquitto(folder / "broker", host=host)))
        endpoint = f"mqtt://{host}:{port}"
        options = NodeOptions(identity="anonymous", group_id=GROUP, edge_node_id=NODE)
        mixer = Mixer(endpoint, options, folder)
        task = asyncio.create_task(mixer.run())
        try:
            yield Simulated(endpoint=endpoint, device=_device(endpoint), note="Writing `setpoint` changes `speed`.")
        finally:
            await end(task)
            await mixer.node.close()


class Mixer:
    """The machine behind the metrics: its speed follows the setpoint."""

    def __init__(self, endpoint: str, options: NodeOptions, folder: Path) -> None:
        offered = [NodeMetric(name=name, datatype=BY_NAME[kind], unit=unit) for name, kind, unit in _METRICS]
        self.node = EdgeNode(
            endpoint, options, {DEVICE: offered}, secrets=Secrets(folder / "secrets"), state_file=folder / "bdseq",
            on_command=self.obey,
        )  # fmt: skip
        self.setpoint = 60.0
        self.speed = 0.0

    async def run(self) -> None:
        """Move until cancelled."""
        self.node.start()
        step = 0
        while True:
            self.speed += (self.setpoint - self.speed) * 0.2
            self._tell("Drive/Speed", self.speed)
            self._tell("Drive/Running", self.speed > 1)
            self._tell("Tank/Temperature", 60 + 5 * math.sin(step / 20))
            self._tell("Tank/Batches", step // 100)
            if step == 0:
                self._tell("Recipe", "water")
                self._tell("Drive/Setpoint", self.setpoint)
            step += 1
            await asyncio.sleep(_PERIOD_SECONDS)

    def obey(self, _device: str, name: str, value: Any) -> None:
        """Take the one command there is."""
        if name == "Drive/Setpoint":
            self.setpoint = float(value)
            self._tell(name, self.setpoint)

    def _tell(self, name: str, value: Any) -> None:
        self.node.update(DEVICE, name, value, clock.now_us())


def _device(endpoint: str) -> Device:
    kinds = {"Boolean": "boolean", "UInt32": "integer", "String": "text"}
    points = tuple(
        Point(
            name=name.rpartition("/")[2].lower(), address=name, kind=kinds.get(kind, "number"), unit=unit,  # type: ignore[arg-type]
            access="read-write" if name == "Drive/Setpoint" else "read",
        )
        for name, kind, unit in _METRICS
    )  # fmt: skip
    options = {"identity": "anonymous", "group_id": GROUP, "edge_node_id": NODE, "device_id": DEVICE}
    return Device(
        name="mixer", path="trial/site/area/line/cell/mixer", driver="sparkplug", endpoint=endpoint, options=options,
        points=points,
    )  # fmt: skip
