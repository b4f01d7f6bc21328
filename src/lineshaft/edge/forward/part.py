"""Store and forward as the gateway's service sees it: what the lane publishes to, its checks, its figures."""

import asyncio
from typing import Any

from lineshaft.bus import Bus, BusAdministration, ServerCare
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.core.health import Check
from lineshaft.core.home import Home
from lineshaft.edge.forward.drops import Drops
from lineshaft.edge.forward.forwarder import Forwarder
from lineshaft.edge.forward.keeper import Keeper
from lineshaft.edge.forward.local import FOLDER, LocalBus
from lineshaft.edge.forward.store import Store
from lineshaft.edge.settings import EdgeSettings
from lineshaft.edge.tasks import end

_CONNECT_SECONDS = 10.0
_RETRY_SECONDS = 0.2
_ROTATE_SECONDS = 30 * 24 * 3600.0


class StoreAndForward:
    """One gateway's store and its way to the hub. Make it with `open`, have `run` running, end it with `close`."""

    def __init__(self, home: Home, settings: EdgeSettings, local: Bus, hub: Bus, log: Any) -> None:
        self.store = Store(local, hub, settings)
        self._home = home
        self._settings = settings
        self._local = local
        self._hub = hub
        self._log = log
        self._drops: Drops | None = None
        self._keeper: Keeper | None = None
        self._forwarder: Forwarder | None = None
        self._care: ServerCare | None = None

    @classmethod
    async def open(cls, home: Home, settings: EdgeSettings, hub: Bus, log: Any) -> "StoreAndForward":
        """Connect to this machine's own bus.

        Raises:
            Unavailable: `lineshaft edge run` has never prepared this home.
        """
        local = await LocalBus(home, settings).connect(_CONNECT_SECONDS)
        return cls(home, settings, local, hub, log)

    async def run(self) -> None:
        """Make the stream, then forward and keep within bounds, for ever."""
        administration = await LocalBus(self._home, self._settings).administer()
        self._care = ServerCare(administration, self._home)
        work = [
            asyncio.create_task(self._care.run(), name="edge bus care"),
            asyncio.create_task(self._keep_rotating(administration), name="edge bus key"),
        ]
        try:
            self._drops = Drops(self._home.folder(FOLDER) / "dropped.json", await self._make())
            self._forwarder = Forwarder(self.store, self._hub, self._drops, self._settings, self._log)
            self._keeper = Keeper(self.store, self._drops, self._settings, self._forwarder, self._log)
            await self._keeper.once()
            work += [
                asyncio.create_task(self._forwarder.run(), name="edge forwarder"),
                asyncio.create_task(self._keeper.run(), name="edge keeper"),
            ]
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(*work)
            await administration.close()

    async def close(self) -> None:
        """Disconnect; what waits stays in the store."""
        await self._local.close()

    def checks(self) -> list[Check]:
        """The own bus is reached, and takes what the lane gives it."""
        connected = self._local.check()
        keeper = self._keeper.trouble if self._keeper is not None else "starting"
        hub = self._forwarder.trouble if self._forwarder is not None else None
        checks = [
            Check(name="store", ok=connected.ok and not keeper, detail=connected.detail or keeper, hint=connected.hint),
            Check.of("forwarding", hub),
        ]  # fmt: skip
        return [*checks, self._care.check()] if self._care is not None else checks

    def status(self) -> dict[str, Any]:
        """Figures for people."""
        keeper, forwarder = self._keeper, self._forwarder
        state = keeper.state if keeper is not None else None
        if forwarder is None or state is None or self._drops is None:
            return {"state": "starting"}
        age = (clock.now_us() - state.first_us) / clock.MICROSECONDS if state.messages else 0.0
        trouble = next((check.detail for check in self.checks() if not check.ok), "")
        return {
            "state": "hub away" if not self._hub.connected else "back-fill" if forwarder.live else "live",
            "waiting_batches": forwarder.waiting(state.last), "kept_batches": state.messages, "kept_bytes": state.bytes,
            "oldest_seconds": round(max(0.0, age), 1), "live_per_second": round(forwarder.live_rate.per_second(), 1),
            "backfill_per_second": round(forwarder.backfill_rate.per_second(), 1),
            "dropped_rows": self._drops.rows, "trouble": trouble,
        }  # fmt: skip

    async def _keep_rotating(self, administration: BusAdministration) -> None:
        while True:
            await asyncio.sleep(_ROTATE_SECONDS)
            try:
                await LocalBus(self._home, self._settings).rotate(administration)
                self._log.info("edge_bus_key_rotated")
            except LineshaftError as error:
                self._log.warning("edge_bus_key_not_rotated", code=error.code, message=error.message)

    async def _make(self) -> str:
        """Make the stream, however often the own bus goes away meanwhile; its creation time."""
        said = ""
        while True:
            try:
                await self.store.make()
                return (await self.store.state()).created
            except LineshaftError as error:
                if error.code != said:
                    self._log.warning("edge_store_waits", code=error.code, message=error.message)
                said = error.code
                await asyncio.sleep(_RETRY_SECONDS)
