"""The service `plant`: the running plant, its servers for three protocols, and its ear on the bus.

OPC UA and Modbus need nothing but this process. The bus carries an operator's commands, the status, and the MQTT that
the plant's edge node uses: while it is away the plant runs on, and its other values are there for every client.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar, Protocol

from lineshaft.bus import Bus, BusSettings, decode_body
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.core.health import Check
from lineshaft.core.service import Context, Service
from lineshaft.demo import installation, origin
from lineshaft.demo.metrics import SCANS, SIMULATED_SECONDS
from lineshaft.demo.model import VERBS, Command, PlantStatus, Scan
from lineshaft.demo.plant import Plant
from lineshaft.demo.settings import DemoSettings
from lineshaft.demo.stations import stations

if TYPE_CHECKING:
    from lineshaft.demo.server import PlantServer

CREDENTIALS_RETRY_SECONDS = 5.0


class Serves(Protocol):
    """One way to the plant's values."""

    async def start(self) -> None: ...

    async def publish(self, scan: Scan) -> None: ...

    async def stop(self) -> None: ...


class PlantService(Service):
    """Runs the demonstration plant."""

    NAME: ClassVar[str] = "plant"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._plant = Plant(context.settings.of(DemoSettings), self._publish)
        self._server: PlantServer | None = None
        self._others: list[Serves] = []
        self._bus: Bus | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listen for clients and begin to run.

        Raises:
            Unavailable: the plant is not installed in this home, or one of its ports is taken.
            NotFound: its password is gone.
        """
        self._server = self._make_server()
        await self._server.start()
        for other in self._make_others():
            await other.start()
            self._others.append(other)
        await self._server.show(self.status())
        self._tasks = [
            asyncio.create_task(self._run(), name="the plant"),
            asyncio.create_task(self._listen(), name="the plant's ear on the bus"),
        ]

    async def stop(self) -> None:
        """Stop the plant where it is; its next run begins at the base case."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._bus is not None:
            await self._bus.close()
        for other in self._others:
            await other.stop()
        if self._server is not None:
            await self._server.stop()

    async def checks(self) -> list[Check]:
        """The plant runs; the bus is reached."""
        status = self.status()
        plant = Check(
            name="plant",
            ok=status.state == "running",
            detail=f"{status.state}: {status.reason}" if status.reason else status.state,
            hint="`lineshaft demo restart` starts a tripped plant anew." if status.state == "tripped" else "",
        )
        bus = self._bus.check() if self._bus else Check(name="bus", ok=False, detail="not connected yet")
        return [plant, bus]

    def status(self) -> PlantStatus:
        """What the plant and its server do now."""
        if self._server is None:
            return self._plant.status()
        return self._plant.status(self._server.url, self._server.sessions)

    async def answer(self, verb: str, caller: str, body: bytes) -> PlantStatus:
        """Carry out one request from the bus.

        Raises:
            InvalidInput: not a command, or one with a value that cannot be.
            Conflict: the plant is in no state for it.
        """
        if verb != "status":
            command = decode_body(body, Command)
            self._carry_out(verb, command)
            self.log.info("command_carried_out", verb=verb, by=command.by, through=caller)
            await self._show()
        return self.status()

    def _make_server(self) -> "PlantServer":
        # Only this process needs the OPC UA library's server half, which takes a while to load.
        from lineshaft.demo.server import PlantServer
        from lineshaft.edge.opcua_server.guarded import NamedUsers

        home = self.context.home
        installed = installation.read(home)
        certificates = installation.plant_certificates(home)
        own = certificates.own()
        secret = installation.secrets_of(home).get(installation.DEVICE)

        def trusted(der: bytes) -> bool:
            if certificates.is_trusted(der):
                return True
            certificates.reject(der)
            self.log.warning("client_refused", reason="its certificate is not trusted")
            return False

        return PlantServer(
            port=installed.port, certificate=own.certificate, key=own.private_key,
            application_uri=own.application_uri, user=NamedUsers({secret.user: secret.password}), trusted=trusted,
            signals=stations(sparkplug=installed.sparkplug)[0].signals, hold=self._plant.hold,
        )  # fmt: skip

    def _make_others(self) -> list[Serves]:
        """What serves the stations that are not behind OPC UA."""
        from lineshaft.demo.modbus_server import ModbusServer

        home = self.context.home
        installed = installation.read(home)
        rest = stations(sparkplug=installed.sparkplug)[1:]
        utilities = next(station for station in rest if station.protocol == "modbus")

        def admit(peer: tuple[str, int]) -> bool:
            return origin.belongs_to(origin.gateway_pid(home), peer[1], server.port)

        server = ModbusServer(utilities, port=installed.modbus_port, hold=self._plant.hold, admit=admit)
        others: list[Serves] = [server]
        if installed.sparkplug:
            from lineshaft.demo.edge_node import PlantNode

            others.append(
                PlantNode(
                    [station for station in rest if station.protocol == "sparkplug"],
                    endpoint=installation.broker_of(installed.mqtt_port),
                    secrets=installation.own_secrets(home),
                    state_file=home.folder("demo") / "sparkplug.bdseq",
                    hold=self._plant.hold,
                )
            )
        return others

    def _carry_out(self, verb: str, command: Command) -> None:
        if verb == "disturb":
            self._plant.disturb(command.disturbances)
        elif verb == "calm":
            self._plant.calm(command.disturbances)
        elif verb == "restart":
            self._plant.restart()
        elif verb == "auto":
            self._plant.automatic(command.valves)
        elif command.speed is None:
            raise InvalidInput(
                "demo.speed_missing", "no speed is given", "1 is real time, 10 is ten times as fast.",
                field="speed", value=None,
            )  # fmt: skip
        else:
            self._plant.set_speed(command.speed)

    async def _publish(self, scan: Scan) -> None:
        if self._server is not None:
            await self._server.publish(scan)
            for other in self._others:
                await other.publish(scan)
            SCANS.inc()
            SIMULATED_SECONDS.set(self._plant.status().simulated_hours * 3600)
            await self._show()

    async def _show(self) -> None:
        if self._server is not None:
            await self._server.show(self.status())

    async def _run(self) -> None:
        try:
            await self._plant.run()
        except LineshaftError as error:
            self.fail(error)
        except Exception as error:  # the boundary of the service: a plant that stands still in silence helps nobody
            self.log.exception("plant_failed")
            self.fail(error)

    async def _listen(self) -> None:
        """Answer on the bus, whenever it comes."""
        settings, said = self.context.settings.of(BusSettings), False
        while self._bus is None:
            try:
                self._bus = await Bus.connect(settings, self.context.home, self.NAME, wait=0)
            except LineshaftError as error:
                if not said:
                    self.log.warning("bus_credentials_awaited", code=error.code, message=error.message)
                said = True
                await asyncio.sleep(CREDENTIALS_RETRY_SECONDS)
        for verb in VERBS:
            await self._bus.serve("demo", verb, self._handler(verb))

    def _handler(self, verb: str) -> Callable[[str, bytes], Awaitable[PlantStatus]]:
        async def handle(caller: str, body: bytes) -> PlantStatus:
            return await self.answer(verb, caller, body)

        return handle
