"""The gateway part `modbus_proxy`."""

import contextlib
import functools
from collections.abc import Mapping
from typing import Any

from lineshaft.core.health import Check
from lineshaft.edge.drivers.modbus.driver import DRIVER
from lineshaft.edge.drivers.modbus.endpoint import read_endpoint
from lineshaft.edge.model import Device, GatewayConfig
from lineshaft.edge.parts.model import Document, Surroundings
from lineshaft.edge.proxies.modbus.beside import Beside
from lineshaft.edge.proxies.modbus.certificates import server_context
from lineshaft.edge.proxies.modbus.document import ModbusListener, invalid, read_document
from lineshaft.edge.proxies.modbus.listener import Listener
from lineshaft.edge.proxies.modbus.rules import PointRules
from lineshaft.edge.proxies.passed import PassedWrites
from lineshaft.edge.proxies.rules import ForeignRules


class ModbusProxyPart:
    """Runs the listeners; those that a new configuration leaves as they are keep their clients."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here
        self._listeners: list[Listener] = []
        self._passed: PassedWrites | None = None

    async def apply(self, document: Document | None, config: GatewayConfig) -> None:
        """Listen as the document says.

        Raises:
            InvalidInput: a device is not there or not Modbus/TCP, or a file of TLS cannot be read.
            Unavailable: an address is taken.
        """
        found = read_document(document).listeners if document is not None else ()
        devices = {device.name: device for device in config.devices}
        wanted = [(asked, _device(number, asked, devices)) for number, asked in enumerate(found)]
        kept = [listener for listener in self._listeners if (listener.wanted, listener.device) in wanted]
        for listener in self._listeners:
            if listener not in kept:
                await listener.close()
        self._listeners = kept
        there = [(listener.wanted, listener.device) for listener in kept]
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self.close)
            for asked, device in wanted:
                if (asked, device) not in there:
                    await self._open(asked, device)
            undo.pop_all()

    def checks(self) -> list[Check]:
        """Whether the devices behind the listeners can be reached, and what passed can be recorded."""
        checks = [
            Check(name=f"Modbus proxy {listener.device.name}", ok=not listener.trouble, detail=listener.trouble)
            for listener in self._listeners
        ]
        failed = self._passed.failed if self._passed is not None else ""
        if failed:
            checks.append(
                Check(name="Modbus proxy audit", ok=False, detail=failed, hint="Writes stop when too many wait.")
            )
        return checks

    def status(self) -> Mapping[str, Any]:
        """Where it listens, and what came of the requests."""
        return {"listeners": [listener.status() for listener in self._listeners]} if self._listeners else {}

    async def close(self) -> None:
        """Hang up and stop listening."""
        while self._listeners:
            await self._listeners.pop().close()
        if self._passed is not None:
            passed, self._passed = self._passed, None
            await passed.close()

    async def _open(self, wanted: ModbusListener, device: Device) -> None:
        guard = self._here.part("guard")
        if self._passed is None:
            self._passed = PassedWrites(lambda: guard.recorder)
            self._passed.start()
        context = None
        if wanted.tls is not None:
            context = functools.partial(server_context, self._here.context.home, self._here.gateway, wanted.tls)
        rules = ForeignRules(device, self._here.tools.board, self._here.part("commands"), self._here.runner)
        listener = Listener(
            wanted, device, DRIVER.plan(device).options, read_endpoint(device.endpoint), tools=self._here.tools,
            guard=PointRules(device, guard, rules), passed=self._passed, context=context,
            beside=Beside(device, self._here.part("commands").overlaid),
        )  # fmt: skip
        self._listeners.append(listener)
        await listener.start()


def _device(number: int, listener: ModbusListener, devices: Mapping[str, Device]) -> Device:
    where = f"listeners[{number}].device is {listener.device!r}"
    device = devices.get(listener.device)
    if device is None:
        raise invalid(f"{where}: the gateway has no device of this name")
    if device.driver != "modbus" or not device.endpoint.startswith("modbus-tcp://"):
        raise invalid(f"{where}: its driver must be modbus and its endpoint begin with modbus-tcp://")
    return device
