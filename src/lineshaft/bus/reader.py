"""Reading a stream by sequence: nothing skipped, nothing twice, nothing acknowledged.

A consumer that starts at a sequence and takes no acknowledgements is asked for batches, one ahead of the caller. Its
own numbering tells a message lost on the way (the consumer is made anew) from a range that the stream no longer
holds (a jump of the stream's sequence that the caller sees).
"""

import asyncio
import contextlib
import secrets
from collections import deque

import msgspec
from nats.aio.msg import Msg

from lineshaft.bus import faults
from lineshaft.bus.connection import Connection, Listener, status_of
from lineshaft.bus.permissions import consumer_name
from lineshaft.bus.streams import StoredMessage, Streams
from lineshaft.core import logs
from lineshaft.core.errors import DeadlineExceeded, LineshaftError, Unavailable

_NANOSECONDS = 1_000_000_000
_PULL_SECONDS = 30
_PULL_BYTES = 8 << 20
_HEARTBEAT_SECONDS = 5
_SILENCE_SECONDS = 3 * _HEARTBEAT_SECONDS
_IDLE_SECONDS = 30
_FIRST_BACKOFF_SECONDS = 0.1
_MAXIMUM_BACKOFF_SECONDS = 5.0
_NEW, _LOST = "new", "connection lost"
_OWNER = "reader"
_HEARTBEAT = "100"
_PULL_ENDED = ("404", "408")
_BATCH_ENDED = ("Batch Completed", "Message Size Exceeds MaxBytes")
_ACK_PREFIX = "$JS.ACK."
_SHORT_REPLY = 9  # tokens of `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`


