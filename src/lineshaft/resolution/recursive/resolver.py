"""The recursive role: any handle, from the roots or from memory.

Kept is the whole public record, for as long as its shortest-lived value; never what only some may read. That there is no
such handle or value is kept for a minute, that nobody answered for five seconds: the protocol gives neither a time.
Values leave as they came, times to live too, so that signatures over them verify.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from lineshaft.core import clock
from lineshaft.resolution import codes
from lineshaft.resolution.client import Answer, Client, lifetime
from lineshaft.resolution.messages import VerifyAnswer
from lineshaft.resolution.model import HandleValue, check_handle, handle_key, is_prefix_handle
from lineshaft.resolution.record import pack_record, unpack_record
from lineshaft.resolution.recursive.cache import Cache
from lineshaft.resolution.refused import Refused

_NOTHING: Final = frozenset((codes.RC_HANDLE_NOT_FOUND, codes.RC_VALUES_NOT_FOUND, codes.RC_INVALID_HANDLE))
_FAILURES: Final = frozenset((codes.RC_ERROR, codes.RC_SERVER_BUSY, codes.RC_PROTOCOL_ERROR, codes.RC_SERVER_BACKUP))
_MOST_REFUSALS: Final = 100_000
_MOST_CHANGED: Final = 10_000


class Caching(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept, and for how long."""

    most_bytes: int = 128 * 1024 * 1024
    """Of records."""
    negative_seconds: float = 60.0
    """That there is no such handle or value."""
    failure_seconds: float = 5.0
    """That nobody answered."""
    stale_seconds: int = 86_400
    """A record behind its end, for when nobody answers."""
    under_way: int = 1000
    """Handles asked about at a time; beyond, the answer is that there is too much to do."""


class Found(msgspec.Struct, frozen=True):
    values: tuple[HandleValue, ...]
    stale: bool = False
    """Their time is over, but nobody answers who could give newer ones."""


