"""What changed elsewhere reaches the memory of every process of a node: by way of the store that they share.

Whoever follows the change log of other servers (one process of the node) notes in `meta` which records changed; every
process that resolves looks there some times a second and forgets them. Only the last notes are kept: who missed one
forgets everything.

    changed            number of the last note
    changed/<number>   keys of records (comparison forms of handles) that are new; none: any
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from lineshaft.core import logs
from lineshaft.core.errors import LineshaftError
from lineshaft.resolution.store import RecordStore

LOOK_SECONDS: Final = 0.2
_PAUSE_SECONDS: Final = 0.5
_CHANGED: Final = b"changed/"
_LAST: Final = b"changed"
_KEPT: Final = 256
_MOST: Final = 10_000
"""Keys of one note; beyond, everything is forgotten."""


class Noting:
    """The side of who follows.

    Args:
        store: that the processes share.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._waiting: set[bytes] | None = set()
        """None: any."""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._log = logs.get("resolution")

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="resolution notes changes elsewhere")

    async def stop(self) -> None:
        """Return when no thread is at the store any more."""
        if self._task is not None:
            self._stopping = True
            self._wake.set()
            await self._task
            self._task = None

    def changed(self, keys: Sequence[bytes]) -> None:
        """Have records forgotten; an empty list: all. In the loop's thread."""
        if not keys or self._waiting is None or len(self._waiting) + len(keys) > _MOST:
            self._waiting = None
        else:
            self._waiting.update(keys)
        self._wake.set()

    async def _run(self) -> None:
        while not self._stopping or self._wake.is_set():
            await self._wake.wait()
            self._wake.clear()
            keys, self._waiting = self._waiting, set()
            if keys is not None and not keys:
                continue
            try:
                await asyncio.to_thread(note, self._store, sorted(keys or ()))
            except LineshaftError as error:
                self._log.error("changes_not_noted", reason=error.message)
                self.changed(())  # as soon as the disk takes it
                await asyncio.sleep(_PAUSE_SECONDS)
                if self._stopping:
                    return


def note(store: RecordStore, keys: Sequence[bytes]) -> None:
    """Note that records changed; an empty list: any may have."""
    with store.write() as transaction:
        number = int.from_bytes(transaction.get(_LAST, "meta") or b"", "big") + 1
        transaction.put(_LAST, number.to_bytes(8, "big"), "meta")
        transaction.put(_key(number), msgspec.msgpack.encode(keys), "meta")
        if number > _KEPT:
            transaction.delete(_key(number - _KEPT), "meta")


def newest(store: RecordStore) -> int:
    """Number of the last note; 0 before the first."""
    return max((_number(key) for key, _ in store.scan(_CHANGED, space="meta")), default=0)


class Listening:
    """The side of who resolves.

    Args:
        store: that the processes share. What was noted before is known already.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._seen = newest(store)

    def take(self) -> Sequence[bytes] | None:
        """Keys of records that changed since the last call; an empty list: any may have; None: nothing changed."""
        notes = list(self._store.scan(_CHANGED, after=_key(self._seen), space="meta"))
        if not notes:
            return None
        missed = _number(notes[0][0]) != self._seen + 1
        self._seen = _number(notes[-1][0])
        found = [msgspec.msgpack.decode(data, type=list[bytes]) for _, data in notes]
        return [] if missed or not all(found) else [key for keys in found for key in keys]


def _key(number: int) -> bytes:
    return _CHANGED + number.to_bytes(8, "big")


def _number(key: bytes) -> int:
    return int.from_bytes(key[len(_CHANGED) :], "big")
