"""Changing the number of shards: all old ones are brought to one message of the stream, then the table changes over.

The change-over is one commit. Before it the table is as it was, killed at any moment; after it every new shard finds a
snapshot of just that message, so none reads what another had, and none leaves out what nobody had.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterable, Callable

import msgspec

from lineshaft.bus import StoredMessage
from lineshaft.core import logs
from lineshaft.history.commits import Commit, application_of, lane_transaction
from lineshaft.history.committer import Committer
from lineshaft.history.latest import LatestTable
from lineshaft.history.settings import HistorySettings
from lineshaft.history.shards import COUNT, reached_transaction, since_transaction, snapshots_of
from lineshaft.history.snapshot import Retired, State, newest_number, write_snapshot
from lineshaft.history.storage import Storage
from lineshaft.history.writer import Writer

MakeWriter = Callable[[HistorySettings, Committer], Writer]
"""Makes a writer that is not open yet, of the shard that settings name."""
Read = Callable[[int], contextlib.AbstractAsyncContextManager[AsyncIterable[list[StoredMessage]]]]
"""Opens the stream at a sequence."""


class ChangeOver:
    """From `found` shards to as many as the settings say; the first shard does it for all.

    Args:
        stream: name and creation time of the stream.
        first: its first message.
        make: makes the old shards' writers.
        read: gives the stream's messages.
    """

    def __init__(
        self, settings: HistorySettings, storage: Storage, found: int, stream: tuple[str, str], first: int,
        make: MakeWriter, read: Read,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._storage = storage
        self._found = found
        self._name, self._created = stream
        self._first = first
        self._make = make
        self._read = read
        self._writers: list[Writer] = []

    async def run(self) -> int:
        """Do it; returns the message behind which the new number holds.

        Raises:
            Conflict: an old shard is at work again, or another changed over first; look anew.
            Unavailable: the table or the stream cannot be reached; nothing has changed.
        """
        committer = Committer(self._storage)
        try:
            for shard in range(self._found):
                settings = msgspec.structs.replace(self._settings, shards=self._found, shard=shard)
                self._writers.append(self._make(settings, committer))
                await self._writers[-1].open(self._name, self._created, first=self._first)
            until = max(writer.committed for writer in self._writers)
            for writer in self._writers:
                await self._bring(writer, until)
            await self._change(committer, until)
        finally:
            for writer in self._writers:
                await writer.close()
            await committer.close()
        return until

    async def _bring(self, writer: Writer, until: int) -> None:
        """Take in and seal what an old shard still lacks up to a message."""
        if writer.committed >= until or self._first > until:  # in that case it has nothing left to read
            return
        async with self._read(writer.committed + 1) as batches:
            async for messages in batches:
                for message in messages:
                    if message.sequence <= until:
                        await writer.take(message)
                    if writer.hot.open_bytes >= self._settings.seal_bytes:
                        await writer.seal()
                if messages[-1].sequence >= until:
                    break
        await writer.seal()

    async def _change(self, committer: Committer, until: int) -> None:
        number, found = self._settings.shards, self._found
        standing = [writer.standing() for writer in self._writers]
        fences = [writer.fence for writer in self._writers]
        maximum = self._settings.maximum_tag
        sealed = _together([each[1] for each in standing], LatestTable(believe_any_time=True, maximum=maximum))
        latest = _together([each[2] for each in standing], LatestTable(maximum=maximum))
        applications = [
            fences[shard].application if shard < found else application_of(self._name, self._created, shard)
            for shard in range(number)
        ]
        for shard, application in enumerate(applications):
            state = msgspec.structs.replace(
                standing[0][0], application=application, sequence=until, retired=_retired(standing, shard, number)
            )
            await asyncio.to_thread(_write, self._storage.child(snapshots_of(shard)), state, sealed, latest)
        stream, others = f"{self._name}@{self._created}", fences[1:]
        transactions = {
            COUNT: number, since_transaction(stream): until,
            **dict.fromkeys((*applications, *(fence.application for fence in others)), until),
            **{f"fence:{fence.application}": fence.epoch + 1 for fence in others},
            **{reached_transaction(stream, shard): until for shard in range(max(number, found))},
            **await asyncio.to_thread(self._marks, range(found, number)),
        }  # fmt: skip
        agreed = {f"fence:{fence.application}": fence.epoch for fence in others}
        agreed |= {fence.application: fence.sequence for fence in others if fence.sequence is not None}
        commit = Commit(fence=fences[0], sequence=until, agreed=agreed, transactions=transactions)
        await committer.commit("samples", commit)
        logs.get("history").info("history_shards_changed", before=found, shards=number, sequence=until)

    def _marks(self, shards: range) -> dict[str, int]:
        """The lanes' high-water marks for shards that come; those of the first one hold for all at one message."""
        from lineshaft.history.table import Table
        from lineshaft.history.verify.lanes import transactions

        if not shards:
            return {}
        samples = self._storage.child("samples")
        told = transactions(samples, Table(samples, "samples").version)
        lanes = [(name.split(":"), seq) for name, seq in told.items() if name.startswith("gw:") and "/" not in name]
        return {
            lane_transaction(lane[1], lane[2], shard): seq
            for lane, seq in lanes if len(lane) == 3
            for shard in shards
        }  # fmt: skip


def _together(tables: list[LatestTable], whole: LatestTable) -> LatestTable:
    """One table of what several hold, each of its own tags."""
    for table in tables:
        rows = table.rows()
        if len(rows):
            whole.load(rows, table.rank[table.known()])
    return whole


def _retired(standing: list[tuple[State, LatestTable, LatestTable]], shard: int, number: int) -> list[Retired]:
    """Files that a new shard is to delete when their time has come: its own, and the first one those of all that go."""
    states = [state for state, _, _ in standing]
    heirs = [*states[shard : shard + 1], *(states[number:] if shard == 0 else [])]
    return [entry for state in heirs for entry in state.retired]


def _write(place: Storage, state: State, sealed: LatestTable, latest: LatestTable) -> None:
    """Write the next snapshot of a folder. It holds all tags, and so is true of the old shards too: nothing is hot."""
    state = msgspec.structs.replace(state, number=newest_number(place) + 1)
    differing = latest.differing(sealed)
    write_snapshot(place, state, sealed.rows(), latest.rows(differing), latest.rank[differing])
