"""A site divided anew among more servers, or fewer, while all of them go on answering.

Every server of the site as it will be follows, from every server of the site as it is, the records that are to be its own.
When all have come up to the logs, changes are held for a moment, the last of them follow, every server goes by the new
description, and changes are taken again: a client that still goes by the old one is told so (code 300) and asks anew.
At the end each server drops the records that are another's now.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Final

import msgspec

from lineshaft.bus import Bus, Listener
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, LineshaftError
from lineshaft.resolution import changes
from lineshaft.resolution.changes import Change
from lineshaft.resolution.homes import Homes, held, hold, put_site, release
from lineshaft.resolution.mirror.copying import Mirror
from lineshaft.resolution.mirror.place import drop_place
from lineshaft.resolution.mirror.snapshots import PACKAGE, Share, Wanted
from lineshaft.resolution.site import Site, decode_site, encode_site
from lineshaft.resolution.store import RecordStore, Transaction

DIVIDE: Final = "identifiers-divide"
PRINCIPAL: Final = "resolution"
"""As which the server of identifiers of a box uses the bus, and `lineshaft id reshard`: it divides, and nobody else."""
_LOOK_SECONDS: Final = 0.1
SETTLE_SECONDS: Final = 2.0
"""Within this every process of a server goes by a description that is in its store."""
_DROPPED: Final = 1000
_STEP_SECONDS: Final = 60.0
"""How long one step may take; a division of which nothing is heard for longer was given up."""
_LAST: Final = ("clean", "abandon")

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is, and of how much (0: not known)."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a division, as a server is told it."""

    step: str
    """copy, state, wait, hold, go, release, clean, abandon."""
    division: str
    """Which division it is a step of; `copy` opens one, `clean` and `abandon` end it."""
    site: bytes = b""
    """The new description."""
    servers: list[str] = []
    """Names of the servers of the new description, in its order; who is not among them gives up all its records."""
    sources: list[tuple[str, Share]] = []
    """Whom to copy from, each with its present share."""
    newest: dict[str, int] = {}
    """Number of each source's last change."""


class _Open(msgspec.Struct):
    """The division that a server takes part in."""

    division: str
    site: bytes
    heard: float
    gone: bool = False
    """Whether the server goes by the new description."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far one server is."""

    newest: int
    copied: int = 0
    ready: bool = False


