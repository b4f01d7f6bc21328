"""Live subscriptions: a callback of the caller's, one message after the other, never cut short by a reconnect."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from nats.aio.msg import Msg

from lineshaft.bus.connection import Listener
from lineshaft.core import logs

MAXIMUM_WAITING = 10_000
MAXIMUM_WAITING_BYTES = 32 << 20


class LiveMessage(msgspec.Struct, frozen=True):
    """One message as it passes by."""

    subject: str
    headers: dict[str, str]
    data: bytes


Callback = Callable[[LiveMessage], Awaitable[None]]


class Subscription:
    """One subscription and the task that works through its messages."""

    def __init__(self, callback: Callback, registry: "list[Subscription]") -> None:
        self.dropped = 0
        """Messages lost because the callback was too slow."""
        self.listener: Listener | None = None
        self._callback = callback
        self._registry = registry
        self._queue: asyncio.Queue[LiveMessage] = asyncio.Queue()
        self._waiting_bytes = 0
        self._worker = asyncio.create_task(self._work())
        self._log = logs.get("bus")
        registry.append(self)

    def take(self, message: Msg) -> None:
        size = len(message.data)
        if self._queue.qsize() >= MAXIMUM_WAITING or self._waiting_bytes + size > MAXIMUM_WAITING_BYTES:
            if not self.dropped:
                self._log.warning("bus_messages_dropped", subject=message.subject)
            self.dropped += 1
            return
        self._waiting_bytes += size
        self._queue.put_nowait(LiveMessage(message.subject, message.headers or {}, message.data))

    async def stop(self) -> None:
        if self in self._registry:
            self._registry.remove(self)
        if self.listener is not None:
            await self.listener.stop()
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            message = await self._queue.get()
            self._waiting_bytes -= len(message.data)
            try:
                await self._callback(message)
            except Exception:  # noqa: BLE001  # one bad message must not end the subscription
                self._log.exception("bus_callback_failed", subject=message.subject)
