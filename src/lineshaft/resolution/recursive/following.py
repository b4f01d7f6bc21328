"""Follows another server's change log without its records: only which of them are new is wanted."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Final

from lineshaft.bus import Bus
from lineshaft.core import logs
from lineshaft.core.errors import LineshaftError
from lineshaft.resolution.homes import HOME
from lineshaft.resolution.mirror.batch import Batch, decode_batch, stream_of

_PAUSE_SECONDS: Final = 0.5


class Follower:
    """Tells which records of one server changed.

    Args:
        bus: that the server publishes on.
        source: its name there.
        changed: told keys in the loop's thread; none: any may have changed, as after each beginning.
    """

    def __init__(self, bus: Bus, source: str, changed: Callable[[Sequence[bytes]], None]) -> None:
        self._bus = bus
        self.source = source
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._log = logs.get("resolution")
        self.trouble = "it has not begun"
        """Why nothing comes in just now."""

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"follow changes of {self.source}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except LineshaftError as error:
                if self.trouble != error.message:
                    self._log.warning("changes_not_followed", source=self.source, reason=error.message)
                self.trouble = error.message
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _follow(self) -> None:
        """Read the log from its end, until it breaks."""
        stream = stream_of(self.source)
        state = await self._bus.stream_info(stream)
        last: Batch | None = None
        reader = self._bus.read_stream(stream, state.last + 1, 16, reader=self._bus.name, created=state.created)
        self.trouble = ""
        self._changed(())
        async with aclosing(reader):
            async for messages in reader:
                for message in messages:
                    batch = decode_batch(message.data)
                    whole = last is None or (batch.origin == last.origin and batch.first <= last.last + 1)
                    keys = [key for key, _ in batch.records if not key.startswith(HOME)]
                    if keys or not whole:
                        self._changed(keys if whole else ())
                    last = batch