class Member:
    """What a server does in a division when it is told.

    Args:
        bus: that orders come by.
        node: name of the server.
        store: its records.
        homes: by which it answers.
        settle_seconds: see `SETTLE_SECONDS`.
    """

    def __init__(
        self, bus: Bus, node: str, store: RecordStore, homes: Homes, number: int, settle_seconds: float = SETTLE_SECONDS
    ) -> None:
        self._bus = bus
        self._node = node
        self._store = store
        self._homes = homes
        self._number = number
        self._settle_seconds = settle_seconds
        self._mirrors: dict[str, Mirror] = {}
        self._listener: Listener | None = None
        self._open: _Open | None = None

    async def start(self) -> None:
        self._listener = await self._bus.serve(PACKAGE, DIVIDE, self._obey, gateway=self._node)

    async def stop(self) -> None:
        if self._listener is not None:
            await self._listener.stop()
        await self._stop_copying()

    async def _obey(self, caller: str, body: bytes) -> State:
        """Take a step.

        Raises:
            Forbidden: somebody else than `PRINCIPAL` asks.
            InvalidInput: no such step, or the new description and this server do not go together.
            Conflict: the step is not one of the division that is open here, or another one is.
        """
        if caller != PRINCIPAL:
            raise Forbidden(
                "resolution.division_caller", f"{caller} may not divide a site",
                "Use `lineshaft id reshard` on the box of the service.", caller=caller, principal=PRINCIPAL,
            )  # fmt: skip
        order = msgspec.json.decode(body, type=Order)
        steps: dict[str, Callable[[Order], Awaitable[None]]] = {
            "copy": self._copy, "state": self._nothing, "wait": self._wait, "hold": self._hold, "go": self._go,
            "release": self._release, "clean": self._clean, "abandon": self._abandon,
        }  # fmt: skip
        if order.step not in steps:
            raise InvalidInput(
                "resolution.division_step", f"{order.step!r} is no step of a division",
                "All servers must be of one version.", field="step", value=order.step,
            )  # fmt: skip
        division = self._division(order)
        await steps[order.step](order)
        division.heard = clock.monotonic()
        if order.step in _LAST and self._open is division:
            self._open = None
        return State(
            newest=changes.newest(self._store), ready=all(one.place is not None for one in self._mirrors.values()),
            copied=sum(one.copied for one in self._mirrors.values()),
        )  # fmt: skip

    def _division(self, order: Order) -> _Open:
        """The open division that an order belongs to; `copy` opens it, where no other one is under way."""
        now, division = clock.monotonic(), self._open
        given_up = division is None or division.heard + _STEP_SECONDS < now
        if order.step == "copy" and given_up:
            self._check_place(order)
            division = self._open = _Open(order.division, order.site, now)
        if (
            division is None or division.division != order.division
            or (order.step == "go" and division.site != order.site)
            or (order.step == "clean" and not division.gone)
        ):  # fmt: skip
            raise Conflict(
                "resolution.division_other", f"{order.step!r} is no step of the division that is open on {self._node}",
                f"Divide the site once more, {_STEP_SECONDS:.0f} seconds after the last step of the other division.",
                node=self._node, step=order.step,
            )  # fmt: skip
        division.heard = now
        return division

    def _check_place(self, order: Order) -> None:
        """Refuse a description that has this server elsewhere than the names say: it would drop records it is to keep."""
        place = _place(decode_site(order.site), self._number)
        named = order.servers.index(self._node) if self._node in order.servers else None
        if place != named:
            raise InvalidInput(
                "resolution.division_place", f"{self._node} is server {self._number}, which has another place in the new "
                "description than among the names", "Name each server once, in the order of the description.",
                field="servers", node=self._node, number=self._number,
            )  # fmt: skip

    async def _copy(self, order: Order) -> None:
        """Begin to follow what is to be this server's."""
        await self._stop_copying()  # for a division that was given up
        site = decode_site(order.site)
        place = _place(site, self._number)
        if place is None:
            return
        target = Share(site.hash_option, len(site.servers), place)
        for source, share in order.sources:
            if source != self._node and source not in self._mirrors:
                mirror = Mirror(
                    self._bus,
                    source,
                    self._store,
                    name=self._node,
                    wanted=Wanted(source=share, target=target),
                    relay=True,
                )
                self._mirrors[source] = mirror
                await mirror.start()

    async def _go(self, order: Order) -> None:
        """Go by the new description; every process does at the end of this."""
        site = decode_site(order.site)
        await self._stop_copying()
        await asyncio.to_thread(self._put_site, site)
        self._homes.renew()
        if self._open is not None:
            self._open.gone = True
        await asyncio.sleep(self._settle_seconds)

    async def _stop_copying(self) -> None:
        for source, mirror in list(self._mirrors.items()):
            await mirror.stop()
            await asyncio.to_thread(self._forget, source)
        self._mirrors.clear()

    def _forget(self, source: str) -> None:
        with self._store.write() as transaction:
            drop_place(transaction, source)

    async def _nothing(self, _: Order) -> None:
        """Only the answer is wanted."""

    async def _wait(self, order: Order) -> None:
        """Return when the sources' changes up to the order's numbers are in."""
        for source, newest in order.newest.items():
            if source in self._mirrors:
                await self._mirrors[source].caught_up(newest)

    async def _hold(self, _: Order) -> None:
        await asyncio.to_thread(self._change, hold)

    async def _release(self, _: Order) -> None:
        await asyncio.to_thread(self._change, release)

    async def _clean(self, _: Order) -> None:
        await asyncio.to_thread(self._drop_foreign)

    async def _abandon(self, order: Order) -> None:
        await self._stop_copying()
        await self._release(order)

    def _change(self, change: Callable[[Transaction], None]) -> None:
        with self._store.write() as transaction:
            change(transaction)

    def _put_site(self, site: Site) -> None:
        with self._store.write() as transaction:
            if not held(transaction) and self._homes.site.serial != site.serial:
                raise Conflict(
                    "resolution.division_late", f"{self._node} takes changes again: the division took too long",
                    "Divide the site again.", node=self._node,
                )  # fmt: skip
            put_site(transaction, site)

    def _drop_foreign(self) -> None:
        """Drop the records that are another server's, some at a time."""
        foreign = (
            (key, record) for key, record in self._store.scan() if not self._homes.ours(key)
        )  # fmt: skip
        while page := list(islice(foreign, _DROPPED)):
            with self._store.write() as transaction:
                changes.apply(transaction, [Change(key, transaction.get(key), None) for key, _ in page])


