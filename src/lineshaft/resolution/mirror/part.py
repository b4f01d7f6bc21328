"""What a server of identifiers does for its copies, beside answering: publish, give snapshots, follow, be divided."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from lineshaft.bus import Bus, BusSettings
from lineshaft.core.health import Check
from lineshaft.core.home import Home
from lineshaft.resolution import changes
from lineshaft.resolution.homes import Homes
from lineshaft.resolution.mirror.copying import Mirror, OnChange
from lineshaft.resolution.mirror.division import PRINCIPAL, Member
from lineshaft.resolution.mirror.publisher import Publisher
from lineshaft.resolution.mirror.snapshots import serve_snapshots
from lineshaft.resolution.site import Site
from lineshaft.resolution.store import RecordStore


class Replication:
    """Runs beside the workers of a node, on their records.

    Args:
        bus: of the servers that copy each other; its principal's name is the server's.
        store: the records, which several processes may have open.
        site: the description by which the node started.
        number: of the server within the site.
        mirror_of: name of the server whose copy this one is; empty: it is a primary.
        on_change: told what a mirror takes in, see `copying.OnChange`.
    """

    def __init__(
        self, bus: Bus, store: RecordStore, site: Site, number: int, *, mirror_of: str = "",
        on_change: OnChange | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        homes = Homes(store, site, number)
        self._publisher = None if mirror_of else Publisher(bus, bus.name, store)
        self._mirror = Mirror(bus, mirror_of, store, on_change=on_change, name=bus.name) if mirror_of else None
        self._member = None if mirror_of else Member(bus, bus.name, store, homes, number)
        self._bus = bus
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        for part in (self._publisher, self._member, self._mirror):
            if part is not None:
                await part.start()
                self._stack.push_async_callback(part.stop)
        if self._mirror is None:
            for listener in await serve_snapshots(self._bus, self._bus.name, self._store):
                self._stack.push_async_callback(listener.stop)

    async def stop(self) -> None:
        await self._stack.aclose()

    async def checks(self) -> list[Check]:
        """How far log and copy are."""
        found = []
        if self._publisher is not None:
            waiting = await asyncio.to_thread(changes.newest, self._store) - self._publisher.published
            trouble = self._publisher.trouble
            found.append(
                Check(
                    name="change log", ok=not trouble, detail=trouble or f"{max(0, waiting)} changes wait to be published",
                    hint="It goes on by itself; changes are kept until then." if trouble else "",
                )
            )  # fmt: skip
        if self._mirror is not None:
            mirror = self._mirror
            at = "the first snapshot is under way" if mirror.place is None else f"at change {mirror.place.sequence}"
            found.append(
                Check(
                    name="mirror", ok=not mirror.trouble and mirror.place is not None,
                    detail=mirror.trouble or f"{at}; {mirror.mismatches} prefixes differed and were taken anew",
                    hint="It goes on by itself as soon as the primary answers." if mirror.trouble else "",
                )
            )  # fmt: skip
        return found


@asynccontextmanager
async def connected(settings: BusSettings, home: Home) -> AsyncIterator[Bus]:
    """The bus, as a box's server of identifiers."""
    bus = await Bus.connect(settings, home, PRINCIPAL)
    try:
        await bus.wait_connected(5.0)
        yield bus
    finally:
        await bus.close()
