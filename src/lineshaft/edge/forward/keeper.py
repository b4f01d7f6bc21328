"""The keeper: bounds the store by bytes and by age. What goes is counted first, so that a gap record can say it."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from lineshaft.bus import StoredMessage, StreamState
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.forward.drops import Drops
from lineshaft.edge.forward.store import Store
from lineshaft.edge.settings import EdgeSettings

if TYPE_CHECKING:
    from lineshaft.edge.forward.forwarder import Forwarder

_LOOK_SECONDS = 1.0
_ROOM = 0.9
"""How full a store is left that was over its bound."""


class Keeper:
    """Keeps one store within its bounds until `run` is cancelled.

    Args:
        forwarder: knows which batches the hub has; it hears up to where batches have left.
    """

    def __init__(self, store: Store, drops: Drops, settings: EdgeSettings, forwarder: "Forwarder", log: Any) -> None:
        self.state: StreamState | None = None
        """The store as of the last look."""
        self.trouble = ""
        """Why the store cannot be kept within its bounds."""
        self._store = store
        self._drops = drops
        self._settings = settings
        self._forwarder = forwarder
        self._log = log
        self._at_hub: bool | None = False
        """Of the last batch that was written down."""

    async def run(self) -> None:
        while True:
            await self.once()
            await asyncio.sleep(_LOOK_SECONDS)

    async def once(self) -> None:
        """One look, whatever comes of it.

        The first comes before anything is sent: what is over a bound since the last life's last look goes into the
        record of what went before it, and not into another one beside batches that arrive meanwhile.
        """
        try:
            await self.look()
            self.trouble = ""
        except LineshaftError as error:  # the own bus is being started anew
            self.trouble = error.message
        except OSError as error:
            self._say(f"what is dropped cannot be written down: {error}")

    async def look(self) -> None:
        """One look; removes the oldest batches where the store is over a bound."""
        state = self.state = await self._store.state()
        if self._drops.up_to >= state.first:  # killed, or the own bus was, between writing down and removing
            await self._store.trim(self._drops.up_to)
            self._forwarder.gone(self._drops.up_to)
            state = self.state = await self._store.state()
        over = state.bytes - self._settings.store_bytes
        aged = state.messages > 0 and state.first_us < self._oldest_us()
        if state.messages > 1 and (over > 0 or aged):
            excess = state.bytes - round(self._settings.store_bytes * _ROOM) if over > 0 else 0
            await self._drop(state, excess)

    def _oldest_us(self) -> int:
        return clock.now_us() - round(self._settings.store_seconds * clock.MICROSECONDS)

    async def _drop(self, state: StreamState, excess: int) -> None:
        """Remove the oldest batches: as many as make `excess` bytes, and those too old; never the newest."""
        rows, up_to = self._drops.rows, 0
        async with contextlib.aclosing(self._store.read(state.first, "keeper", created=state.created)) as reader:
            async for messages in reader:
                going = []
                for message in messages:
                    if message.sequence >= state.last or (excess <= 0 and message.time_us >= self._oldest_us()):
                        break
                    excess -= _size(message)
                    going.append(message)
                if going:
                    up_to = going[-1].sequence
                    self._write_down(going)
                if len(going) < len(messages):
                    break
        if not up_to:
            return
        await self._store.trim(up_to)
        self._forwarder.gone(up_to)
        self._log.warning("edge_store_dropped", up_to=up_to, rows=self._drops.rows - rows)

    def _write_down(self, going: list[StoredMessage]) -> None:
        """Nothing is awaited here: a batch that left meanwhile would be among those that never came."""
        for message in going:
            before, self._at_hub = self._at_hub, self._forwarder.has_sent(message.sequence)
            self._drops.add(message, apart=self._at_hub is None or self._at_hub != before)
        self._drops.keep(going[-1].sequence)

    def _say(self, trouble: str) -> None:
        if not self.trouble:
            self._log.error("edge_store_not_bounded", reason=trouble)
        self.trouble = trouble


def _size(message: StoredMessage) -> int:
    """Bytes that a message takes in the store, as the server counts them."""
    headers = sum(len(name) + len(value) + 4 for name, value in message.headers.items()) + 12
    return len(message.subject) + headers + len(message.data) + 30