class RecursiveResolver:
    """Resolves for others. What `node` calls `Recursive`.

    Args:
        client: asks other servers.
        caching: bounds.
        certified: ask for signed answers, where servers have keys, not only on the way to them.
        seconds: the time, in seconds since 1970.
        now: seconds on a clock that never steps.
    """

    def __init__(
        self, client: Client, caching: Caching = Caching(), *, certified: bool = False,  # noqa: B008
        seconds: Callable[[], float] = time.time, now: Callable[[], float] = clock.monotonic,
    ) -> None:  # fmt: skip
        self._client = client
        self._caching = caching
        self._certified = certified
        self._seconds = seconds
        self._now = now
        self._cache = Cache(caching.most_bytes, caching.stale_seconds, self._prefetch, now)
        self._refusals: dict[bytes, tuple[Refused, float]] = {}
        self._under_way: dict[bytes, asyncio.Task[Found]] = {}
        self._void: set[asyncio.Task[Found]] = set()
        """Under way when what they ask about changed: who waits for them gets what comes, nobody else."""
        self._changed: dict[bytes, None] = {}
        """Changed since they were fetched: mirrors may be behind, and a primary site is asked first."""
        self.lookup: Final = self._cache.lookup
        """The record under a handle's comparison form that may be answered at once, or None."""
        self.asked = 0
        """Handles that other servers were asked about."""
        self.prefetched = 0
        self.served_stale = 0

    @property
    def kept(self) -> int:
        """Records in memory."""
        return len(self._cache)

    async def close(self) -> None:
        """Give up what is under way. The client is not closed."""
        self._cache.close()
        tasks = [*self._under_way.values(), *self._void]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def forget(self, keys: Sequence[bytes]) -> None:
        """Ask anew about records that changed; an empty list: about all.

        Args:
            keys: comparison forms of handles.
        """
        names = [name for key in keys for name in (key, b"\0" + key)] if keys else [*self._under_way]
        for name in names:
            task = self._under_way.pop(name, None)
            if task is not None:
                self._void.add(task)
        if not keys:
            self._cache.clear()
            self._refusals.clear()
            self._client.forget()
        for key in keys:
            self._cache.drop(key)
            self._refusals.pop(key, None)
            self._note_changed(key)
            if is_prefix_handle(key):
                self._client.forget(key)

    async def values(
        self, handle: bytes, types: Sequence[bytes] = (), *, authoritative: bool = False
    ) -> Sequence[HandleValue]:  # fmt: skip
        """The public values of a handle; `types` are chosen by who asks.

        Raises:
            Refused: as `find`.
        """
        return (await self.find(handle, authoritative=authoritative)).values

    async def find(self, handle: bytes, *, authoritative: bool = False) -> Found:
        """The public record of a handle.

        Args:
            handle: whose.
            authoritative: asked anew, from a primary site.

        Raises:
            Refused: 100, 102, 200; 2 where nobody answers and nothing is known of before; 3 too much is under way.
        """
        key = handle_key(check_handle(handle))
        if not authoritative:
            record = self.lookup(key)
            if record is not None:
                return Found(tuple(unpack_record(record)))
            self._refuse_known(key)
            if self.stale(key):
                return self._from_stale(key)
        try:
            return await asyncio.shield(self._task(key, handle, authoritative=authoritative))
        except Refused as refused:
            if refused.code in _FAILURES and not authoritative and self._cache.stale(key) is not None:
                return self._from_stale(key)
            raise

    def stale(self, key: bytes) -> bool:
        """Whether a record is answered behind its end, because nobody answered a moment ago."""
        refusal = self._refusals.get(key)
        return (
            refusal is not None and refusal[0].code in _FAILURES and refusal[1] > self._now()
            and self._cache.stale(key) is not None
        )  # fmt: skip

    async def verify(self, question: VerifyAnswer) -> bool:
        """Ask the server that holds a secret key whether an answer proves it; never from memory."""
        return await self._client.verify(question)

    def _task(self, key: bytes, handle: bytes, *, authoritative: bool) -> asyncio.Task[Found]:
        """The one question about a handle that is under way."""
        name = b"\0" + key if authoritative else key
        task = self._under_way.get(name)
        if task is None:
            if len(self._under_way) >= self._caching.under_way:
                raise Refused(codes.RC_SERVER_BUSY)
            task = asyncio.get_running_loop().create_task(self._fetch(key, handle, authoritative=authoritative))
            self._under_way[name] = task
            task.add_done_callback(lambda done: self._done(name, done))
        return task

    def _done(self, name: bytes, task: asyncio.Task[Found]) -> None:
        self._void.discard(task)
        if self._under_way.get(name) is task:
            del self._under_way[name]
        if not task.cancelled():
            task.exception()  # whoever waited has it

    async def _fetch(self, key: bytes, handle: bytes, *, authoritative: bool) -> Found:
        self.asked += 1
        try:
            answer = await self._ask(key, handle, authoritative=authoritative)
        except Refused as refused:
            if asyncio.current_task() not in self._void:
                self._note_refusal(key, refused)
            raise
        values = tuple(value for value in answer.values if value.public)
        if asyncio.current_task() in self._void:
            return Found(values)
        self._refusals.pop(key, None)
        self._changed.pop(key, None)
        self._cache.put(key, pack_record(values), lifetime(values, int(self._seconds())))
        return Found(values)

    async def _ask(self, key: bytes, handle: bytes, *, authoritative: bool) -> Answer:
        """Ask a primary site about what changed; where none answers, any site."""
        if key in self._changed and not authoritative:
            try:
                return await self._ask(key, handle, authoritative=True)
            except Refused as refused:
                if refused.code not in _FAILURES:
                    raise
        return await self._client.resolve(
            handle, authoritative=authoritative, certified=self._certified, follow_aliases=False
        )  # fmt: skip

    def _note_changed(self, key: bytes) -> None:
        while len(self._changed) >= _MOST_CHANGED:
            del self._changed[next(iter(self._changed))]
        self._changed[key] = None

    def _note_refusal(self, key: bytes, refused: Refused) -> None:
        if refused.code in _NOTHING:
            self._changed.pop(key, None)
            seconds = self._caching.negative_seconds
            self._cache.drop(key)
        elif refused.code in _FAILURES:
            seconds = self._caching.failure_seconds
        else:
            return
        self._refusals.pop(key, None)
        while len(self._refusals) >= _MOST_REFUSALS:
            del self._refusals[next(iter(self._refusals))]
        self._refusals[key] = (Refused(refused.code, refused.message), self._now() + seconds)

    def _refuse_known(self, key: bytes) -> None:
        found = self._refusals.get(key)
        if found is None:
            return
        refused, until = found
        if until <= self._now():
            del self._refusals[key]
        elif self._cache.stale(key) is None:
            raise Refused(refused.code, refused.message)

    def _from_stale(self, key: bytes) -> Found:
        record = self._cache.stale(key)
        assert record is not None
        self.served_stale += 1
        return Found(tuple(unpack_record(record)), stale=True)

    def _prefetch(self, key: bytes) -> None:
        """Fetch a popular record anew before its time ends."""
        if key not in self._under_way and len(self._under_way) < self._caching.under_way:
            self.prefetched += 1
            self._task(key, key, authoritative=False)
