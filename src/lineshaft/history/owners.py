"""Which gateway may send which tags: those that some configuration gave to it, ever. Imports no database.

A gateway's credentials let it publish under its own name only, but a batch names its tags by number. Whoever configures
gateways tells, with each configuration, the tags of every gateway on one subject of the bus, where the last word is
kept. A tag that was given to no gateway anybody may send. What a gateway had once it may send for ever: batches that it
kept through an outage come after its devices were moved.
"""

import zlib
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from lineshaft.bus import CONFIG, Bus, LiveMessage
from lineshaft.core.errors import Corrupt

Ranges = tuple[tuple[int, int], ...]
"""First and last of each run of numbers, ascending, with holes between."""


def merge(ranges: Ranges, numbers: Iterable[int]) -> Ranges:
    """The ranges with more numbers in them."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted([*ranges, *((number, number) for number in set(numbers))]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def encode(owned: Mapping[str, Ranges]) -> bytes:
    """What goes over the bus: the tags of every gateway, deflated."""
    return zlib.compress(msgspec.json.encode(owned))


def decode(data: bytes) -> dict[str, Ranges]:
    """The opposite.

    Raises:
        Corrupt: it is something else.
    """
    try:
        return msgspec.json.decode(zlib.decompress(data), type=dict[str, Ranges])
    except (zlib.error, msgspec.MsgspecError) as error:
        raise Corrupt(
            "history.owners_unreadable", f"what the bus keeps of the gateways' tags cannot be read: {error}",
            "Change any device: it is written anew.", reason=str(error),
        ) from error  # fmt: skip


class Owners:
    """What the bus says of the tags' gateways, as the writer asks it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._subject = bus.subjects.tag_owners()
        self._owned: dict[str, Ranges] = {}
        self._foreign: dict[str, np.ndarray] = {}
        """For each gateway that was asked about, whether a number is others' and not its own."""
        self._known = False

    async def follow(self) -> None:
        """Hear of every change from now on."""
        await self._bus.subscribe(self._subject, self._changed)
        self._bus.on_connection(lambda _connected: self._forget())

    async def foreign(self, gateway: str, tags: np.ndarray) -> np.ndarray:
        """Which of the tags are other gateways' and not this one's.

        Raises:
            Unavailable: the bus cannot be asked. Corrupt: what it keeps cannot be read.
        """
        if not self._known:
            await self._look()
        wrong = self._ask(gateway, tags)
        if wrong.any():  # perhaps they have been given to it a moment ago
            await self._look()
            wrong = self._ask(gateway, tags)
        return wrong

    async def _look(self) -> None:
        message = await self._bus.last_message(CONFIG, self._subject)
        self._set({} if message is None else decode(message.data))

    async def _changed(self, message: LiveMessage) -> None:
        try:
            self._set(decode(message.data))
        except Corrupt:
            self._forget()  # the next batch says so

    def _forget(self) -> None:
        self._known = False

    def _set(self, owned: dict[str, Ranges]) -> None:
        if owned != self._owned:
            self._owned, self._foreign = owned, {}
        self._known = True

    def _ask(self, gateway: str, tags: np.ndarray) -> np.ndarray:
        table = self._foreign.get(gateway)
        if table is None:
            table = self._foreign[gateway] = self._table(gateway)
        return np.asarray(table.take(tags, mode="clip"))

    def _table(self, gateway: str) -> np.ndarray:
        """By number; the last place stands for all beyond, which are nobody's."""
        most = max((last for ranges in self._owned.values() for _, last in ranges), default=0)
        table = np.zeros(most + 2, dtype=bool)
        for name, ranges in self._owned.items():
            if name != gateway:
                for first, last in ranges:
                    table[first : last + 1] = True
        for first, last in self._owned.get(gateway, ()):
            table[first : last + 1] = False
        return table
