"""All records of a store, or of a prefix, or of a share of a site, as a streamed answer over the bus."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from typing import TypeVar

import msgspec

from lineshaft.bus import Bus, Listener
from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import changes
from lineshaft.resolution.homes import HOME
from lineshaft.resolution.mirror.batch import Batch, decode_batch, encode_batch
from lineshaft.resolution.mirror.origin import origin_of
from lineshaft.resolution.proofs import BATCH
from lineshaft.resolution.site import shard_of
from lineshaft.resolution.store import RecordStore

PACKAGE = "resolution"
SNAPSHOT, STANDING = "identifiers-snapshot", "identifiers-standing"
"""Requests are addressed to one server by its name."""
T = TypeVar("T")
_CHUNK_BYTES = 256 << 10
_CHUNK = 2000


class Share(msgspec.Struct, frozen=True):
    """One server's part of a site."""

    hash_option: int
    servers: int
    place: int

    def has(self, key: bytes) -> bool:
        return self.servers < 2 or shard_of(key, self.hash_option, self.servers) == self.place


class Wanted(msgspec.Struct, frozen=True):
    """What of a store is wanted: everything, one prefix, or what both shares have in common."""

    prefix: str | None = None
    """In hexadecimal."""
    source: Share | None = None
    target: Share | None = None

    def has(self, key: bytes) -> bool:
        return (self.source is None or self.source.has(key)) and (self.target is None or self.target.has(key))


class Standing(msgspec.Struct, frozen=True):
    """How far a source is."""

    origin: str
    newest: int
    records: int
    digests: list[tuple[str, int, str]] = []


class _Question(msgspec.Struct, frozen=True):
    after: str = ""
    most: int = 0


async def serve_snapshots(bus: Bus, node: str, store: RecordStore) -> list[Listener]:
    """Give copies of a store to whoever may ask for them, and tell how far it is."""

    async def give(_caller: str, body: bytes) -> AsyncIterator[tuple[dict[str, str], bytes]]:
        batches = _batches(store, _read(body, Wanted))
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            yield {}, encode_batch(batch)

    async def tell(_caller: str, body: bytes) -> Standing:
        return await asyncio.to_thread(_standing, store, _read(body, _Question))

    return [
        await bus.serve_stream(PACKAGE, SNAPSHOT, give, gateway=node),
        await bus.serve(PACKAGE, STANDING, tell, gateway=node),
    ]


async def snapshot(bus: Bus, node: str, wanted: Wanted) -> AsyncIterator[Batch]:
    """The parts of a snapshot, in key order. `first` of every part is the number of the last change before it began.

    The last part has no records; its `last` is the number of the last change when it ended.
    """
    async with aclosing(bus.request_stream(PACKAGE, SNAPSHOT, wanted, timeout=30, gateway=node)) as chunks:  # type: ignore[type-var]
        async for _, data in chunks:
            yield decode_batch(data)


async def standing(bus: Bus, node: str, *, after: bytes = b"", most: int = 0) -> Standing:
    """How far a source is, with the digests of up to so many prefixes."""
    question = _Question(after.hex(), most)
    return await bus.request(PACKAGE, STANDING, question, Standing, timeout=30, gateway=node)


def _batches(store: RecordStore, wanted: Wanted) -> Iterator[Batch]:
    origin, first = origin_of(store), changes.newest(store)
    prefix = b"" if wanted.prefix is None else bytes.fromhex(wanted.prefix) + b"/"
    homes = list(store.scan(HOME, space="meta")) if wanted.prefix is None else []
    for start in range(0, len(homes), _CHUNK):
        yield Batch(origin, first, first, homes=homes[start : start + _CHUNK])
    if wanted.prefix is None:
        for proofs in _chunks(store.scan(BATCH, space="meta")):
            yield Batch(origin, first, first, proofs=proofs)
    for records in _chunks(pair for pair in store.scan(prefix) if wanted.has(pair[0])):
        yield Batch(origin, first, first, [*records])
    yield Batch(origin, first, changes.newest(store))


def _chunks(pairs: Iterable[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    """Pairs, as many together as travel well."""
    chunk: list[tuple[bytes, bytes]] = []
    size = 0
    for key, data in pairs:
        if chunk and size + len(key) + len(data) > _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append((key, data))
        size += len(key) + len(data)
    if chunk:
        yield chunk


def _standing(store: RecordStore, question: _Question) -> Standing:
    """Number and digests of one moment, as far as a transaction's worth of prefixes goes."""
    origin = origin_of(store)
    after = bytes.fromhex(question.after)
    found = []
    with store.write() as transaction:
        newest = changes.last_sequence(transaction)
        for prefix, _ in _behind(store, after, question.most):
            digest = changes.digest_of(transaction, prefix)
            found.append((prefix.hex(), digest.records, str(digest)))
    return Standing(origin, newest, store.count(), found)


def _behind(store: RecordStore, after: bytes, most: int) -> Iterator[tuple[bytes, changes.PrefixDigest]]:
    count = 0
    for prefix, digest in changes.digests(store):
        if prefix > after and count < most:
            count += 1
            yield prefix, digest


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            "resolution.mirror_question", f"the request cannot be read: {error}", "Both sides must be of one version.",
            field="body", reason=str(error),
        ) from error  # fmt: skip