class StreamReader:
    """Gives a stream's messages from a sequence on, in batches, for ever: `async for batch in reader`.

    An `anext` that is cancelled loses nothing. End it with `aclose()`, or use it in `contextlib.aclosing`.

    Args:
        created: the stream's creation time that `first` belongs to; None takes the stream that is there.
        reader: tells several readers of one principal apart.
    """

    def __init__(
        self, connection: Connection, stream: str, first: int, *,
        batch: int = 256, reader: str = "", created: str | None = None,
    ) -> None:  # fmt: skip
        self.stream = stream
        self.consumer = consumer_name(connection.name, reader)
        self.next_sequence = first
        self.created = created
        self.waiting = 0
        """How many messages the stream held beyond the last one received."""
        self._connection = connection
        self._streams = Streams(connection)
        self._batch = batch
        self._messages: deque[StoredMessage] = deque()
        self._pulled = 0
        self._expected = 1
        self._inbox = ""
        self._listener: Listener | None = None
        self._broken = _NEW
        self._end: LineshaftError | None = None
        self._closed = False
        self._making: asyncio.Task[None] | None = None
        self._event = asyncio.Event()
        self._token = secrets.token_hex(8)
        self._unwatch = connection.on_change(self._connection_changed)
        self._log = logs.get("bus")

    def __aiter__(self) -> "StreamReader":
        return self

    async def __anext__(self) -> list[StoredMessage]:
        """The next messages, at least one; waits for ever.

        Raises:
            Conflict: the stream was made anew, or lost its end, or another reader of this name took over.
            NotFound: there is no such stream.
            Forbidden: this principal may not read it.
        """
        while True:
            await self._request_more()
            if self._messages:
                return self._take()
            if self._end is not None:
                raise self._end
            if self._broken:
                await self._finish_making()
                continue
            self._event.clear()
            await self._wait()

    async def aclose(self) -> None:
        """Stop reading; whoever waits for messages gets `bus.unreachable`. Removes the consumer if it is still ours."""
        if self._closed:
            return
        self._closed = True
        ours = self._end is None
        self._end = self._end or faults.unreachable(self._connection.name, "the reader is closed")
        self._event.set()
        self._unwatch()
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)
        await self._detach()
        if ours and self._connection.connected:
            with contextlib.suppress(LineshaftError):
                await self._streams.call(f"CONSUMER.DELETE.{self.stream}.{self.consumer}", missing_ok=True)

    # -- the caller's side --------------------------------------------------------------------------------------------

    def _take(self) -> list[StoredMessage]:
        # Nothing is awaited between taking messages and handing them over: a cancelled caller would lose them.
        taken = [self._messages.popleft() for _ in range(min(len(self._messages), self._batch))]
        self.next_sequence = taken[-1].sequence + 1
        return taken

    async def _request_more(self) -> None:
        """Ask for a batch when the last one has come and the caller is at most a batch behind."""
        if self._pulled > 0 or len(self._messages) > self._batch or self._broken:
            return
        pull = {
            "batch": self._batch, "expires": int(_PULL_SECONDS * _NANOSECONDS),
            "idle_heartbeat": int(_HEARTBEAT_SECONDS * _NANOSECONDS),
            "max_bytes": max(_PULL_BYTES, 2 * self._connection.max_payload),
        }  # fmt: skip
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{self.consumer}"
        self._pulled = self._batch
        try:
            await self._connection.publish(subject, msgspec.json.encode(pull), reply=self._inbox)
        except Unavailable:
            self._break(_LOST)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_SILENCE_SECONDS):
                await self._event.wait()
        except TimeoutError:
            self._break("silent")

    # -- the server's side --------------------------------------------------------------------------------------------

    def _receive(self, message: Msg) -> None:
        reply = message.reply
        if not reply.startswith(_ACK_PREFIX):
            self._control(message)
            return
        tokens = reply.split(".")
        at = 5 if len(tokens) == _SHORT_REPLY else 7
        if int(tokens[at + 1]) != self._expected:
            self._break("message lost on the way")
            return
        self._expected += 1
        self._pulled -= 1
        self.waiting = int(tokens[at + 3])
        self._messages.append(
            StoredMessage(
                int(tokens[at]), message.subject, message.headers or {}, message.data, int(tokens[at + 2]) // 1000
            )
        )
        self._event.set()

    def _control(self, message: Msg) -> None:
        status = status_of(message)
        if status == _HEARTBEAT:
            self._event.set()
            return
        description = (message.headers or {}).get("Description", "")
        if status in _PULL_ENDED or description in _BATCH_ENDED:
            self._pulled = 0
            self._event.set()
        else:
            self._break(f"{status} {description}")

    def _connection_changed(self, connected: bool) -> None:  # noqa: FBT001  # a watcher's one argument
        if not connected:
            self._break(_LOST)

    def _break(self, reason: str) -> None:
        """The consumer is of no use any more: what it delivered stays, the rest comes from a new one."""
        self._broken = reason
        self._event.set()

    # -- the consumer -------------------------------------------------------------------------------------------------

    async def _finish_making(self) -> None:
        """Wait for a new consumer. It is made apart, so that callers who wait a moment at a time get one too."""
        if self._making is None:
            self._making = asyncio.create_task(self._remake(), name=f"reader of {self.stream}")
        making = self._making
        await asyncio.wait([making])
        self._making = None
        if not making.cancelled():  # `aclose` cancels it
            making.result()

    async def _remake(self) -> None:
        backoff = _FIRST_BACKOFF_SECONDS
        while self._end is None:
            try:
                if self._broken not in (_NEW, _LOST):
                    self._log.warning("bus_reader_restarts", stream=self.stream, reason=self._broken)
                    await asyncio.sleep(_FIRST_BACKOFF_SECONDS)
                await self._connection.ready(None)
                await self._make()
            except (Unavailable, DeadlineExceeded) as error:
                if backoff == _FIRST_BACKOFF_SECONDS:  # once is enough
                    self._log.warning("bus_reader_waits", stream=self.stream, code=error.code, message=error.message)
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _MAXIMUM_BACKOFF_SECONDS)
            else:
                return

    async def _make(self) -> None:
        """Check that the stream is the one read before, then start a consumer at the next message."""
        await self._detach()
        self._messages.clear()  # what came after the break comes again
        state = await self._streams.state(self.stream)
        if self.created is not None and state.created != self.created:
            raise faults.stream_recreated(self.stream, self.created, state.created)
        if self.next_sequence > state.last + 1:
            raise faults.stream_behind(self.stream, self.next_sequence, state.last)
        self.created = state.created
        await self._check_owner()
        await self._streams.call(f"CONSUMER.DELETE.{self.stream}.{self.consumer}", missing_ok=True)
        self._expected, self._pulled, self._broken = 1, 0, ""
        try:
            await self._start_consumer()
        except BaseException:
            self._broken = self._broken or "not made"
            raise

    async def _start_consumer(self) -> None:
        self._inbox = self._connection.new_inbox()
        self._listener = await self._connection.listen(self._inbox, self._receive)
        config = {
            "name": self.consumer, "deliver_policy": "by_start_sequence", "opt_start_seq": self.next_sequence,
            "ack_policy": "none", "replay_policy": "instant", "mem_storage": True, "num_replicas": 1,
            "inactive_threshold": _IDLE_SECONDS * _NANOSECONDS, "metadata": {_OWNER: self._token},
        }  # fmt: skip
        body = {"stream_name": self.stream, "config": config, "action": "create"}
        await self._streams.call(f"CONSUMER.CREATE.{self.stream}.{self.consumer}", body)

    async def _check_owner(self) -> None:
        """The newest reader of a name wins, in whatever process it runs: the first start takes over, later ones ask."""
        if self._broken == _NEW:
            return
        found = await self._streams.call(f"CONSUMER.INFO.{self.stream}.{self.consumer}", missing_ok=True)
        if found is not None and found["config"].get("metadata", {}).get(_OWNER) != self._token:
            self._end = faults.reader_replaced(self.stream, self.consumer)
            raise self._end

    async def _detach(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.stop()
