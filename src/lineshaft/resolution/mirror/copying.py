"""A mirror: follows the change log of one source into a store, from a place of its own, and compares digests."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from lineshaft.bus import Bus
from lineshaft.core import clock, logs
from lineshaft.core.errors import Conflict, LineshaftError, NotFound
from lineshaft.resolution import changes
from lineshaft.resolution.changes import Change
from lineshaft.resolution.homes import HOME
from lineshaft.resolution.mirror.batch import BESIDE, Batch, decode_batch, stream_of
from lineshaft.resolution.mirror.place import Place, current_place, drop_place, put_place, read_place
from lineshaft.resolution.mirror.snapshots import Wanted, snapshot
from lineshaft.resolution.mirror.threads import in_thread
from lineshaft.resolution.store import RecordStore, Transaction

_PAUSE_SECONDS: Final = 0.5
_ANEW: Final = 3
"""Prefixes that are taken anew one by one after a batch; beyond, everything is."""

OnChange = Callable[[Sequence[bytes]], None]
"""Told in the loop's thread which records (comparison forms of handles) are new; empty: any."""


class Mirror:
    """Copies one source into a store.

    Args:
        bus: that the source publishes on.
        source: name of the server whose records are copied.
        store: of the copy. Nothing else may write the source's records here.
        on_change: see `OnChange`; caches forget what they knew.
        name: tells several mirrors of one principal apart; a second one of a name and source takes over.
        wanted: what is copied; digests are compared where that is everything.
        relay: log what comes, so that this store's own followers get it.
    """

    def __init__(
        self, bus: Bus, source: str, store: RecordStore, *, on_change: OnChange | None = None,
        name: str = "mirror", wanted: Wanted = Wanted(), relay: bool = False,  # noqa: B008
    ) -> None:  # fmt: skip
        self._bus = bus
        self._source = source
        self._store = store
        self._on_change = on_change
        self._wanted = wanted
        self._whole = wanted == Wanted()
        self._relay = relay
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self._moved = asyncio.Condition()
        self._log = logs.get("resolution")
        self.place: Place | None = None
        self.trouble = ""
        """Why nothing comes in just now."""
        self.snapshots = 0
        """How many were taken since the start; one that broke off and was asked for again is one."""
        self.copied = 0
        """Records of the snapshot under way."""
        self.mismatches = 0
        """Digests that were wrong."""
        self.changed_at = clock.monotonic()

    async def start(self) -> None:
        """Go on from where the store is; `caught_up` tells when it has come far enough."""
        self.place = await in_thread(current_place, self._store, self._source)
        self._task = asyncio.create_task(self._run(), name=f"mirror {self._source}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def caught_up(self, sequence: int) -> None:
        """Return when the source's change with that number is in, and no part of a snapshot is newer than the rest."""
        async with self._moved:
            await self._moved.wait_for(
                lambda: self.place is not None and self.place.sequence >= max(sequence, self.place.ahead)
            )

    async def _run(self) -> None:
        while True:
            try:
                if self.place is None:
                    await self._take_snapshot()
                await self._follow()
            except LineshaftError as error:
                if self.trouble != error.message:
                    self._log.warning("mirror_waits", source=self._source, reason=error.message)
                self.trouble = error.message
                await asyncio.sleep(_PAUSE_SECONDS)

    # -- the log ------------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Read the stream for ever; returns when a snapshot is needed."""
        stream = stream_of(self._source)
        state = await self._bus.stream_info(stream)
        place = self.place
        assert place is not None
        if place.created and (place.created != state.created or place.stream > state.last):
            await self._begin_anew()  # another stream, or an older state of it: what its source did since is not known
            return
        first = place.stream + 1 if place.created else state.first
        reader = self._bus.read_stream(stream, first, 16, reader=self._name, created=state.created)
        try:
            async with aclosing(reader):
                async for messages in reader:
                    for message in messages:
                        batch = decode_batch(message.data)
                        if not await self._take(batch, message.sequence, state.created):
                            await self._begin_anew()
                            return
                    self.trouble = ""
        except (Conflict, NotFound) as error:
            self.trouble = error.message
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _take(self, batch: Batch, message: int, created: str) -> bool:
        """Apply a batch; False where one before it is missing."""
        keys, wrong, place = await in_thread(self._apply, batch, message, created)
        if place is None:
            return False
        await self._set_place(place)
        if self._on_change is not None and keys:
            self._on_change(keys)
        if wrong:
            self.mismatches += len(wrong)
            self._log.error(
                "mirror_differs", source=self._source, at=batch.last,
                prefixes=[prefix.decode("utf-8", "replace") for prefix in wrong[:10]],
            )  # fmt: skip
            if len(wrong) > _ANEW:
                return False
            for prefix in wrong:
                await self._take_prefix(prefix)
        return True

    def _apply(self, batch: Batch, message: int, created: str) -> tuple[list[bytes], list[bytes], Place | None]:
        """Keys that changed, prefixes whose digest is wrong, and the place; None where this batch does not follow it."""
        with self._store.write() as transaction:
            place = read_place(transaction, self._source)
            if place is None or not _follows(place, batch):
                return [], [], None
            place = msgspec.structs.replace(place, stream=message, created=created, mark=batch.mark)
            if batch.last <= place.sequence:
                put_place(transaction, self._source, place)
                return [], [], place
            made = list(self._made(transaction, batch, place))
            changes.apply(transaction, made, logged=self._relay)
            wrong = [] if not self._whole else [
                prefix for prefix, digest in map(batch.digest, range(len(batch.digests)))
                if place.comparable(prefix, batch.last) and changes.digest_of(transaction, prefix) != digest
            ]  # fmt: skip
            place = msgspec.structs.replace(place, sequence=batch.last)
            put_place(transaction, self._source, place)
        return [change.key for change in made], wrong, place

    def _made(self, transaction: Transaction, batch: Batch, place: Place) -> Iterable[Change]:
        for key, record in batch.records:
            if key.startswith(BESIDE):
                self._put_beside(transaction, key, record)
            elif self._wanted.has(key) and not place.knows(key.partition(b"/")[0], batch.last):
                before = transaction.get(key)
                if before != record:
                    yield Change(key, before, record)

    async def _set_place(self, place: Place | None) -> None:
        async with self._moved:
            self.place = place
            self.changed_at = clock.monotonic()
            self._moved.notify_all()

    # -- snapshots ----------------------------------------------------------------------------------------------------

    async def _begin_anew(self) -> None:
        """The log does not go on from here: the next turn takes a snapshot."""
        self._log.warning("mirror_begins_anew", source=self._source)
        await in_thread(self._forget)
        await self._set_place(None)

    def _forget(self) -> None:
        with self._store.write() as transaction:
            drop_place(transaction, self._source)

    async def _take_snapshot(self) -> None:
        self.copied = 0
        stream, created = await self._end_of_stream()  # what is in the stream by now is in the snapshot, too
        end = await self._merge(self._wanted, b"")
        place = Place(end.origin, end.first, stream, created, ahead=end.last)
        await in_thread(self._put_place, place)
        self.snapshots += 1
        await self._set_place(place)
        if self._on_change is not None:
            self._on_change(())

    async def _end_of_stream(self) -> tuple[int, str]:
        """Sequence of the stream's last message, and when the stream was made; it may not be there yet."""
        try:
            state = await self._bus.stream_info(stream_of(self._source))
        except NotFound:
            return 0, ""
        return state.last, state.created

    async def _take_prefix(self, prefix: bytes) -> None:
        """Take one prefix anew, because its digest is wrong."""
        end = await self._merge(Wanted(prefix=prefix.hex()), prefix + b"/")
        place = self.place
        assert place is not None
        marks = {**place.prefixes, prefix.hex(): (end.first, end.last)}
        place = msgspec.structs.replace(place, prefixes=marks)
        await in_thread(self._put_place, place)
        await self._set_place(place)
        if self._on_change is not None:
            self._on_change(())

    async def _merge(self, wanted: Wanted, beginning: bytes) -> Batch:
        """Make the store equal to a snapshot, part by part in key order; returns its last part."""
        after = b""
        homes: dict[bytes, bytes] = {}
        async for batch in snapshot(self._bus, self._source, wanted):
            homes.update(batch.homes)
            if batch.homes or batch.proofs:
                await in_thread(self._merge_proofs, batch.proofs)
                continue
            if not batch.records:
                await in_thread(self._merge_part, batch.records, beginning, after, None)
                if wanted.prefix is None:
                    await in_thread(self._merge_homes, homes)
                return batch
            last = batch.records[-1][0]
            await in_thread(self._merge_part, batch.records, beginning, after, last)
            after = last
            self.copied += len(batch.records)
        raise Conflict(
            "resolution.snapshot_cut", f"the snapshot of {self._source} ended before its end",
            "It is asked for again.", source=self._source,
        )  # fmt: skip

    def _merge_part(
        self, records: Sequence[tuple[bytes, bytes | None]], beginning: bytes, after: bytes, last: bytes | None
    ) -> None:
        """What is to be between two keys is; what else is there goes."""
        with self._store.write() as transaction:
            given = dict(records)
            made = [Change(key, transaction.get(key), record) for key, record in records]
            for key, before in self._store.scan(beginning, after):
                if last is not None and key > last:
                    break
                if key not in given and self._wanted.has(key):
                    made.append(Change(key, before, None))
            changes.apply(transaction, made, logged=self._relay)

    def _merge_homes(self, homes: dict[bytes, bytes]) -> None:
        with self._store.write() as transaction:
            for key, prefix in homes.items():
                self._put_beside(transaction, key, prefix)
            if self._whole:
                for key, _ in list(self._store.scan(HOME, space="meta")):
                    if key not in homes:
                        self._put_beside(transaction, key, None)

    def _merge_proofs(self, proofs: Sequence[tuple[bytes, bytes]]) -> None:
        """What is here and not there stays: it proves nothing of what there is."""
        with self._store.write() as transaction:
            for key, data in proofs:
                self._put_beside(transaction, key, data)

    def _put_beside(self, transaction: Transaction, key: bytes, data: bytes | None) -> None:
        """Keep something in `meta`."""
        if transaction.get(key, "meta") == data:
            return
        if data is None:
            transaction.delete(key, "meta")
        else:
            transaction.put(key, data, "meta")
        if self._relay:
            changes.note(transaction, key)

    def _put_place(self, place: Place) -> None:
        with self._store.write() as transaction:
            put_place(transaction, self._source, place)


def _follows(place: Place, batch: Batch) -> bool:
    """Whether a message is the next one of the history that a copy has followed so far."""
    return (
        place.origin == batch.origin and batch.first <= place.sequence + 1 and (not place.mark or place.mark == batch.before)
    )  # fmt: skip
