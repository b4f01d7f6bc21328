"""Keeps one device connected and its values coming: opens it, subscribes, polls, and begins again after every loss."""

import asyncio
import contextlib
from typing import Any, Literal

import msgspec

from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError, Unavailable
from lineshaft.edge import metrics
from lineshaft.edge.driver import Block, Plan, Source, Tools, find_driver
from lineshaft.edge.intake import Intake, RowSink
from lineshaft.edge.model import Device
from lineshaft.edge.settings import EdgeSettings
from lineshaft.edge.tasks import end

_CLOSE_SECONDS = 5.0
_LAG_US = 500_000
"""What a sample may take from the device to here beside its group's periods."""

DeviceState = Literal["connecting", "connected", "lost", "refused"]
"""refused: the device, its credentials or its certificate must be put right by somebody; trying again seldom."""


class DeviceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one device stands."""

    name: str
    driver: str
    endpoint: str
    state: DeviceState
    since: str
    """RFC 3339: when the state began."""
    points: int
    newest: str = ""
    """Source time of the newest sample."""
    counts: dict[str, int] = {}
    """Since the gateway started: rows, repeats, losses, gaps, replaced times by reason …"""
    code: str = ""
    message: str = ""
    hint: str = ""
    """Why it is not connected."""


class DeviceRunner:
    """Runs one device until stopped.

    Args:
        lane: where its rows go.

    Raises:
        InvalidInput, NotFound: the device cannot be planned; says why.
    """

    def __init__(self, device: Device, lane: RowSink, tools: Tools, settings: EdgeSettings) -> None:
        driver = find_driver(device.driver)
        self.device = device
        self.plan: Plan = driver.plan(device)
        self.intake = Intake(self.plan, lane, int(settings.ahead_seconds * clock.MICROSECONDS))
        self._source: Source = driver.source(self.plan, tools)
        self._settings = settings
        self._admission = tools.admission
        self._state: DeviceState = "connecting"
        self._since = clock.now_us()
        self._trouble: LineshaftError | None = None
        self._lag_us = 2000 * max((group.period_ms for group in device.groups), default=0) + _LAG_US
        self._complete_us = self._since
        self._task: asyncio.Task[None] | None = None
        self._again = asyncio.Event()
        self._log = logs.get("edge")

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._run(), name=f"device {self.device.name}")

    async def stop(self) -> None:
        """Sign out and end."""
        await end(self._task)
        try:
            await asyncio.wait_for(self._source.close(), _CLOSE_SECONDS)
        except TimeoutError:
            self._log.warning("edge_device_not_closed", device=self.device.name)

    def retry(self) -> None:
        """Try again now what was refused."""
        self._again.set()

    def complete_us(self) -> int:
        """Source time before which every sample of the device is in the lane.

        A device that is connected delivers within two periods and some time for the way. One that is lost, or has just
        come back and may still deliver what it kept, is complete up to its loss only.
        """
        if self._state == "connected" and clock.now_us() - self._since > 2 * self._lag_us:
            self._complete_us = clock.now_us() - self._lag_us
        return self._complete_us

    def status(self) -> DeviceStatus:
        """How the device stands now."""
        newest = self.intake.newest_us
        return DeviceStatus(
            name=self.device.name, driver=self.device.driver, endpoint=self.device.endpoint, state=self._state,
            since=clock.rfc3339(self._since), points=len(self.plan.points),
            newest=clock.rfc3339(newest) if newest is not None else "", counts=dict(self.intake.counts),
            code=self._trouble.code if self._trouble else "", message=self._trouble.message if self._trouble else "",
            hint=self._trouble.hint if self._trouble else "",
        )  # fmt: skip

    async def _run(self) -> None:
        pause = self._settings.retry_seconds
        while True:
            self._become("connecting")
            self._again.clear()
            was_connected = False
            try:
                await self._admission.check(self.device)
                await self._source.open()
                await self._source.subscribe(self.intake)
                was_connected = True
                self._connected()
                trouble = await self._until_lost()
            except LineshaftError as error:
                trouble = error
            except Exception as error:  # noqa: BLE001  # a fault of the driver must not end the gateway's other devices
                self._log.exception("edge_driver_failed", device=self.device.name)
                trouble = Unavailable(
                    "edge.driver_failed", f"the driver of device {self.device.name!r} failed: {error!r}",
                    "The gateway's log has the details; please report them.", device=self.device.name, reason=repr(error),
                )  # fmt: skip
            self._disconnected(trouble)
            pause = self._settings.retry_seconds if was_connected else min(pause * 2, self._settings.retry_most_seconds)
            await self._pause(pause if isinstance(trouble, Unavailable) else self._settings.retry_most_seconds)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._again.wait(), seconds)

    async def _until_lost(self) -> LineshaftError:
        """Poll what is to be polled until the connection is gone; why it is."""
        watcher = asyncio.create_task(self._source.lost())
        pollers = [asyncio.create_task(self._poll(block)) for block in self.plan.of_mode("poll")]
        try:
            done, _ = await asyncio.wait([watcher, *pollers], return_when=asyncio.FIRST_COMPLETED)
            # A poller ends only by an error, and the driver has said then that the connection is lost.
            return await watcher if watcher in done else done.pop().result()
        finally:
            await end(watcher, *pollers)

    async def _poll(self, block: Block) -> Any:
        """Read a block at every whole period plus phase; a period that a slow answer missed is left out and counted."""
        period, phase = block.group.period_ms / 1000, block.group.phase_ms / 1000
        while True:
            now = clock.now_us() / clock.MICROSECONDS
            await asyncio.sleep(period - (now - phase) % period)
            started = clock.monotonic()
            columns = await self._source.read(block)
            if self.intake.doubtful:
                self.intake.confirm(columns)
            else:
                self.intake.take(columns)
            missed = int((clock.monotonic() - started) / period)
            if missed:
                self.intake.counts["missed_polls"] += missed

    def _connected(self) -> None:
        if self._trouble is not None:
            self._log.info("edge_device_recovered", device=self.device.name)
        else:
            self._log.info("edge_device_connected", device=self.device.name, points=len(self.plan.points))
        self._trouble = None
        self.intake.find()
        self._become("connected")

    def _disconnected(self, trouble: LineshaftError) -> None:
        if self._trouble is None or self._trouble.code != trouble.code:
            self._log.warning(
                "edge_device_lost",
                device=self.device.name,
                code=trouble.code,
                message=trouble.message,
                hint=trouble.hint,
            )
            metrics.LOSSES.labels(self.device.name).inc()
        self._trouble = trouble
        self.complete_us()  # as far as it was complete when the connection was still there
        self.intake.lose()
        self._become("lost" if isinstance(trouble, Unavailable) else "refused")

    def _become(self, state: DeviceState) -> None:
        if state == "connecting" and self._state in ("lost", "refused"):
            return  # trying again is no news
        if state != self._state:
            self._state = state
            self._since = clock.now_us()
