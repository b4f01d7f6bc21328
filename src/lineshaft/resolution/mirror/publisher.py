"""Sends a store's change log to its stream, in order, each batch once, and forgets locally what the stream holds.

The stream is the only memory of how far it came: its last message says. A batch is stored only behind the message that
its publisher believes to be the last, so that two publishers never mix their batches, whatever became of the lease.
"""

import asyncio
import contextlib
from typing import Final

from lineshaft.bus import Bus
from lineshaft.bus.streams import Streams
from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError, Unavailable
from lineshaft.resolution import changes
from lineshaft.resolution.mirror.batch import BESIDE, Batch, decode_batch, encode_batch, stream_of
from lineshaft.resolution.mirror.lease import SECONDS as LEASE_SECONDS
from lineshaft.resolution.mirror.lease import Lease
from lineshaft.resolution.mirror.origin import knows, new_mark, recognise
from lineshaft.resolution.mirror.threads import in_thread
from lineshaft.resolution.store import RecordStore

MOST: Final = 1000
_DIGESTS: Final = 2000
_IDLE_SECONDS: Final = 0.05
_PAUSE_SECONDS: Final = 0.5
_TRIM_SECONDS: Final = 2.0
_ROOM: Final = 4
"""The stream loses its older half when less than one part in so many of it is left: who is behind takes a snapshot."""
_DUPLICATE_NANOSECONDS: Final = 120 * 10**9
STREAM_BYTES: Final = 64 << 20