async def divide(
    bus: Bus, old: Sequence[str], new: Sequence[str], before: Site, after: Site, progress: Progress | None = None,
    *, seconds: float = _STEP_SECONDS,
) -> None:  # fmt: skip
    """Divide a site anew.

    Args:
        bus: that reaches all servers, old and new.
        old: names of the servers as they are, in the order of `before`.
        new: as they will be, in the order of `after`.
        before: the present description.
        after: the new one, with a higher serial.
        progress: told how it goes.
        seconds: how long one step may take, except the copying.

    Raises:
        InvalidInput: descriptions and names do not go together.
        LineshaftError: a server did not do its part. Before the new description holds, everything is then as it was.
    """
    _check(old, new, before, after)
    tell = progress or (lambda *_: None)
    data, division, names = encode_site(after), secrets.token_hex(16), list(new)
    everyone = list(dict.fromkeys([*old, *new]))
    sources = [(name, Share(before.hash_option, len(old), place)) for place, name in enumerate(old)]
    try:
        await _all(
            bus, everyone, Order(step="copy", division=division, site=data, servers=names, sources=sources), seconds
        )
        while True:
            states = await _all(bus, new, Order(step="state", division=division), seconds)
            tell("copying", sum(state.copied for state in states), 0)
            if all(state.ready for state in states):
                break
            await asyncio.sleep(_LOOK_SECONDS)
        await _follow(bus, division, old, new, "following", tell, seconds)
        await _all(bus, everyone, Order(step="hold", division=division), seconds)
        await _follow(bus, division, old, new, "last changes", tell, seconds)
        await _all(bus, everyone, Order(step="hold", division=division), seconds)
    except (LineshaftError, asyncio.CancelledError):
        await asyncio.shield(_all(bus, everyone, Order(step="abandon", division=division), seconds, patient=True))
        raise
    tell("new description", 0, len(everyone))
    await _all(bus, everyone, Order(step="go", division=division, site=data), seconds)
    await _all(bus, everyone, Order(step="release", division=division), seconds)
    tell("dropping old copies", 0, len(everyone))
    await _all(bus, everyone, Order(step="clean", division=division), seconds)
    tell("done", len(everyone), len(everyone))


async def _follow(
    bus: Bus, division: str, old: Sequence[str], new: Sequence[str], what: str, tell: Progress, seconds: float
) -> None:  # fmt: skip
    """Bring every new server up to what the logs of the old ones hold now."""
    states = await _all(bus, old, Order(step="state", division=division), seconds)
    newest = {name: state.newest for name, state in zip(old, states, strict=True)}
    tell(what, 0, len(new))
    await _all(bus, new, Order(step="wait", division=division, newest=newest), seconds)
    tell(what, len(new), len(new))


async def _all(
    bus: Bus, nodes: Sequence[str], order: Order, seconds: float, *, patient: bool = False
) -> list[State]:  # fmt: skip
    answers = await asyncio.gather(
        *(bus.request(PACKAGE, DIVIDE, order, State, timeout=seconds, gateway=node) for node in nodes),
        return_exceptions=True,
    )  # fmt: skip
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    if failed and not patient:
        raise failed[0]
    return [answer for answer in answers if isinstance(answer, State)]


def _check(old: Sequence[str], new: Sequence[str], before: Site, after: Site) -> None:
    if len(old) != len(before.servers) or len(new) != len(after.servers):
        raise InvalidInput(
            "resolution.division_servers", f"{len(old)} and {len(new)} servers are named, the descriptions have "
            f"{len(before.servers)} and {len(after.servers)}", "Name each server once, in the order of the description.",
            field="servers", named=len(new), described=len(after.servers),
        )  # fmt: skip
    if after.serial <= before.serial:
        raise InvalidInput(
            "resolution.division_serial", f"the new description's serial {after.serial} is not above {before.serial}",
            "Raise it: clients notice the change by it.", field="serial", value=after.serial, present=before.serial,
        )  # fmt: skip


def _place(site: Site, number: int) -> int | None:
    return next((place for place, server in enumerate(site.servers) if server.number == number), None)
