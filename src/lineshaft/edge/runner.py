"""Keeps one device connected and its values coming: opens it, subscribes, polls, and begins again after every loss."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError, Unavailable, plain_facts
from lineshaft.edge import metrics
from lineshaft.edge.driver import Block, Plan, ReadsBack, Source, Tools, Write, Writer, Written, find_driver
from lineshaft.edge.gaps import Gap
from lineshaft.edge.intake import Intake, RowSink
from lineshaft.edge.model import Device
from lineshaft.edge.settings import EdgeSettings
from lineshaft.edge.tasks import end

_CLOSE_SECONDS = 5.0
_CATCH_UP_SECONDS = 0.1
_COMPUTED = "calculated"
"""Its points are computed anew from their inputs: a moment without it loses nothing."""
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
    facts: dict[str, Any] = {}
    """Of that, by which it is said in other languages."""


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
        self.intake = Intake(self.plan, lane, int(settings.ahead_seconds * clock.MICROSECONDS), tools.board)
        self._source: Source = driver.source(self.plan, tools)
        self._settings = settings
        self._admission = tools.admission
        self._state: DeviceState = "connecting"
        self._since = clock.now_us()
        self._became = clock.monotonic()
        self._trouble: LineshaftError | None = None
        self._lag_us = 2000 * max((group.period_ms for group in device.groups), default=0) + _LAG_US
        self._complete_us = self._since
        self._task: asyncio.Task[None] | None = None
        self._again = asyncio.Event()
        self._answered: dict[str, float] = {}
        self._unread_us: int | None = None
        """Since when nobody reads the device, because its configuration changed; None while somebody does."""
        self._writing = asyncio.Lock()
        self._log = logs.get("edge")

    @property
    def unread_us(self) -> int | None:
        """Since when nobody has read the device that was connected before it was stopped; None where it never was."""
        return self._unread_us

    def succeed(self, unread_us: int | None) -> None:
        """Go on for a runner that was stopped: what the device said since is missing, which is recorded on connecting."""
        self._unread_us = unread_us

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._run(), name=f"device {self.device.name}")

    async def stop(self) -> None:
        """Sign out and end."""
        if self._state == "connected":
            self._unread_us = clock.now_us()
        await end(self._task)
        self._become("lost")  # nobody may take its values for those of now, nor write to it
        try:
            await asyncio.wait_for(self._source.close(), _CLOSE_SECONDS)
        except TimeoutError:
            self._log.warning("edge_device_not_closed", device=self.device.name)
        self.intake.flush()

    def retry(self) -> None:
        """Try again now what was refused."""
        self._again.set()

    @property
    def writer(self) -> Writer | None:
        """The device's source, where it can write."""
        return self._source if isinstance(self._source, Writer) else None

    def stale(self, point: int) -> str:
        """Why the newest value of a point may not be the present one; empty where it is.

        What is subscribed to is fresh while the connection lasts; what is polled for three periods after an answer.
        """
        if self._state != "connected":
            return f"it is {self._state}"
        group = self.device.group(self.plan.points[point].group)
        if group.mode != "poll":
            return ""
        age = clock.monotonic() - self._answered.get(group.name, -clock.MICROSECONDS)
        longest = (3000 * group.period_ms + _LAG_US) / clock.MICROSECONDS
        return "" if age <= longest else f"it has not answered for more than {longest:g} s"

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        """Write over the connection that is there, one call after the other. Who calls has asked the guard.

        Raises:
            Unavailable: the device is not connected, or nothing was sent.
        """
        async with self._writing:
            writer = self.writer
            if writer is None or self._state != "connected":
                raise Unavailable(
                    "edge.device_not_connected", f"device {self.device.name!r} is not connected, so nothing was written",
                    "`lineshaft device status` shows why.", device=self.device.name, state=self._state,
                )  # fmt: skip
            return await writer.write(writes)

    async def read_back(self, point: int) -> bool:
        """Ask the device for a point's value; False where it tells values by itself only.

        Raises:
            Unavailable: the connection broke.
        """
        if isinstance(self._source, ReadsBack):
            columns = await self._source.read_back(point)
        else:
            block = next((block for block in self.plan.of_mode("poll") if point in block.points), None)
            if block is None:
                return False
            columns = await self._source.read(block)
        self.intake.take(columns)
        return True

    def complete_us(self) -> int:
        """Source time before which every sample of the device is in the lane.

        A device that is connected delivers within two periods and some time for the way. One that is lost, or has just
        come back and may still deliver what it kept, is complete up to its loss only.
        """
        if self._state == "connected" and clock.monotonic() - self._became > 2 * self._lag_us / clock.MICROSECONDS:
            self._complete_us = clock.now_us() - self._lag_us
        held = self.intake.held_since_us
        return self._complete_us if held is None else min(self._complete_us, held)

    @property
    def state(self) -> DeviceState:
        """How the device stands now, in a word."""
        return self._state

    def status(self) -> DeviceStatus:
        """How the device stands now."""
        newest = self.intake.newest_us
        return DeviceStatus(
            name=self.device.name, driver=self.device.driver, endpoint=self.device.endpoint, state=self._state,
            since=clock.rfc3339(self._since), points=len(self.plan.points),
            newest=clock.rfc3339(newest) if newest is not None else "", counts=dict(self.intake.counts),
            code=self._trouble.code if self._trouble else "", message=self._trouble.message if self._trouble else "",
            hint=self._trouble.hint if self._trouble else "",
            facts=plain_facts(self._trouble) if self._trouble else {},
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
            async with asyncio.timeout(seconds):
                await self._again.wait()

    async def _until_lost(self) -> LineshaftError:
        """Poll what is to be polled until the connection is gone; why it is."""
        watcher = asyncio.create_task(self._source.lost())
        pollers = [asyncio.create_task(self._poll(block)) for block in self.plan.of_mode("poll")]
        if any(point.report is not None for point in self.plan.points):
            pollers.append(asyncio.create_task(self._catch_up()))
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
            self._answered[block.group.name] = clock.monotonic()
            if self.intake.doubtful:
                self.intake.confirm(columns)
            else:
                self.intake.take(columns)
            missed = int((clock.monotonic() - started) / period)
            if missed:
                self.intake.counts["missed_polls"] += missed

    async def _catch_up(self) -> Any:
        while True:
            await asyncio.sleep(_CATCH_UP_SECONDS)
            self.intake.catch_up()

    def _connected(self) -> None:
        if self._trouble is not None:
            self._log.info("edge_device_recovered", device=self.device.name)
        else:
            self._log.info("edge_device_connected", device=self.device.name, points=len(self.plan.points))
        self._trouble = None
        self.intake.find()
        self._become("connected")
        self._tell_unread()

    def _tell_unread(self) -> None:
        """Record what a change of configuration cost: what a device sends by itself, and polls that were not made."""
        since, self._unread_us = self._unread_us, None
        if since is None or self.device.driver == _COMPUTED:
            return
        now = clock.now_us()
        longest = max((1000 * group.period_ms for group in self.device.groups if group.mode == "poll"), default=0)
        if self.plan.of_mode("subscribe") or now - since > longest:
            detail = f"{self.device.name}: not read while its configuration changed"
            self.intake.gap(Gap(cause="sequence", from_ts=since, to_ts=max(now, since + 1), detail=detail))

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
            self._since, self._became = clock.now_us(), clock.monotonic()
