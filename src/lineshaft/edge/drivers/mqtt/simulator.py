"""An MQTT device for trial: an oven that publishes JSON and takes a setpoint, with a mosquitto broker of its own.

On port 0 it runs the broker too, which must be installed; a port that is given is where a broker serves already, and
lets everybody in.
"""

import asyncio
import contextlib
import math
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from lineshaft.core import clock
from lineshaft.edge.driver import Simulated
from lineshaft.edge.drivers.mqtt.broker import Broker
from lineshaft.edge.drivers.mqtt.mosquitto import mosquitto
from lineshaft.edge.drivers.mqtt.options import MqttOptions
from lineshaft.edge.model import Device, Point
from lineshaft.edge.secrets import Secrets
from lineshaft.edge.tasks import end

TOPIC: Final = "trial/oven"
_PERIOD_SECONDS: Final = 0.5


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
        oven = Oven(endpoint, Secrets(folder / "secrets"))
        await oven.broker.connect()
        await oven.broker.subscribe([(f"{TOPIC}/set", 1)])
        task = asyncio.create_task(oven.run())
        try:
            yield Simulated(
                endpoint=endpoint, device=_device(endpoint), note="Writing `setpoint` changes `temperature`."
            )
        finally:
            await end(task)
            await oven.broker.close()


class Oven:
    """Its temperature follows the setpoint."""

    def __init__(self, endpoint: str, secrets: Secrets) -> None:
        self.broker = Broker("oven", endpoint, MqttOptions(identity="anonymous"), secrets, self.obey)
        self.temperature, self.setpoint = 20.0, 180.0

    async def run(self) -> None:
        """Publish until cancelled."""
        step = 0
        while True:
            self.temperature += (self.setpoint - self.temperature) * 0.05 + 0.1 * math.sin(step)
            message = {
                "at": clock.now_us() // 1000, "temp": {"value": round(self.temperature, 2), "unit": "Cel"},
                "setpoint": self.setpoint, "door": step % 50 < 5,
            }  # fmt: skip
            await self.broker.publish(TOPIC, msgspec.json.encode(message), qos=1)
            step += 1
            await asyncio.sleep(_PERIOD_SECONDS)

    def obey(self, _topic: str, payload: bytes, _retained: bool) -> None:  # noqa: FBT001  # the broker calls it so
        """Take the one command there is."""
        with contextlib.suppress(msgspec.MsgspecError):
            self.setpoint = msgspec.json.decode(payload, type=float)


def _device(endpoint: str) -> Device:
    points = (
        Point(name="temperature", address=f"{TOPIC}#/temp/value", unit="Cel"),
        Point(name="setpoint", address=f"{TOPIC}#/setpoint", unit="Cel", access="read-write"),
        Point(name="door", address=f"{TOPIC}#/door", kind="boolean"),
    )
    options = {"identity": "anonymous", "time": "/at", "command_topic": "{topic}/set"}
    return Device(
        name="oven",
        path="trial/site/area/line/cell/oven",
        driver="mqtt",
        endpoint=endpoint,
        options=options,
        points=points,
    )