class Publisher:
    """Follows one store's log.

    Args:
        bus: that the stream is on.
        node: name of the server, unique on the bus.
        store: its records; several processes may each have a publisher, one of them works.
        stream_bytes: how much the stream may hold.
    """

    def __init__(
        self, bus: Bus, node: str, store: RecordStore, *, stream_bytes: int = STREAM_BYTES,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:  # fmt: skip
        self._bus = bus
        self._node = node
        self._subject = bus.subjects.identifier_changes(node)
        self._store = store
        self._stream_bytes = stream_bytes
        self._lease = Lease(lease_seconds)
        self._origin = ""
        self._touched: set[bytes] = set()
        self._stored = 0
        """Sequence in the stream of its last message; 0: none."""
        self._mark = ""
        """The mark of that message."""
        self._since = 0.0
        self._held_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._log = logs.get("resolution")
        self.published = 0
        """Number of the last change in the stream, as far as this process knows."""
        self.trouble = ""
        """Why nothing goes out just now."""

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"publish changes of {self._node}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            with contextlib.suppress(Unavailable):
                await in_thread(self._release)

    async def _run(self) -> None:
        known = False
        while True:
            try:
                if clock.monotonic() > self._held_until:
                    if not await in_thread(self._hold):
                        known = False
                        await asyncio.sleep(_PAUSE_SECONDS)
                        continue
                    self._held_until = clock.monotonic() + self._lease.seconds / 4
                if not known:
                    await self._find_place()
                    known = True
                await self._work()
            except LineshaftError as error:
                if self.trouble != error.message:
                    self._log.warning("identifier_changes_wait", node=self._node, reason=error.message)
                self.trouble = error.message
                known = False
                if error.code != "bus.full" or not await self._has_made_room():
                    await asyncio.sleep(_PAUSE_SECONDS)

    async def _find_place(self) -> None:
        """Make the stream, and learn from it how far it is."""
        stream = stream_of(self._node)
        await Streams(self._bus.connection).ensure({
            "name": stream, "subjects": [self._subject], "retention": "limits", "storage": "file", "num_replicas": 1,
            "allow_direct": True, "max_consumers": -1, "max_msgs": -1, "max_msgs_per_subject": -1,
            "max_msg_size": -1, "max_age": 0, "discard": "new", "duplicate_window": _DUPLICATE_NANOSECONDS,
            "max_bytes": self._stream_bytes,
        })  # fmt: skip
        self._stored, batch = await self._last(stream)
        sure = False
        while (recognised := await in_thread(self._recognise, batch, sure=sure)) is None:
            # Whoever still publishes after the end of its lease forgets older marks: then more is stored by now.
            before = self._stored
            self._stored, batch = await self._last(stream)
            sure = self._stored == before
        self._origin, goes_on = recognised
        self._mark = "" if batch is None else batch.mark
        self.published = batch.last if batch is not None and goes_on else 0
        self._touched = {prefix for prefix, _ in await in_thread(self._some_digests)}
        if not goes_on:
            self._log.warning("identifier_changes_begin_anew", node=self._node)
            await self._publish(await in_thread(self._beginning))

    async def _last(self, stream: str) -> tuple[int, Batch | None]:
        """Sequence and content of the stream's last message; 0 and None where it is empty."""
        last = await self._bus.last_message(stream, self._subject)
        return (0, None) if last is None else (last.sequence, decode_batch(last.data))

    def _recognise(self, last: Batch | None, *, sure: bool) -> tuple[str, bool] | None:
        """As `recognise`; None where the store does not know the message, and it may no longer be the last."""
        with self._store.write() as transaction:
            return recognise(transaction, last) if sure or knows(transaction, last) else None

    def _beginning(self) -> Batch:
        """What tells followers that this is another history than the one they know: no changes, under another name."""
        with self._store.write() as transaction:
            newest = changes.last_sequence(transaction)
            return Batch(
                self._origin, newest + 1, newest, mark=new_mark(transaction, self._mark), before=self._mark
            )  # fmt: skip

    def _some_digests(self) -> list[tuple[bytes, changes.PrefixDigest]]:
        """Prefixes to tell the digests of once: what an earlier publisher owed is not known."""
        found = []
        for one in changes.digests(self._store):
            found.append(one)
            if len(found) == _DIGESTS:
                break
        return found

    async def _work(self) -> None:
        """Publish what there is; returns at the log's end after a pause."""
        if changes.newest(self._store) > self.published:
            batch = await in_thread(self._next)
            if batch is not None:
                await self._publish(batch)
        else:
            await asyncio.sleep(_IDLE_SECONDS)
        if clock.monotonic() - self._since > _TRIM_SECONDS:
            self._since = clock.monotonic()
            await self._trim()

    async def _publish(self, batch: Batch) -> None:
        stored = await self._bus.publish_stored(
            self._subject, await in_thread(encode_batch, batch),
            {"Nats-Expected-Last-Subject-Sequence": str(self._stored)}, f"{batch.origin}-{batch.mark}",
        )  # fmt: skip
        self._stored, self._mark, self.published, self.trouble = stored.sequence, batch.mark, batch.last, ""
        self._touched -= {prefix for prefix, _, _ in batch.digests}

    def _next(self) -> Batch | None:
        """The next run of the log; in a transaction, so that records, log and digests belong together."""
        most_bytes = min(self._bus.max_payload // 2, self._stream_bytes // (2 * _ROOM))
        with self._store.write() as transaction:
            newest = changes.last_sequence(transaction)
            first = sequence = self.published + 1
            records: dict[bytes, bytes | None] = {}
            size = 0
            while sequence <= newest and len(records) < MOST and size < most_bytes:
                key = changes.entry_at(transaction, sequence)
                if key is None:  # forgotten: followers notice that numbers are missing, and take a snapshot
                    first = sequence = self._oldest(sequence, newest)
                    records.clear()
                    continue
                if key not in records:
                    beside = key.startswith(BESIDE)
                    record = transaction.get(key, "meta" if beside else "records")
                    if beside and len(record or b"") > most_bytes:  # proofs of a huge batch: mirrors do without
                        self._log.warning("identifier_proofs_too_long", node=self._node, bytes=len(record or b""))
                    else:
                        records[key] = record
                        size += len(key) + len(record or b"") + 16
                    if not beside:
                        self._touched.add(key.partition(b"/")[0])
                sequence += 1
            digests = []
            if sequence > newest:
                for prefix in sorted(self._touched)[:_DIGESTS]:
                    digest = changes.digest_of(transaction, prefix)
                    digests.append((prefix, digest.records, digest.sum.to_bytes(32, "big")))
            if sequence == first:
                self.published = newest
                return None
            mark = new_mark(transaction, self._mark)
        return Batch(
            self._origin, first, sequence - 1, list(records.items()), digests, mark=mark, before=self._mark
        )  # fmt: skip

    def _oldest(self, behind: int, newest: int) -> int:
        """Number of the first entry that is still there; behind the newest where none is."""
        found = changes.entries(self._store, behind, 1)
        return found[0].sequence if found else newest + 1

    async def _trim(self) -> None:
        """Forget what the stream holds; make room in the stream before it is full."""
        while await in_thread(changes.trim, self._store, self.published):
            pass
        await self._make_room()

    async def _has_made_room(self) -> bool:
        try:
            return await self._make_room(full=True)
        except LineshaftError:
            return False

    async def _make_room(self, *, full: bool = False) -> bool:
        """Drop the older half of the stream where it is nearly full; whether it was dropped."""
        stream = stream_of(self._node)
        state = await self._bus.stream_info(stream)
        middle = (state.first + state.last) // 2
        # the last message stays: it says how far the stream is
        if state.first <= middle < state.last and (full or state.bytes * _ROOM > self._stream_bytes * (_ROOM - 1)):
            return await self._bus.trim(stream, middle) > 0
        return False

    def _hold(self) -> bool:
        with self._store.write() as transaction:
            return self._lease.hold(transaction)

    def _release(self) -> None:
        with self._store.write() as transaction:
            self._lease.release(transaction)
